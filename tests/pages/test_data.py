"""The data page: recognised files, questions, problems, consent, counts, names that came from strangers."""

import io
import zipfile

import pytest
from app_page import fixture_of, words
from joint_space import publish

from workbench import jobs
from workbench.components import context
from workbench.jobs.worker import main
from workbench.pages import _uploads
from workbench.run import Run, runs


def script():
    from workbench.pages import data

    data.render()


page = fixture_of(script)
REVIEWS = "product_id,user_id,rating,body,created_at\np1,u1,5,Lovely,2024-05-01\np2,u2,1,Broke at once,2024-05-02\n"


def uploaded(at, *files):
    """The page after choosing (name, content) files."""
    sent = [(name, content if isinstance(content, bytes) else content.encode(), "text/csv") for name, content in files]
    at.get("file_uploader")[0].set_value(sent).run()
    assert not at.exception
    return at


def frames(at, column):
    return [f.value for f in at.dataframe if column in f.value.columns]


def consent(at):
    """The box under the rows that an import leaves out."""
    return next(box for box in at.checkbox if box.label.startswith("Import without the"))


def press_import(at):
    at.button(key="data-import").click().run()
    assert not at.exception


def test_an_empty_shop_says_what_to_choose(page):
    assert "This shop is empty" in words(page())


def test_a_file_is_recognised_previewed_and_imported_only_on_consent(page):
    at = uploaded(page(), ("reviews.csv", REVIEWS))
    assert "into reviews" in words(at) and f"reviews.csv · {len(REVIEWS)} bytes" in words(at)
    assert frames(at, "body")[0]["body"].tolist() == ["Lovely", "Broke at once"]
    assert context.store().counts()["reviews"] == 0
    press_import(at)
    assert context.store().counts()["reviews"] == 2
    done = frames(at, "rows read")[0].set_index("table")
    assert done.loc["reviews", "new"] == 2 and done.loc["products", "new"] == 2


def test_what_to_do_is_said_by_the_page_s_own_controls(page):
    told = words(uploaded(page(), ("things.csv", "a,b\n1,2\n")))
    assert "Say it under “Read it as”" in told and "--" not in told


def test_likely_mistakes_are_told_before_the_import_as_text(page):
    at = uploaded(page(), ("reviews.csv", REVIEWS.replace("2024-05-01", "2099-05-01")))
    assert "1 row of reviews: created_at lies in the future (line 2: 2099-05-01 00:00:00)" in [t.value for t in at.text]
    assert context.store().counts()["reviews"] == 0


def test_training_is_offered_until_a_model_learned_from_the_data(page, home):
    at = uploaded(page(), ("reviews.csv", REVIEWS))
    press_import(at)
    assert "Train a model on it" in [b.label for b in at.button]
    publish(home)
    assert "Train a model on it" not in [b.label for b in at.run().button]


def test_the_same_file_again_changes_nothing(page):
    at = uploaded(page(), ("reviews.csv", REVIEWS))
    press_import(at)
    version = context.store().data_version
    uploaded(at, ("again.csv", REVIEWS))
    press_import(at)
    assert "Everything was there already" in words(at)
    assert context.store().data_version == version


def test_bad_rows_are_shown_and_need_consent(page):
    at = uploaded(page(), ("reviews.csv", REVIEWS + "p3,u3,many,Fine,2024-05-03\n"))
    wrong = frames(at, "reason")[0].iloc[0]
    assert (wrong["line"], wrong["column"], wrong["value"]) == (4, "rating", "many")
    assert at.button(key="data-import").disabled
    consent(at).check().run()
    press_import(at)
    assert context.store().counts()["reviews"] == 2


def test_consent_holds_for_the_rows_that_were_shown_and_no_others(page):
    bad = ("reviews.csv", REVIEWS + "p3,u3,many,Fine,2024-05-03\n")
    at = uploaded(page(), bad)
    consent(at).check().run()
    assert not at.button(key="data-import").disabled
    uploaded(at, bad, ("more.csv", REVIEWS + "p4,u4,much,Fine,2024-05-03\np5,u5,much,Fine,2024-05-03\n"))
    assert consent(at).label == "Import without the 3 rows that have problems"
    assert not consent(at).value and at.button(key="data-import").disabled


