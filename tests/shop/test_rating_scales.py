"""Ratings on other scales than stars: told by their values, asked where they leave it open, moved linearly."""

import pytest

from workbench.errors import WorkbenchError
from workbench.shop.importers import import_files, read
from workbench.shop.store import Store


@pytest.fixture
def store(home):
    with Store.open(home) as opened:
        yield opened


@pytest.fixture
def rated(tmp_path):
    """A file of reviews with these ratings, one a row."""

    def made(ratings, name="reviews.csv"):
        path = tmp_path / name
        rows = [f'r{i},p{i % 7},"{rating}",words of review {i}' for i, rating in enumerate(ratings)]
        path.write_text("\n".join(["review_id,product_id,rating,body", *rows]) + "\n", encoding="utf-8")
        return path

    return made


def stars(store):
    return [value for (value,) in store.rows("SELECT rating FROM reviews ORDER BY CAST(substr(review_id, 2) AS INTEGER)")]


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("8/10", 4.2),
        ("0/10", 1.0),
        ("10 / 10", 5.0),
        ("4,5 von 10", 2.8),
        ("80%", 4.2),
        ("50 %", 3.0),
        ("90/100", 4.6),
        ("4/5", 4.0),
        ("9 out of 10 stars", 4.6),
        ("8.0/10.0", 4.2),
        ("15/20", 4.0),
        ("80 percent", 4.2),
        ("4.5 out of 5", 4.5),
        ("5/5 stars", 5.0),
        ("4½", 4.5),
        ("3 ½ / 5", 3.5),
        ("★★★½", 3.5),
        ("3.7", 3.7),
    ],
)
def test_what_names_its_scale_is_certain(store, rated, written, found):
    import_files(store, [rated([written])])
    assert stars(store) == [found]


def test_half_stars_beside_decimal_commas(store, rated):
    import_files(store, [rated(["4,5", "3½", "2,5"])], decimal="comma")
    assert stars(store) == [4.5, 3.5, 2.5]


@pytest.mark.parametrize("written", ["11/10", "120%", "6/5", "7 of 8", "-3", "3/3", "1/2", "0/5"])
def test_what_lies_beyond_its_scale_is_left_out(store, rated, written):
    (file,) = import_files(store, [rated([written])])["files"]
    assert (
        file["tables"]["reviews"]["rejected"] == 1 and file["problems"][0]["reason"] == "must be stars from 1 to 5, or such as 8/10 or 80%"
    )


@pytest.mark.parametrize(
    ("ratings", "found"),
    [
        ([*range(0, 101, 10)], [1.0, 1.4, 1.8, 2.2, 2.6, 3.0, 3.4, 3.8, 4.2, 4.6, 5.0]),
        ([0, 0, 0, 10, 9, 8, 7, 6, 5], [1.0, 1.0, 1.0, 5.0, 4.6, 4.2, 3.8, 3.4, 3.0]),
    ],
)
def test_what_only_one_scale_explains_is_certain_and_said(store, rated, ratings, found):
    (file,) = import_files(store, [rated(ratings)])["files"]
    assert stars(store) == found
    assert any(f"ratings from 0 to {max(ratings)} became stars from 1 to 5: 0 became 1, " in line for line in file["warnings"])


def test_what_became_of_ratings_is_shown_before_anything_changes(store, rated):
    (file,) = import_files(store, [rated(["80%", "8/10", "80%", "4", "3/5", "junk"])], dry_run=True)["files"]
    assert file["warnings"] == ["ratings became stars from 1 to 5: 80% became 4.2, 8/10 became 4.2"]
    (file,) = import_files(store, [rated(["4", "3/5", "5 stars"])], dry_run=True)["files"]
    assert file["warnings"] == []


@pytest.mark.parametrize(
    ("ratings", "choices"),
    [
        ([10, 9, 8, 7, 6, 5, 4], ("1-10", "0-10")),
        ([0, 0, 0, 5, 4, 3, 3.5], ("0-5", "1-5")),
        ([0, 1, 0, 1, 1, 0], ("0-1", "1-5")),
        ([0.9, 0.4, 1, 0.7], ("0-1", "1-5")),
        ([0.5, 4.5, 5, 3, 0.5, 0.5], ("0.5-5", "0-5", "1-5")),
        ([1, 2, 3] * 7, ("1-3", "1-5")),
        ([1, 2, 3, 4] * 5, ("1-4", "1-5")),
        ([7, 6, 5, 7, 1], ("1-7", "1-10", "0-10")),
        ([18, 12, 20, 5, 0], ("0-20", "0-100")),
    ],
)
def test_what_two_scales_explain_is_asked(store, rated, ratings, choices):
    path = rated(ratings)
    staged = read(store.home, [path])
    (question,) = staged.sheets[0].questions
    staged.discard()
    assert (question.about, question.choices) == ("scale", choices) and "'rating'" in question.text
    with pytest.raises(WorkbenchError, match="more than one scale") as caught:
        import_files(store, [path])
    assert f"--scale {choices[0]}" in caught.value.fix and store.counts()["reviews"] == 0


def test_the_answer_is_taken_and_remembered_for_the_next_file_of_this_shape(store, rated):
    import_files(store, [rated([10, 9, 8, 7, 6, 1, 11])], scale="1-10")
    assert stars(store) == [5.0, 4.56, 4.11, 3.67, 3.22, 1.0]
    (file,) = import_files(store, [rated([2, 3, 1], "next.csv")])["files"]
    assert (
        stars(store)[:3] == [1.44, 1.89, 1.0]
        and "ratings from 1 to 10 became stars from 1 to 5: 1 became 1, 2 became 1.44, 3 became 1.89" in file["warnings"]
    )


def test_on_a_scale_the_reason_names_it(store, rated):
    (file,) = import_files(store, [rated([10, 9, 12])], scale="0-10")["files"]
    assert file["problems"][0]["reason"] == "must be a rating from 0 to 10"


@pytest.mark.parametrize("ratings", [[1, 2, 3, 2], [1, 2] * 20, [3, 1, 2] * 6 + [5, 4]])
def test_few_ratings_without_a_five_and_only_low_ones_are_stars(store, rated, ratings):
    import_files(store, [rated(ratings)])
    assert stars(store) == ratings


def test_a_scale_of_halves_is_moved(store, rated):
    import_files(store, [rated([0.5, 5, 2.75])], scale="0.5-5")
    assert stars(store) == [1.0, 5.0, 3.0]


def test_a_slip_does_not_change_the_scale(store, rated):
    (file,) = import_files(store, [rated([5, 4, 3, 2, 1, 5, 4, 50])])["files"]
    assert file["tables"]["reviews"]["rejected"] == 1 and stars(store) == [5, 4, 3, 2, 1, 5, 4]


@pytest.mark.parametrize("scale", ["10", "5-1", "a-b", "0-0"])
def test_what_is_no_scale_is_refused(store, rated, scale):
    with pytest.raises(WorkbenchError, match="no scale of ratings") as caught:
        import_files(store, [rated([5])], scale=scale)
    assert "0-10" in caught.value.fix and store.counts()["reviews"] == 0
