"""The UCI Online Retail layouts, the first and the second: one line for each product of an invoice.

Every line counts once: an exact copy of an earlier line is merged with it, a line of a cancelled
invoice (its number begins with C) is set apart, a line without a customer is kept without a user.
"""

from __future__ import annotations

from workbench.shop.importers.base import Fill, Importer, text


def _layout(name: str, title: str, invoice: str, price: str, customer: str) -> Importer:
    """The layout in which these columns hold the invoice's number, the price of a piece and the customer."""
    columns = (invoice, "StockCode", "Description", "Quantity", "InvoiceDate", price, customer, "Country")
    user = f"nullif(regexp_replace(trim({{{customer}}}), '\\.0$', ''), '')"
    paid = f"TRY_CAST({{{price}}} AS DOUBLE)"
    return Importer(
        name,
        title,
        columns,
        {
            "events": Fill(
                {
                    "event_id": f"md5(concat_ws('|', {', '.join(f'{{{column}}}' for column in columns)}))",
                    "user_id": user,
                    "product_id": text("StockCode"),
                    "kind": "'purchase'",
                    "quantity": "{Quantity}",
                    "happened_at": "{InvoiceDate}",
                    "price": f"{{{price}}}",
                    "order_id": text(invoice),
                },
                set_apart={"cancelled": f"starts_with(upper({{{invoice}}}), 'C')"},
                count={"without_user": f"{user} IS NULL"},
                attributes=False,
            ),
            "products": Fill(
                {
                    "product_id": text("StockCode"),
                    "title": "most_common(nullif(trim({Description}), ''))",
                    "price": f"CAST(median({paid}) FILTER ({paid} > 0) AS VARCHAR)",
                },
                group=text("StockCode"),
                attributes=False,
            ),
            "users": Fill({"user_id": user, "country": f"most_common({text('Country')})"}, group=user, attributes=False),
        },
        rule=__doc__ or "",
    )


IMPORTER = (
    _layout("online-retail", "UCI Online Retail orders", "InvoiceNo", "UnitPrice", "CustomerID"),
    _layout("online-retail-2", "UCI Online Retail II orders", "Invoice", "Price", "Customer ID"),
)
