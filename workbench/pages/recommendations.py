"""What a customer would take next and why; what resembles a product; who would care for a new one; how good it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from workbench.components import alerted, charts, context, downloads, encoder, needed, states, tables, url
from workbench.insights import recommend, search
from workbench.insights.catalogue import about
from workbench.insights.figures import digits
from workbench.insights.history import Step, history, unknown_user
from workbench.pages import _history
from workbench.shop.plain import clean
from workbench.shop.space import Space
from workbench.shop.store import Store
from workbench.tasks.splits import SPLITS

TITLE = "Recommendations"
ICON = ":material/recommend:"
ORDER = 30

CUSTOMER, PRODUCT, NEW, QUALITY = "Customer", "Product", "New product", "How good it is"
HITS = 30
HOW = """
A product's score for a customer is *exp(scale) × (customer · product) + bias*: the two vectors of the joint space,
and what everybody likes about the product. To it comes what the **companions** of their products add, those that the same
customers take; what was taken lately counts most. The whole catalogue is scored, exactly. What they bought, returned or
reviewed is left out.

A **reason** is the first of these that the shop's rows bear out: *like* a product they rated 4 stars or more (among
that product's nearest 5 %); *often bought with* one they have (at least 3 customers, at least twice what chance gives);
like one they bought; *popular* (among the most bought quarter of its category); else its place by taste alone.

