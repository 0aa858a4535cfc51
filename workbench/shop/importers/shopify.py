"""Shopify's exports: orders with one line for each item, products with one line for each variant or picture.

Only the first line of an order or a product says what holds for all of its lines, so the others take it from there.
"""

from __future__ import annotations

from workbench.shop.importers.base import Fill, Importer, text

_PRODUCT = "coalesce(nullif(trim({Lineitem sku}), ''), nullif(trim({Lineitem name}), ''))"
_USER = "lower(nullif(trim(max(nullif(trim({Email}), '')) OVER (PARTITION BY {Name})), ''))"
_MAIL = "lower(nullif(trim({Email}), ''))"
_STATUS = "lower(max(nullif(trim({Financial Status}), '')) OVER (PARTITION BY {Name}))"

ORDERS = Importer(
    "shopify-orders",
    "Shopify orders export",
    ("Name", "Email", "Financial Status", "Created at", "Lineitem quantity", "Lineitem name", "Lineitem price", "Lineitem sku"),
    {
        "events": Fill(
            {
                "event_id": "md5(concat_ws('|', {Name}, {Lineitem sku}, {Lineitem name}, {Lineitem price}, "
                "row_number() OVER (PARTITION BY {Name}, {Lineitem sku}, {Lineitem name} ORDER BY line)))",
                "user_id": _USER,
                "product_id": _PRODUCT,
                "kind": f"CASE WHEN {_STATUS} = 'refunded' THEN 'return' ELSE 'purchase' END",
                "happened_at": "max(nullif(trim({Created at}), '')) OVER (PARTITION BY {Name})",
                "quantity": "{Lineitem quantity}",
                "price": "{Lineitem price}",
                "order_id": text("Name"),
            },
            set_apart={"voided": f"{_STATUS} = 'voided'"},
            attributes=False,
        ),
        "products": Fill({"product_id": _PRODUCT, "title": f"most_common({text('Lineitem name')})"}, group=_PRODUCT, attributes=False),
        "users": Fill({"user_id": _MAIL}, group=_MAIL, attributes=False),
    },
    rule=__doc__ or "",
)
PRODUCTS = Importer(
    "shopify-products",
    "Shopify products export",
    ("Handle", "Title", "Body (HTML)", "Vendor", "Variant SKU", "Variant Price"),
    {
        "products": Fill(
            {
                "product_id": "coalesce(nullif(trim({Variant SKU}), ''), nullif(trim({Handle}), ''))",
                "title": "html_text(max(nullif(trim({Title}), '')) OVER (PARTITION BY {Handle}))",
                "description": "html_text(max(nullif(trim({Body (HTML)}), '')) OVER (PARTITION BY {Handle}))",
                "brand": "max(nullif(trim({Vendor}), '')) OVER (PARTITION BY {Handle})",
                "category": "max(nullif(trim({Type}), '')) OVER (PARTITION BY {Handle})",
                "price": "{Variant Price}",
            },
            set_apart={"picture_lines": "nullif(trim({Variant SKU}), '') IS NULL AND nullif(trim({Variant Price}), '') IS NULL"},
            attributes=False,
        )
    },
    rule=__doc__ or "",
)
IMPORTER = (ORDERS, PRODUCTS)
