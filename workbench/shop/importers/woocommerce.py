"""WooCommerce: its own product export, and orders as the widely used Advanced Order Export writes them, one line for each item."""

from __future__ import annotations

from workbench.shop.importers.base import Fill, Importer, text

_PRODUCT = "coalesce(nullif(trim({SKU}), ''), nullif(trim({Item Name}), ''))"
_USER = "lower(nullif(trim({Email (Billing)}), ''))"

ORDERS = Importer(
    "woocommerce-orders",
    "WooCommerce orders (Advanced Order Export)",
    ("Order Number", "Order Status", "Order Date", "Email (Billing)", "SKU", "Item Name", "Item Cost"),
    {
        "events": Fill(
            {
                "event_id": "md5(concat_ws('|', {Order Number}, {SKU}, {Item Name}, {Item Cost}, "
                "row_number() OVER (PARTITION BY {Order Number}, {SKU}, {Item Name} ORDER BY line)))",
                "user_id": _USER,
                "product_id": _PRODUCT,
                "kind": "CASE WHEN lower({Order Status}) LIKE '%refunded' THEN 'return' ELSE 'purchase' END",
                "happened_at": "{Order Date}",
                "quantity": "{Quantity (- Refund)}",
                "price": "{Item Cost}",
                "order_id": text("Order Number"),
            },
            set_apart={"not_completed": "regexp_matches(lower({Order Status}), 'cancelled|failed|pending|draft|trash')"},
            attributes=False,
        ),
        "products": Fill({"product_id": _PRODUCT, "title": f"most_common({text('Item Name')})"}, group=_PRODUCT, attributes=False),
        "users": Fill({"user_id": _USER, "country": f"most_common({text('Country Code (Billing)')})"}, group=_USER, attributes=False),
    },
)
PRODUCTS = Importer(
    "woocommerce-products",
    "WooCommerce product export",
    ("ID", "Type", "SKU", "Name", "Regular price", "Categories"),
    {
        "products": Fill(
            {
                "product_id": "coalesce(nullif(trim({SKU}), ''), nullif(trim({ID}), ''))",
                "title": "html_text({Name})",
                "description": "html_text({Description})",
                "category": "nullif(split_part(trim({Categories}), ', ', 1), '')",
                "price": "{Regular price}",
            },
            attributes=False,
        )
    },
)
IMPORTER = (ORDERS, PRODUCTS)