**Similarity** is the cosine of two vectors, at most 1.
"""
METRICS = {"ndcg_at_10": "NDCG@10", "hr_at_10": "Hit rate@10"}
MODEL = "This model"
NAMES = {
    "popularity": "Popularity",
    "item_neighbours": "Item neighbours",
    "markov": "Markov",
    "ease": "EASE",
    "sasrec": "SASRec",
    "single_task": "Trained for this alone",
}
HELD = {
    "leave_one_out": "Leave-one-out: the last product of each history",
    "time": "A cut of the whole shop in time: each customer's first new product after it",
}  # what is kept for the test, by the recipe's split
COLUMNS = {
    "title": st.column_config.TextColumn("Product", width=270),
    "score": st.column_config.NumberColumn("Score", format="%.2f", width=80),
    "alert": st.column_config.TextColumn("Open alert", width=110),
    "reason": st.column_config.TextColumn("Why", width=390),
    "product_id": st.column_config.TextColumn("Id", width=110),
    "user_id": st.column_config.TextColumn("Customer", width=200),
}  # the widths are the least ones: together they fit a laptop's screen, on a wider one all grow
SIMILARITY = st.column_config.NumberColumn("Similarity", format="%.2f", width=80)


def render() -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        st.title(TITLE, anchor=False)
        states.how(HOW)
    space = needed.model()
    view = url.choice("View", [CUSTOMER, PRODUCT, NEW, QUALITY], "view", CUSTOMER)
    drawn = {CUSTOMER: _customer, PRODUCT: _product, NEW: _new_product, QUALITY: _quality}[view]
    with states.guard():
        drawn(context.store(), space)


# -- one customer ----------------------------------------------------------------------------


def _customer(store: Store, space: Space) -> None:
    user = _pick(store, "user", "Find a customer", "id, or a part of one")
    if user is None:
        return
    steps = history(store, user)
    if not steps and recommend.user_vector(space, user) is None:
        raise unknown_user(store, user)
    edited = _history.editor(store, user, steps)
    with states.guard():
        _next_items(store, space, user, steps, edited)


def _next_items(store: Store, space: Space, user: str, steps: list[Step], edited: list[Step] | None) -> None:
    st.subheader("Next items", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        n = url.choice("How many", [10, 20, 50], "n", 10)
        again = st.toggle("Include what they have", key="again", bind="query-params")
    now = steps if edited is None else edited
    vector = _vector(space, user, now, from_space=edited is None)
    found = recommend.for_vector(store, space, vector, [s.product_id for s in now], n, user=user, steps=now, exclude_seen=not again)
    if edited is not None:
        st.caption("Computed from the edited history; nothing is saved.")
    elif not steps:
        st.caption("There is no history in this shop's tables for them.")
    _items(found.frame(), f"recommendations-{user}", key="next")


def _vector(space: Space, user: str, steps: list[Step], *, from_space: bool) -> np.ndarray:
    stored = recommend.user_vector(space, user) if from_space else None
    if stored is not None:
        return stored
    if not steps:
        return recommend.nobody(space)
    asked = (space.version.id, tuple(steps))
    if st.session_state.get("vector-asked", (None,))[0] != asked:
        with st.spinner("The encoder reads the history…"):
            st.session_state["vector-asked"] = (asked, encoder.inference().user([step.json() for step in steps]))
    found: np.ndarray = st.session_state["vector-asked"][1]
    return found


# -- one product -----------------------------------------------------------------------------


def _product(store: Store, space: Space) -> None:
    product = _pick(store, "product", "Find a product", "title, or the beginning of an id")
    if product is None:
        return
    told = about(store, [product])[product]
    details = [told.title, *(part for part in (told.brand, told.category) if part), *([f"{told.price:,.2f}"] if told.price else [])]
    st.text(" · ".join(details))
    alerted.show(store, list(alerted.over(store, [product]).values()), "product-alert")
    n = url.choice("How many", [10, 20, 50], "n", 10)
    found = recommend.similar(store, space, product, n)
    alike, fans, reviews = st.tabs(["Similar products", "Who would care", "Nearest reviews"])
    with alike:
        _items(found.frame(), f"similar-{product}", key="similar", similarity=True)
    with fans:
        st.caption("Customers who do not have it yet.")
        _table(recommend.customers_for(store, space, product, n), f"customers-for-{product}", "fans")
    with reviews:
        vector = space.vectors("products", [product])[1][0]
        near = search.neighbours(store, space, vector, ["reviews"], n)
        _table(near[["text", "cosine", "id"]], f"reviews-near-{product}", "near-reviews")


# -- a product that nobody bought yet ----------------------------------------------------------


def _new_product(store: Store, space: Space) -> None:
    st.caption("Describe a product that the shop does not sell yet: its text alone places it in the space.")
    encoder.warm()
    with st.form("new-product"):
        title = st.text_input("Title", max_chars=300)
        description = st.text_area("Description", max_chars=5000, height=110)
        asked = st.form_submit_button("Find its place", type="primary", icon=":material/travel_explore:")
    text = clean(title, description)
    if asked and not text:
        st.warning("Give it a title or a description first.")
    if asked and text:
        with st.spinner("The encoder reads the text…"):
            st.session_state["new-product-vector"] = (space.version.id, text, encoder.inference().texts("product", [text])[0])
    version, read, vector = st.session_state.get("new-product-vector", ("", "", None))
    if vector is None or version != space.version.id:
        return
    st.text(f"Read: {read[:200]}")
    found = recommend.for_text(store, space, vector)
    alike, fans = st.tabs(["Nearest products", "Customers who would care"])
    with alike:
        _items(found.products_frame(), "nearest-products", key="cold", similarity=True)
    with fans:
        _table(found.users_frame(), "customers-who-would-care", "cold-fans")


# -- how good ----------------------------------------------------------------------------------


def _quality(store: Store, space: Space) -> None:
    metrics = space.version.measured
    task = metrics.get("tasks", {}).get("next_item")
    if not task:
        reason = metrics.get("left_out", {}).get("next_item", "this version was not measured on it")
        states.empty("Next item was not learned", f"Version {space.version.id}: {reason}.", "See the models", "models")
        return
    frame = quality(task)
    held = HELD[space.version.recipe.get("split", SPLITS[0])]
    st.caption(f"{held} is hidden and found again among the whole catalogue. Whiskers are 95 % intervals over customers.")
    for column, (name, label) in zip(st.columns(len(METRICS)), METRICS.items(), strict=True):
        rows = frame[frame["metric"] == label]
        if len(rows):
            with column:
                _intervals(rows, name, label)
    figure = st.column_config.NumberColumn(format="%.3f")
    columns = {name: figure for name in ("value", "low", "high")} | {"n": st.column_config.NumberColumn(format="localized")}
    downloads.table(frame, "next-item", "next-item-quality", column_config=columns)


def quality(task: dict[str, Any]) -> pd.DataFrame:
    """The model and its baselines, one row for each metric: value, low, high and n."""
    sources: dict[str, dict[str, Any]] = {
        MODEL: task.get("metrics", {}),
        **{NAMES.get(k, k): v for k, v in task.get("baselines", {}).items()},
    }
    rows = [
        {"metric": METRICS[metric], "of": source, **{part: found.get(part) for part in ("value", "low", "high", "n")}}
        for source, metrics in sources.items()
        for metric, found in metrics.items()
        if metric in METRICS
    ]
    made = pd.DataFrame(rows, columns=["metric", "of", "value", "low", "high", "n"])
    return made.sort_values(["metric", "value"], ascending=False, ignore_index=True)


def _intervals(rows: pd.DataFrame, name: str, label: str) -> None:
    import plotly.graph_objects as go

    ordered = rows.sort_values("value")
    figure = go.Figure()
    for row in ordered.to_dict("records"):
        colour = charts.POSITIVE if row["of"] == MODEL else charts.NEUTRAL
        figure.add_scatter(
            x=[row["value"]],
            y=[row["of"]],
            mode="markers",
            marker={"color": colour, "size": 12},
            error_x={"array": [row["high"] - row["value"]], "arrayminus": [row["value"] - row["low"]], "color": colour, "thickness": 2},
            name=row["of"],
        )
    figure.update_layout(xaxis_title=label, xaxis_rangemode="tozero")
    said = ", ".join(f"{row.of} {digits(row.value)}" for row in ordered.iloc[::-1].itertuples())
    charts.show(charts.tidy(figure, height=80 + 38 * len(ordered), legend=False), key=f"quality-{name}", alt=f"{label}: {said}")


# -- what the views share ----------------------------------------------------------------------


def _pick(store: Store, key: str, label: str, placeholder: str) -> str | None:
    """Search as you type, then choose; the choice is the URL's parameter `key`."""
    chosen: str | None = st.query_params.get(key)
    left, right = st.columns(2)
    typed = left.text_input(label, key=f"find-{key}", placeholder=placeholder, live=True, type="search", max_chars=search.LONGEST) or ""
    hits = (search.users if key == "user" else search.products)(store, typed.strip(), HITS)
    if chosen is None and not typed and hits:
        chosen = hits[0].id
    options = {hit.id: _words(hit) for hit in hits}
    if chosen is not None and not typed:
        options = {chosen: options.get(chosen, chosen), **options}
    if not options:
        right.text(
            f"Nothing contains {typed.strip()!r}." if typed else "This shop has none yet: import orders, or reviews that name their user."
        )
        return chosen
    ids, widget = list(options), f"pick-{key}-{typed}-{chosen}"
    right.selectbox(
        f"{len(options)} found" if typed else key.replace("user", "customer").capitalize(),
        ids,
        index=ids.index(chosen) if chosen in options else None,
        format_func=options.__getitem__,
        key=widget,
        placeholder="choose one",
        on_change=_chosen,
        args=(key, widget),
    )
    return chosen


