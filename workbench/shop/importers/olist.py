"""Olist's public data set of a Brazilian marketplace: its tables refer to one another by the order.

Items and reviews name only their order; who bought and when stands in the orders file, which has to be given
beside them, and the person behind an order's customer in the customers file.
"""

from __future__ import annotations

from workbench.shop.importers.base import Beside, Fill, Importer, text

_ORDERS = Beside("orders", ("order_id", "customer_id", "order_status", "order_purchase_timestamp"), "order_id", "order_id")
_CUSTOMERS = Beside("customers", ("customer_id", "customer_unique_id", "customer_state"), "orders.customer_id", "customer_id")
_ITEMS = Beside("items", ("order_id", "order_item_id", "product_id", "seller_id"), "order_id", "order_id")
_USER = "nullif(trim({customers.customer_unique_id}), '')"

ITEMS = Importer(
    "olist-items",
    "Olist order items, with the orders and customers beside them",
    ("order_id", "order_item_id", "product_id", "seller_id", "price", "freight_value"),
    {
        "events": Fill(
            {
                "event_id": "concat_ws('-', {order_id}, {order_item_id})",
                "user_id": _USER,
                "product_id": text("product_id"),
                "kind": "'purchase'",
                "happened_at": "{orders.order_purchase_timestamp}",
                "quantity": "'1'",
                "price": "{price}",
                "order_id": text("order_id"),
            },
            set_apart={"cancelled": "{orders.order_status} IN ('canceled', 'unavailable')"},
            attributes=False,
        ),
        "products": Fill({"product_id": text("product_id")}, group=text("product_id"), attributes=False),
        "users": Fill({"user_id": _USER, "country": "'BR'"}, group=_USER, attributes=False),
    },
    rule=__doc__ or "",
    beside=(_ORDERS, _CUSTOMERS),
)
REVIEWS = Importer(
    "olist-reviews",
    "Olist reviews, with the orders, customers and items beside them",
    ("review_id", "order_id", "review_score", "review_comment_title", "review_comment_message", "review_creation_date"),
    {
        "reviews": Fill(
            {
                "review_id": "concat_ws('-', {review_id}, {order_id})",
                "product_id": "nullif(trim({items.product_id}), '')",
                "user_id": _USER,
                "rating": "{review_score}",
                "title": text("review_comment_title"),
                "body": "coalesce({review_comment_message}, '')",
                "created_at": "{review_creation_date}",
                "language": "'pt'",
            },
            attributes=False,
        ),
        "products": Fill({"product_id": text("items.product_id")}, group=text("items.product_id"), attributes=False),
        "users": Fill({"user_id": _USER, "country": "'BR'"}, group=_USER, attributes=False),
    },
    rule=__doc__ or "",
    beside=(_ORDERS, _CUSTOMERS, _ITEMS),
)
PRODUCTS = Importer(
    "olist-products",
    "Olist products",
    ("product_id", "product_category_name", "product_photos_qty"),
    {
        "products": Fill(
            {"product_id": text("product_id"), "category": "replace({product_category_name}, '_', ' ')"},
        )
    },
)
IMPORTER = (ITEMS, REVIEWS, PRODUCTS)
