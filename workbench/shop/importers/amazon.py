"""Amazon's public review layouts of 2014, 2018 and 2023 with their product metadata, and the customer-review layout."""

from __future__ import annotations

from workbench.shop.importers.base import Fill, Importer, text


def _derived(product: str, user: str) -> dict[str, Fill]:
    return {
        "products": Fill({"product_id": text(product)}, group=text(product), attributes=False),
        "users": Fill({"user_id": text(user)}, group=text(user), attributes=False),
    }


def _path(column: str) -> str:
    return f"path_of({{{column}}})"


def _joined(column: str) -> str:
    return f"joined_of({{{column}}})"


REVIEWS_2014 = Importer(
    "amazon-reviews",
    "Amazon reviews (2014 and 2018 layouts)",
    ("reviewerID", "asin", "overall", "unixReviewTime"),
    {
        "reviews": Fill(
            {
                "review_id": "md5(concat_ws('|', {reviewerID}, {asin}, {unixReviewTime}, {reviewText}, {summary}))",
                "product_id": text("asin"),
                "user_id": text("reviewerID"),
                "rating": "{overall}",
                "title": "html_text({summary})",
                "body": "coalesce(html_text({reviewText}), '')",
                "created_at": "epoch_time({unixReviewTime})",
                "verified": "{verified}",
                "helpful": "regexp_extract({helpful}, '(\\d+)', 1)",
            }
        ),
        **_derived("asin", "reviewerID"),
    },
)
PRODUCTS_2018 = Importer(
    "amazon-products",
    "Amazon product metadata (2014 and 2018 layouts)",
    ("asin", "title"),
    {
        "products": Fill(
            {
                "product_id": text("asin"),
                "title": "html_text({title})",
                "description": _joined("description"),
                "brand": "html_text({brand})",
                "category": _path("category"),
                "price": "price_of({price})",
            },
            attributes=False,
        )
    },
)
PRODUCTS_2014 = Importer(
    "amazon-products-2014",
    "Amazon product metadata with nested categories (2014 layout)",
    ("asin", "categories"),
    {
        "products": Fill(
            {
                "product_id": text("asin"),
                "title": "html_text({title})",
                "description": _joined("description"),
                "brand": "html_text({brand})",
                "category": _path("categories"),
                "price": "price_of({price})",
            },
            attributes=False,
        )
    },
)
REVIEWS_2023 = Importer(
    "amazon-reviews-2023",
    "Amazon reviews (2023 layout)",
    ("parent_asin", "user_id", "rating", "timestamp", "text"),
    {
        "reviews": Fill(
            {
                "review_id": "md5(concat_ws('|', {user_id}, {parent_asin}, {timestamp}, {text}, {title}))",
                "product_id": text("parent_asin"),
                "user_id": text("user_id"),
                "rating": "{rating}",
                "title": "html_text({title})",
                "body": "coalesce(html_text({text}), '')",
                "created_at": "epoch_time({timestamp})",
                "verified": "{verified_purchase}",
                "helpful": "{helpful_vote}",
            }
        ),
        **_derived("parent_asin", "user_id"),
    },
)
PRODUCTS_2023 = Importer(
    "amazon-products-2023",
    "Amazon product metadata (2023 layout)",
    ("parent_asin", "title", "main_category"),
    {
        "products": Fill(
            {
                "product_id": text("parent_asin"),
                "title": "html_text({title})",
                "description": _joined("description"),
                "brand": "html_text({store})",
                "category": _path("categories"),
                "price": "price_of({price})",
            },
            attributes=False,
        )
    },
)
CUSTOMER_REVIEWS = Importer(
    "amazon-customer-reviews",
    "Amazon customer reviews (star_rating, review_headline, review_body)",
    ("review_id", "product_id", "star_rating", "review_headline", "review_body", "review_date"),
    {
        "reviews": Fill(
            {
                "review_id": text("review_id"),
                "product_id": text("product_id"),
                "user_id": text("customer_id"),
                "rating": "{star_rating}",
                "title": "html_text({review_headline})",
                "body": "coalesce(html_text({review_body}), '')",
                "created_at": "{review_date}",
                "helpful": "{helpful_votes}",
                "verified": "CASE upper({verified_purchase}) WHEN 'Y' THEN 'true' WHEN 'N' THEN 'false' ELSE {verified_purchase} END",
            }
        ),
        "products": Fill(
            {
                "product_id": text("product_id"),
                "title": "most_common(html_text({product_title}))",
                "category": "most_common(html_text({product_category}))",
            },
            group=text("product_id"),
            attributes=False,
        ),
        "users": Fill({"user_id": text("customer_id")}, group=text("customer_id"), attributes=False),
    },
)
IMPORTER = (REVIEWS_2014, PRODUCTS_2018, PRODUCTS_2014, REVIEWS_2023, PRODUCTS_2023, CUSTOMER_REVIEWS)
