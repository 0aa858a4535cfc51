"""The UCI Online Retail layout: one line for each product of an invoice.

Every line counts once: an exact copy of an earlier line is merged with it, a line of a cancelled
invoice (its number begins with C) is set apart, a line without a customer is kept without a user.
"""

from __future__ import annotations

from workbench.shop.importers.base import Fill, Importer, text

_KEY = "md5(concat_ws('|', {InvoiceNo}, {StockCode}, {Description}, {Quantity}, {InvoiceDate}, {UnitPrice}, {CustomerID}, {Country}))"
_USER = "nullif(regexp_replace(trim({CustomerID}), '\\.0$', ''), '')"
_CANCELLED = "starts_with(upper({InvoiceNo}), 'C')"

IMPORTER = Importer(
    "online-retail",
    "UCI Online Retail orders",
    ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"),
    {
        "events": Fill(
            {
                "event_id": _KEY,
                "user_id": _USER,
                "product_id": text("StockCode"),
                "kind": "CASE WHEN starts_with(trim({Quantity}), '-') THEN 'return' ELSE 'purchase' END",
                "happened_at": "{InvoiceDate}",
                "quantity": "ltrim(trim({Quantity}), '-')",
                "price": "{UnitPrice}",
                "order_id": text("InvoiceNo"),
            },
            set_apart={"cancelled": _CANCELLED},
            count={"without_user": f"{_USER} IS NULL"},
            attributes=False,
        ),
        "products": Fill(
            {
                "product_id": text("StockCode"),
                "title": "most_common(nullif(trim({Description}), ''))",
                "price": "CAST(median(TRY_CAST({UnitPrice} AS DOUBLE)) FILTER (TRY_CAST({UnitPrice} AS DOUBLE) > 0) AS VARCHAR)",
            },
            group=text("StockCode"),
            attributes=False,
        ),
        "users": Fill({"user_id": _USER, "country": f"most_common({text('Country')})"}, group=_USER, attributes=False),
    },
    rule=__doc__ or "",
)