def test_rows_of_a_table_that_was_not_asked_about_are_not_deleted(page):
    at = uploaded(page(), ("reviews.csv", REVIEWS))
    replace = next(c for c in at.get("button_group") if c.label == "Rows that are there already")
    replace.set_value("are deleted first").run()
    uploaded(at, ("reviews.csv", REVIEWS), ("products.csv", "product_id,title,price\np1,Lamp,9.5\n"))
    assert next(c for c in at.get("button_group") if c.label == "Rows that are there already").value is False


def test_ambiguous_dates_are_asked_once(page):
    at = uploaded(page(), ("reviews.csv", "product_id,rating,body,created_at\np1,5,Good,03/04/2024\n"))
    assert at.button(key="data-import").disabled
    dates = next(c for c in at.get("button_group") if c.label == "Dates are written")
    dates.set_value("dayfirst")
    at.run()
    press_import(at)
    assert context.store().rows("SELECT CAST(created_at AS VARCHAR) FROM reviews")[0][0].startswith("2024-04-03")


def test_a_column_nobody_could_guess_is_mapped_by_hand(page):
    at = uploaded(page(), ("x.csv", "sku,wording,mark\np1,Really good,5\n"))
    assert at.button(key="data-import").disabled
    at.selectbox(key=next(s.key for s in at.selectbox if s.label == "Read it as")).select("reviews").run()
    for label, column in (("body", "wording"), ("rating", "mark")):
        next(s for s in at.selectbox if s.label == label).select(column).run()
    press_import(at)
    assert context.store().rows("SELECT product_id, rating, body FROM reviews") == [("p1", 5.0, "Really good")]


@pytest.mark.parametrize("name", ["../../x.csv", "😀" * 300 + ".csv"])
def test_the_server_names_the_stored_file(page, home, name):
    at = uploaded(page(), (name, REVIEWS))
    assert not (home.root / "x.csv").exists() and not (home.root.parent / "x.csv").exists()
    assert all(len(p.stem) == 32 and p.parent == home.uploads for p in home.uploads.iterdir())
    press_import(at)
    assert context.store().counts()["reviews"] == 2


def test_an_unreadable_file_says_why_and_the_page_goes_on(page):
    at = uploaded(page(), ("reviews.csv", b"\x00\x01\x02binary"))
    assert "NUL" in words(at)
    assert at.button(key="data-import").disabled


def test_files_of_one_import_go_in_together(page):
    at = uploaded(page(), ("reviews.csv", REVIEWS), ("products.csv", "product_id,title,price\np1,Lamp,9.5\n"))
    press_import(at)
    assert context.store().rows("SELECT title FROM products WHERE product_id = 'p1'") == [("Lamp",)]
    assert context.store().data_version == 1


def test_taken_in_files_leave_no_copies(page, home):
    at = uploaded(page(), ("reviews.csv", REVIEWS))
    press_import(at)
    assert list(home.uploads.iterdir()) == []


def test_rows_left_out_can_be_downloaded_as_they_stand_in_the_file(page):
    at = uploaded(page(), ("reviews.csv", REVIEWS + "p3,u3,many,Fine,2024-05-03\n"))
    assert [b.label for b in at.get("download_button")] == ["Rows left out, to mend and import again (CSV)"]


def test_the_last_import_is_undone(page):
    at = uploaded(page(), ("reviews.csv", REVIEWS))
    press_import(at)
    at.button(key="data-undo").click().run()
    assert any(context.store().counts().values()) and "The rows that it added go" in words(at)
    at.button(key="data-undo-yes").click().run()
    assert not at.exception and not any(context.store().counts().values())
    assert "This shop is empty" in words(at.run())


