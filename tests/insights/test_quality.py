"""The quality report: each planted oddity is found once, with the rows behind it."""

import pytest

from workbench.cli import main
from workbench.errors import WorkbenchError
from workbench.insights import quality
from workbench.shop import importers

REVIEWS = """review_id,product_id,user_id,rating,body,created_at
r1,p1,u1,5,A lamp that keeps its promise,2024-01-01
r2,p1,u2,4,"A lamp, that keeps its PROMISE!",2024-01-02
r3,p2,u1,,Good,2024-01-03
r4,p9,u3,3,,2099-01-01
r5,p1,u4,2,Too bright at night for a bedroom,2024-06-01
"""


@pytest.fixture
def odd(store, tmp_path):
    (tmp_path / "reviews.csv").write_text(REVIEWS)
    (tmp_path / "products.csv").write_text("product_id,title,price\np1,Lamp,9.5\np2,Lamp,0\n")
    (tmp_path / "orders.csv").write_text("order_id,user_id,product_id,happened_at,price\n1,u1,p1,2024-02-01,9.5\n2,u2,p1,2023-12-01,9.5\n")
    importers.import_files(store, [tmp_path / f"{name}.csv" for name in ("reviews", "products", "orders")])
    with store.transaction() as cursor:
        cursor.execute("UPDATE reviews SET rating = 9 WHERE review_id = 'r5'")
        cursor.execute("DELETE FROM users WHERE user_id = 'u4'")
    return store


def found(store, table):
    frame = quality.report(store, table)
    return dict(zip(frame["check"], frame["rows"], strict=True))


def test_each_oddity_is_counted(odd):
    reviews = found(odd, "reviews")
    assert reviews["missing_rating"] == 1 and reviews["missing_body"] == 1 and reviews["in_the_future"] == 1
    assert reviews["impossible_ratings"] == 1 and reviews["near_duplicates"] == 2
    assert reviews["unknown_products"] == 1 and reviews["unknown_users"] == 1 and reviews["reviewed_before_bought"] == 1
    products = found(odd, "products")
    assert products["no_price"] == 1 and products["same_title"] == 2


def test_the_rows_behind_a_figure_are_as_many_as_it_says(odd):
    for table in ("reviews", "products", "events"):
        for check, rows in found(odd, table).items():
            assert len(quality.behind(odd, table, check)) == rows
    assert set(quality.behind(odd, "reviews", "near_duplicates")["review_id"]) == {"r1", "r2"}
    with pytest.raises(WorkbenchError, match="no check 'nonsense'"):
        quality.behind(odd, "reviews", "nonsense")


def test_columns_languages_and_holes(odd):
    rating = quality.columns(odd, "reviews").set_index("column").loc["rating"]
    assert (rating["filled"], rating["distinct"], rating["greatest"]) == (4, 4, "9.0")
    assert quality.languages(odd)["share"].sum() == pytest.approx(1.0)


def test_a_hole_in_time_is_found_where_days_are_usually_full(store):
    with store.transaction() as cursor:
        cursor.execute(
            "INSERT INTO events (event_id, kind, happened_at) SELECT i::VARCHAR, 'view', TIMESTAMP '2024-01-01' + i * INTERVAL 1 DAY "
            "FROM range(200) t(i) WHERE i NOT BETWEEN 100 AND 129"
        )
    holes = quality.holes(store, "events")
    assert holes["days"].tolist() == [30]


def test_a_clean_table_has_nothing_to_say(store, tmp_path):
    (tmp_path / "users.csv").write_text("user_id,country,joined_at\nu1,DE,2024-01-01\n")
    importers.import_files(store, [tmp_path / "users.csv"])
    assert quality.report(store, "users").empty


def test_the_command_tells_the_report_and_the_rows(odd, capsys):
    root = str(odd.home.root)
    odd.close()
    assert main(["quality", "--home", root]) == 0
    assert "the rating is not between 1 and 5 stars [impossible_ratings]" in capsys.readouterr().out
    assert main(["quality", "--table", "reviews", "--rows", "impossible_ratings", "--home", root]) == 0
    assert "Too bright at night" in capsys.readouterr().out
    assert main(["quality", "--rows", "impossible_ratings", "--home", root]) == 2


def test_a_review_with_one_word_changed_is_a_near_duplicate_and_another_is_not(store, tmp_path):
    text = "this kettle boils quickly and quietly but its cable is far too short for our kitchen table"
    other = "the mug is heavy and its colour washed out after one week in our old dishwasher at home"
    rows = [("r1", text), ("r2", text.replace("kitchen", "dining")), ("r3", other)]
    (tmp_path / "reviews.csv").write_text("review_id,product_id,rating,body\n" + "".join(f"{key},p1,5,{body}\n" for key, body in rows))
    importers.import_files(store, [tmp_path / "reviews.csv"])
    assert set(quality.behind(store, "reviews", "near_duplicates")["review_id"]) == {"r1", "r2"}
