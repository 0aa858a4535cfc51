"""Texts in any script and of any length are kept whole; the encoder reads their beginning and says of how many (faults, row 16)."""

import pytest
from small_shop import make_home, work

from workbench.shop.importers import import_files
from workbench.shop.store import Store

TEXTS = {
    "arabic": "جيد جدا، أحببته وأستخدمه كل يوم",
    "emoji": "👍🏽👨‍👩‍👧 ❤️ 🎸🎸🎸",
    "hebrew and english": "מוצר נהדר great sound מאוד",
    "chinese": "音质很好，包装也不错",
    "long": "Wonderful strings. " * 1579,  # 30,000 characters
}


@pytest.mark.slow
def test_they_are_kept_whole_and_what_is_cut_is_counted(tmp_path):
    home = make_home(tmp_path)
    (home.models / "recipes" / "quick.toml").write_text("epochs = 1\ntop_layers = 0\nmax_length = 32\n")
    lines = [f'x{at},p00,u001,5,"{text.strip()}",2024-05-0{at + 1}' for at, text in enumerate(TEXTS.values())]
    file = tmp_path / "reviews.csv"
    file.write_text("review_id,product_id,user_id,rating,body,created_at\n" + "\n".join(lines) + "\n", "utf-8")
    with Store.open(home) as store:
        import_files(store, [file])
        kept = dict(store.rows("SELECT review_id, body FROM reviews WHERE review_id LIKE 'x%'"))
    assert kept == {f"x{at}": text.strip() for at, text in enumerate(TEXTS.values())} and len(kept["x4"]) > 30_000 - 20
    code, result = work(home)
    assert code == 0, result
    assert result["truncated"] >= 1  # the long one; the others may be cut into many pieces
    assert any(note.startswith(f"Of {result['truncated']} of ") and "the first 32 tokens" in note for note in result["notes"])