def test_the_rows_of_the_last_import_can_be_looked_at(page):
    press_import(uploaded(page(), ("reviews.csv", REVIEWS)))
    at = uploaded(page(), ("more.csv", "product_id,user_id,rating,body,created_at\np9,u9,3,Fair,2024-05-09\n"))
    press_import(at)
    next(c for c in at.get("button_group") if c.label == "Table").set_value("reviews").run()
    next(c for c in at.get("button_group") if c.label == "Show").set_value("Rows of the last import").run()
    assert "1 row that the last import added or changed" in words(at)
    assert frames(at, "review_id")[-1]["body"].tolist() == ["Fair"]


def test_what_was_left_out_can_be_downloaded_after_the_import_too(page):
    at = uploaded(page(), ("reviews.csv", REVIEWS + "p3,u3,many,Fine,2024-05-03\n"))
    assert "1 row has problems and would be left out." in words(at)
    consent(at).check().run()
    press_import(at)
    assert "1 row has problems and was left out." in words(at)
    assert [b.label for b in at.get("download_button")] == ["Rows left out, to mend and import again (CSV)"]


def test_two_files_of_one_name_each_keep_the_rows_that_were_left_out(page):
    other = REVIEWS.replace("p1,u1", "p8,u8") + "p4,u4,lots,Fine,2024-05-04\n"
    at = uploaded(page(), ("reviews.csv", REVIEWS + "p3,u3,many,Fine,2024-05-03\n"), ("reviews.csv", other))
    consent(at).check().run()
    press_import(at)
    assert len([b for b in at.get("download_button") if b.label.startswith("Rows left out of reviews.csv")]) == 2


def test_what_nothing_reads_and_what_is_there_twice_is_said(page):
    rows = "review_id,product_id,rating,body,colour\nr1,p1,5,Good,red\nr1,p1,1,Bad,blue\nr2,p1,1,Poor,red\n"
    at = uploaded(page(), ("reviews.csv", rows))
    assert "reviews.csv: columns kept as attributes: colour" in words(at)
    assert "set apart, because a later row has the same review_id and counts: line 2" in words(at)


def test_a_file_that_cannot_be_read_waits_for_no_answer(page):
    at = uploaded(page(), ("nothing.csv", ""))
    assert "What stands in the way is said above." in words(at) and "needs an answer" not in words(at)


def test_a_guess_is_changed(page):
    at = uploaded(page(), ("reviews.csv", REVIEWS.replace("Lovely", "Très belle, très légère").encode("latin-1")))
    assert "latin-1, divided by comma" in words(at)
    at.selectbox(key=next(s.key for s in at.selectbox if s.label == "The text is written in")).select("cp1251").run()
    assert "cp1251, divided by comma" in words(at)


def test_an_open_delimiter_and_a_sheet_are_asked(page):
    at = uploaded(page(), ("products.csv", "product_id;title,price;brand\np1;a,1;x\np2;b,2;y\n"))
    assert at.button(key="data-import").disabled
    next(c for c in at.get("button_group") if c.label == "Columns are divided by").set_value("semicolon").run()
    press_import(at)
    assert context.store().counts()["products"] == 2


def test_personal_data_is_named_and_masked(page):
    at = uploaded(page(), ("reviews.csv", REVIEWS.replace("Lovely", "Mail me at anna@x.org")))
    assert "personal data masked: mail in the texts of 1 row" in words(at)
    press_import(at)
    assert "Mail me at [mail]" in {body for (body,) in context.store().rows("SELECT body FROM reviews")}


def test_the_scale_of_ratings_is_asked_and_said(page):
    rows = "".join(f"p1,u{i},{rating},words {i}\n" for i, rating in enumerate([10, 9, 8, 7, 3]))
    at = uploaded(page(), ("reviews.csv", "product_id,user_id,rating,body\n" + rows))
    assert at.button(key="data-import").disabled and "can be on more than one scale" in words(at)
    asked = next(c for c in at.get("button_group") if c.label == "Ratings go from")
    assert list(asked.options) == ["1 to 10", "0 to 10"]
    asked.set_value("0-10").run()
    assert "ratings from 0 to 10 became stars from 1 to 5" in words(at)
    press_import(at)
    assert [r for (r,) in context.store().rows("SELECT rating FROM reviews ORDER BY 1")] == [2.2, 3.8, 4.2, 4.6, 5.0]


