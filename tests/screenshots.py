"""Pictures of every page for the README: `make screenshots`, on a home that is already built.

    python tests/screenshots.py --home DIR [--out docs/screenshots] [--page NAME]

Writes `<page>-light.png` and `<page>-dark.png`, as wide as a small laptop's screen, in 256 colours.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from pathlib import Path

from live_app import ROOT, chromium, served
from PIL import Image

from workbench.app import places
from workbench.home import Home
from workbench.registry import Registry

WIDTH, LEAST_HEIGHT, MOST_HEIGHT = 1366, 700, 1700
MOST_BYTES = 200_000
THEMES = ("light", "dark")
READY = """() => {
  const app = document.querySelector('[data-testid=stApp]');
  const shown = s => [...document.querySelectorAll(s)].some(e => e.offsetParent);
  return app && app.dataset.testScriptState === 'notRunning' && document.querySelector('h1')
    && !shown('[data-testid=stSpinner]') && !shown('[data-testid=stSkeleton]') && !shown('[data-stale=true]');
}"""
TALL = "() => document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight"
BELOW = 90  # pixels that Streamlit leaves free below a page
LABELLED = b"""text,label
Arrived broken and nobody answers my mails,negative
The zip broke after two days,negative
It does what it says,neutral
My daughter wears it every day,positive
Bought a second one for the office,positive
""" + b"".join(
    b'"%s, order %d",%s\n' % (said, order, mood)
    for order in range(1000, 1014)
    for said, mood in ((b"Late and damaged", b"negative"), (b"As described", b"neutral"), (b"Would buy it again", b"positive"))
)
REVIEWS = b"""review_id,product_id,user_id,stars,review_text,date
N0001,P021,U0001,5,Charges my phone in half an hour,2026-11-02
N0002,P021,U0002,1,Gets hot and smells,2026-11-03
N0003,P031,U0003,many,The handle is loose,2026-11-03
N0004,P031,U0004,4,Good pan for the price,someday
N0005,P061,U0005,5,My favourite cream,2026-11-05
"""
FILES = {"finetune": ("labels.csv", LABELLED), "data": ("reviews-of-november.csv", REVIEWS)}  # shown as uploaded, never taken in
QUIET_MS, PATIENCE_MS = 1500, 120_000


def settle(page) -> None:
    """Wait until the page has been ready for a while: charts and tables draw after the script has run."""
    for _ in range(2):
        page.wait_for_function(READY, timeout=PATIENCE_MS)
        page.wait_for_timeout(QUIET_MS)


def picture(page, address: str, file: tuple[str, bytes] | None = None) -> bytes:
    """The page as PNG, with `file` (name, content) uploaded; as high as what is on it, within limits."""
    page.set_viewport_size({"width": WIDTH, "height": LEAST_HEIGHT})
    page.goto(address)
    settle(page)
    if file:
        name, content = file
        page.locator("input[type=file]").first.set_input_files({"name": name, "mimeType": "text/csv", "buffer": content})
        page.get_by_text("usable rows").or_(page.get_by_text("Recognised:")).first.wait_for(timeout=PATIENCE_MS)
        settle(page)
    page.set_viewport_size({"width": WIDTH, "height": min(MOST_HEIGHT, max(LEAST_HEIGHT, int(page.evaluate(TALL)) - BELOW))})
    settle(page)
    page.mouse.move(WIDTH - 2, 2)
    return page.screenshot()


def small(png: bytes) -> bytes:
    """The picture in as many colours as fit the limit, 256 at most."""
    image, colours = Image.open(io.BytesIO(png)).convert("RGB"), 256
    while True:
        out = io.BytesIO()
        image.quantize(colours, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
        if out.tell() <= MOST_BYTES or colours <= 16:
            return out.getvalue()
        colours //= 2


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", default=".", metavar="DIR", help="a home with a shop and an active model")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "screenshots")
    names = [place.name for place in places()]
    parser.add_argument("--page", choices=names, action="append", help="only this page (repeatable)")
    given = parser.parse_args()
    home = Home.find(given.home)
    if Registry(home).active() is None:
        print(f"{home.root} has no active model.\nBuild one: workbench demo --build-only --home {home.root}", file=sys.stderr)
        return 2
    given.out.mkdir(parents=True, exist_ok=True)
    before = set(home.uploads.glob("*"))
    with tempfile.TemporaryDirectory() as folder, served(home, Path(folder)) as address:
        for theme in THEMES:
            with chromium(color_scheme=theme) as page:
                for name in given.page or names:
                    file = given.out / f"{name}-{theme}.png"
                    place = "" if name == names[0] else name  # the first page is at the root alone
                    file.write_bytes(small(picture(page, f"{address}/{place}", FILES.get(name))))
                    print(f"{file}: {file.stat().st_size / 1000:.0f} kB", file=sys.stderr)
    for left in set(home.uploads.glob("*")) - before:
        left.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