def _words(hit: search.Hit) -> str:
    if hit.entity == "user":
        return f"{hit.id} · {hit.n:,} step{'' if hit.n == 1 else 's'}"
    return f"{hit.title[:80]} · {hit.id} · {hit.n:,} customer{'' if hit.n == 1 else 's'}"


def _chosen(key: str, widget: str) -> None:
    picked = st.session_state.get(widget)
    if picked is not None:
        st.query_params[key] = picked


def _items(frame: pd.DataFrame, name: str, key: str, *, similarity: bool = False) -> None:
    """Products as a table; a selected row leads to what resembles it."""
    under = alerted.over(context.store(), frame["product_id"])
    order = ["title", "score", "reason", "product_id"]
    if under:
        order.insert(1, "alert")
        frame = frame.assign(alert=frame["product_id"].map({id: f"{alert.share:.0%} negative" for id, alert in under.items()}))
    picked = tables.show(
        frame,
        name,
        f"{key}-items",
        column_order=order,
        column_config={**COLUMNS, "score": SIMILARITY} if similarity else COLUMNS,
        row_height=tables.WRAPPED,
        on_select="rerun",
        selection_mode="single-row",
    )
    rows = picked["selection"]["rows"] if picked else []
    if under:
        st.caption("Customers complain of some of these more than usual:")
        alerted.show(context.store(), [alert for alert in alerted.found().open() if alert in under.values()], f"{key}-alert")
    with st.container(horizontal=True, vertical_alignment="center"):
        downloads.table_downloads(frame[order], name, key)
        product = str(frame.iloc[rows[0]]["product_id"]) if rows and rows[0] < len(frame) else None
        st.button(
            "Similar products",
            key=f"{key}-similar",
            icon=":material/hub:",
            disabled=product is None,
            help="Select a row first",
            on_click=_go_to_product,
            args=(product,),
        )


def _go_to_product(product: str | None) -> None:
    if product is not None:
        st.session_state["view"] = PRODUCT
        st.query_params["product"] = product


def _table(frame: pd.DataFrame, name: str, key: str) -> None:
    texts = {"text": st.column_config.TextColumn("Review", width=560), "id": st.column_config.TextColumn("Id", width=130)}
    configured = {**COLUMNS, **texts, "score": SIMILARITY, "cosine": SIMILARITY}
    downloads.table(frame, name, key, column_config=configured, row_height=tables.WRAPPED)