def test_the_quality_of_a_table_is_shown(page):
    at = uploaded(page(), ("reviews.csv", REVIEWS))
    press_import(at)
    next(c for c in at.get("button_group") if c.label == "Show").set_value("Quality").run()
    assert any("check" in f.value.columns and "missing_title" in f.value["check"].tolist() for f in at.dataframe)


def test_a_large_file_is_read_by_a_process_of_its_own(page, home, monkeypatch):
    monkeypatch.setattr(_uploads, "LARGE", 100)
    at = uploaded(page(), ("reviews.csv", REVIEWS))
    (run,) = runs(home)
    assert at.button(key="data-import").disabled and "Reading a file" in words(at)
    assert jobs.wait(run).state == "done"
    at.run()
    assert "into reviews" in words(at)
    press_import(at)
    assert context.store().counts()["reviews"] == 2 and list(home.uploads.iterdir()) == []


def test_reading_a_large_file_can_be_cancelled(page, home, monkeypatch):
    monkeypatch.setattr(_uploads, "LARGE", 100)
    monkeypatch.setattr(jobs, "_spawn", lambda run, encoder: None)
    at = uploaded(page(), ("reviews.csv", REVIEWS))
    (run,) = runs(home)
    at.button(key=f"cancel-{run.id}").click().run()
    monkeypatch.undo()
    assert main(run.folder) == 2 and run.status().state == "cancelled"
    assert [path.suffix for path in home.uploads.iterdir()] == [".upload"]


@pytest.fixture
def all_large(monkeypatch):
    """Every file counts as a large one, and no process starts by itself."""
    monkeypatch.setattr(_uploads, "LARGE", 1)
    monkeypatch.setattr(jobs, "_spawn", lambda run, encoder: None)


def worked(at, home):
    """The page after the runs that wait were worked; whatever they lead to is worked too."""
    while waiting := [run for run in runs(home) if not run.ended()]:
        for run in waiting:
            main(run.folder)
        at.run()
        assert not at.exception
    return at


def test_a_large_file_whose_columns_nobody_knows_is_mapped_by_hand(page, home, all_large):
    at = worked(uploaded(page(), ("x.csv", "sku,wording,mark\np1,Really good,5\n")), home)
    assert "It is not certain what x.csv holds" in words(at) and frames(at, "wording")[0]["mark"].tolist() == ["5"]
    assert "Wait until every file is read." not in words(at) and "What stands in the way is said above." in words(at)
    at.selectbox(key=next(s.key for s in at.selectbox if s.label == "Read it as")).select("reviews").run()
    worked(at, home)
    for label, column in (("body", "wording"), ("rating", "mark")):
        next(s for s in at.selectbox if s.label == label).select(column).run()
        worked(at, home)
    press_import(at)
    assert context.store().rows("SELECT product_id, rating, body FROM reviews") == [("p1", 5.0, "Really good")]


def test_a_large_file_whose_reading_was_cancelled_says_so(page, home, all_large):
    at = uploaded(page(), ("reviews.csv", REVIEWS))
    (run,) = runs(home)
    jobs.cancel(home, run.id)
    worked(at, home)
    assert "Reading a file was cancelled" in words(at) and f"resume-{run.id}" in [b.key for b in at.button]
    assert "Wait until every file is read." not in words(at) and "What stands in the way is said above." in words(at)


def rows_on_disk(home):
    return [path for path in home.uploads.iterdir() if path.suffix != ".upload"]


@pytest.mark.parametrize("ended", [False, True])
def test_a_large_file_is_read_in_the_way_that_is_shown_and_in_no_other(page, home, all_large, ended):
    at = uploaded(page(), ("reviews.csv", REVIEWS.replace("Lovely", "Mail me at anna@x.org")))
    next(box for box in at.checkbox if box.label.startswith("Mask personal data")).uncheck().run()
    unmasked = next(run for run in runs(home) if run.spec["reading"]["personal"] == "keep")
    assert not ended or main(unmasked.folder) == 0
    next(box for box in at.checkbox if box.label.startswith("Mask personal data")).check().run()
    assert rows_on_disk(home) == []
    worked(at, home)
    assert unmasked.status().state == ("done" if ended else "cancelled")
    press_import(at)
    assert "Mail me at [mail]" in {body for (body,) in context.store().rows("SELECT body FROM reviews")}
    assert list(home.uploads.iterdir()) == []


@pytest.mark.parametrize("ended", [False, True])
def test_a_large_file_that_is_taken_off_the_list_is_read_no_further(page, home, all_large, ended):
    at = uploaded(page(), ("reviews.csv", REVIEWS))
    (run,) = runs(home)
    assert not ended or main(run.folder) == 0
    at.get("file_uploader")[0].set_value([]).run()
    assert ended or main(run.folder) == 2
    assert run.status().state == ("done" if ended else "cancelled") and list(home.uploads.iterdir()) == []


def test_a_large_file_is_read_no_further_beside_one_that_is_taken_off_the_list(page, home, all_large):
    at = uploaded(page(), ("items.csv", ITEMS), ("orders.csv", ORDERS), ("customers.csv", CUSTOMERS))
    for run in runs(home):
        main(run.folder)
    at.run()
    (together,) = [run for run in runs(home) if run.spec["beside"]]
    at.get("file_uploader")[0].set_value([(name, OLIST[name].encode(), "text/csv") for name in ("items.csv", "customers.csv")]).run()
    assert main(together.folder) == 2 and together.status().state == "cancelled" and rows_on_disk(home) == []


@pytest.mark.parametrize("when", [0.95, 1.0])
def test_a_reading_that_is_cancelled_at_its_end_leaves_no_rows(page, home, all_large, monkeypatch, when):
    uploaded(page(), ("reviews.csv", REVIEWS))
    (run,) = runs(home)
    told = Run.report

    def report(self, done, step):
        if done >= when:
            self.cancel()
        told(self, done, step)

    monkeypatch.setattr(Run, "report", report)
    assert main(run.folder) == 2 and run.status().state == "cancelled" and rows_on_disk(home) == []


def test_a_run_that_was_killed_while_it_read_can_be_resumed(page, home, all_large, monkeypatch):
    monkeypatch.setattr("workbench.run.START_GRACE_SECONDS", 0.0)
    at = uploaded(page(), ("reviews.csv", REVIEWS))
    assert "ended without a word" in words(at) and "What stands in the way is said above." in words(at)
    (run,) = runs(home)
    at.button(key=f"resume-{run.id}").click().run()
    press_import(worked(at, home))
    assert context.store().counts()["reviews"] == 2


def test_many_files_are_imported_at_once(page, home):
    at = page()
    at.default_timeout = 120
    uploaded(at, *((f"{i}.csv", REVIEWS.replace("u1", f"v{i}").replace("u2", f"w{i}")) for i in range(34)))
    assert len(list(home.uploads.glob("*.staged"))) == 34
    press_import(at)
    assert context.store().counts()["reviews"] == 68 and list(home.uploads.iterdir()) == []


def test_rows_that_were_read_in_another_way_are_removed(page, home):
    at = uploaded(page(), ("reviews.csv", REVIEWS.replace("Lovely", "Mail me at anna@x.org")))
    mask = next(box for box in at.checkbox if box.label.startswith("Mask personal data"))
    before = set(home.uploads.glob("*.staged"))
    mask.uncheck().run()
    unmasked = set(home.uploads.glob("*.staged"))
    assert len(before) == len(unmasked) == 1 and before != unmasked
    mask.check().run()
    assert not unmasked & set(home.uploads.glob("*.staged"))
    press_import(at)
    assert "Mail me at [mail]" in {body for (body,) in context.store().rows("SELECT body FROM reviews")}


ORDERS = "order_id,customer_id,order_status,order_purchase_timestamp\no1,c1,delivered,2018-01-02 10:00:00\n"
CUSTOMERS = "customer_id,customer_unique_id,customer_zip_code_prefix,customer_city,customer_state\nc1,anna,1,Campo,SP\n"
ITEMS = "order_id,order_item_id,product_id,seller_id,shipping_limit_date,price,freight_value\no1,1,p1,s,2018-01-09 00:00:00,9.5,1\n"
REVIEWED = (
    "review_id,order_id,review_score,review_comment_title,review_comment_message,review_creation_date\n"
    "r1,o1,5,,Muito bom,2018-01-12 00:00:00\n"
)
OLIST = {"items.csv": ITEMS, "orders.csv": ORDERS, "customers.csv": CUSTOMERS, "reviews.csv": REVIEWED}


def olist_is_in():
    bought = context.store().rows("SELECT user_id, product_id, CAST(happened_at AS DATE)::VARCHAR FROM events")
    said = context.store().rows("SELECT user_id, product_id, body FROM reviews")
    return bought == [("anna", "p1", "2018-01-02")] and said == [("anna", "p1", "Muito bom")]


def zipped(files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def test_files_that_belong_together_are_read_together(page, home):
    at = uploaded(page(), *OLIST.items())
    assert "Read together with items.csv, which looks its orders up here." in words(at)
    assert "Read together with reviews.csv, which looks its customers up here." in words(at)
    assert "needs the file of" not in words(at) and "It is not certain" not in words(at)
    press_import(at)
    assert olist_is_in() and list(home.uploads.iterdir()) == []


def test_the_parts_of_an_archive_are_read_together(page, home):
    press_import(uploaded(page(), ("olist.zip", zipped(OLIST))))
    assert olist_is_in() and list(home.uploads.iterdir()) == []


def test_large_files_that_belong_together_are_read_together(page, home, all_large):
    at = uploaded(page(), ("olist.zip", zipped(OLIST)))
    main(next(run for run in runs(home) if run.spec["reading"]["part"] == "items.csv").folder)
    assert "Waits until the other files are read: it needs the file of orders and that of customers beside it." in words(at.run())
    press_import(worked(at, home))
    assert olist_is_in() and list(home.uploads.iterdir()) == []


def test_a_file_of_those_that_belong_together_is_missed_by_name(page):
    at = uploaded(page(), ("items.csv", ITEMS), ("orders.csv", ORDERS))
    assert "needs the file of customers beside it" in words(at) and at.button(key="data-import").disabled
    uploaded(at, ("items.csv", ITEMS), ("orders.csv", ORDERS), ("customers.csv", CUSTOMERS))
    assert not at.button(key="data-import").disabled


def test_a_file_is_read_beside_another_as_was_said_of_that(page):
    orders = ORDERS.replace("o1", "ж1").encode("cp1251")
    at = uploaded(page(), ("items.csv", ITEMS.replace("o1", "ж1")), ("orders.csv", orders), ("customers.csv", CUSTOMERS))
    [s for s in at.selectbox if s.label == "The text is written in"][1].select("cp1251").run()
    press_import(at)
    assert context.store().rows("SELECT user_id, order_id FROM events") == [("anna", "ж1")]


def test_a_file_that_serves_another_is_imported_by_itself_where_a_person_says_what_it_holds(page):
    at = uploaded(page(), ("items.csv", ITEMS), ("orders.csv", ORDERS), ("customers.csv", CUSTOMERS))
    [s for s in at.selectbox if s.label == "Read it as"][2].select("users").run()
    assert "into users" in words(at)
    press_import(at)
    assert context.store().rows("SELECT user_id FROM users ORDER BY 1") == [("anna",), ("c1",)]


SURVEY = "what_they_said,mark,sku\nThe lamp flickers all the time,2,L-3\nA nice warm light for evenings,5,L-3\n"


def test_columns_are_proposed_by_content_and_kept_under_a_name(page):
    at = uploaded(page(), ("survey.csv", SURVEY))
    at.selectbox(key=next(s.key for s in at.selectbox if s.label == "Read it as")).select("reviews").run()
    chosen = {s.label: s.value for s in at.selectbox if s.label in ("body", "rating", "product_id")}
    assert chosen == {"body": "what_they_said", "rating": "mark", "product_id": "sku"}
    at.text_input(key="data-save-as").set_value("survey").run()
    press_import(at)
    assert context.store().rows("SELECT product_id, rating FROM reviews ORDER BY 2") == [("L-3", 2.0), ("L-3", 5.0)]
    uploaded(at, ("again.csv", SURVEY.replace("L-3", "L-4")))
    assert "survey" in next(s for s in at.selectbox if s.label == "Read it as").options
    assert "into reviews" in words(at), "a file of this shape is known now"


def test_a_person_is_forgotten_on_consent_and_the_proof_is_shown(page, home):
    at = uploaded(page(), ("reviews.csv", REVIEWS))
    press_import(at)
    publish(home)
    at.run()
    at.text_input(key="forget-user").set_value("u1").run()
    assert "Rows of this user: reviews 1, users 1." in words(at)
    assert at.button(key="forget").disabled and context.store().counts()["reviews"] == 2
    at.checkbox(key="forget-agreed-u1").check().run()
    at.button(key="forget").click().run()
    assert not at.exception and "Forgotten" in words(at) and "no trace is left" in words(at)
    assert context.store().rows("SELECT user_id FROM reviews") == [("u2",)]
    at.button(key="forget-close").click().run()
    assert not at.exception and "Forgotten" not in words(at)


def test_nobody_is_forgotten_whom_nothing_knows(page):
    at = uploaded(page(), ("reviews.csv", REVIEWS))
    press_import(at)
    at.text_input(key="forget-user").set_value("nobody-7").run()
    assert "No table has rows of this user" in words(at)
    at.checkbox(key="forget-agreed-nobody-7").check().run()
    at.button(key="forget").click().run()
    assert "There is no trace of a user 'nobody-7'" in words(at) and "Segments" in words(at)
    assert context.store().counts()["reviews"] == 2


def forget(at, user):
    at.text_input(key="forget-user").set_value(user).run()
    at.checkbox(key=f"forget-agreed-{user}").check().run()
    at.button(key="forget").click().run()
    assert not at.exception
    return at


def test_nobody_is_forgotten_while_a_run_is_at_work_and_its_files_stay(page, home):
    at = uploaded(page(), ("reviews.csv", REVIEWS))
    press_import(at)
    run = Run.create(home, "import", {"path": "x", "name": "x", "reading": {}})
    rows = home.uploads / f"{'a' * 32}.staged"
    rows.write_text("what the run reads")
    with run.working():
        run.report(0.1, "reading")
        forget(at, "u1")
        assert f"Run {run.id} is at work" in words(at) and "Wait for it or cancel it" in words(at)
        at.run()
        assert rows.exists() and context.store().counts()["reviews"] == 2


def test_files_that_wait_are_taken_off_when_a_person_is_forgotten(page, home):
    at, other = page(), page()
    press_import(uploaded(at, ("reviews.csv", REVIEWS)))
    uploaded(at, ("more.csv", REVIEWS.replace("Lovely", "Fine")))
    uploaded(other, ("else.csv", REVIEWS.replace("Lovely", "Good")))
    forget(at, "u1")
    assert "Forgotten" in words(at) and "more.csv" not in words(at) and list(home.uploads.iterdir()) == []
    other.run()
    assert "The copy of else.csv on the server is gone" in words(other) and "choose it again" in words(other)
    assert str(home.root) not in words(other) and other.button(key="data-import").disabled


def test_the_proof_is_shown_where_nothing_else_is_left(page):
    at = uploaded(page(), ("users.csv", "user_id,country\nu1,DE\n"))
    press_import(at)
    forget(at, "u1")
    assert "This shop is empty" in words(at) and "no trace is left" in words(at)


def test_a_shop_that_never_held_anything_offers_no_forgetting(page):
    assert not [t for t in page().text_input if t.key == "forget-user"]


def test_the_real_id_is_forgotten_where_hashes_are_stored(page):
    at = uploaded(page(), ("reviews.csv", REVIEWS))
    next(box for box in at.checkbox if box.label.startswith("Store a keyed hash")).check().run()
    press_import(at)
    at.text_input(key="forget-user").set_value("u1").run()
    assert "Rows of this user: reviews 1, users 1." in words(at)
    forget(at, "u1")
    assert "no trace is left" in words(at) and context.store().counts()["reviews"] == 1
