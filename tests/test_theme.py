"""What the theme draws can be read, on light ground and dark: contrasts as WCAG 2.2 counts them."""

import tomllib
from pathlib import Path

import pytest

THEME = tomllib.loads((Path(__file__).parents[1] / ".streamlit" / "config.toml").read_text())["theme"]
TEXT, SHAPE, WHITE = 4.5, 3.0, "#FFFFFF"


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_definition():
    assert contrast("#000000", WHITE) == 21 and contrast("#777777", WHITE) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_buttons_links_and_texts_can_be_read(mode):
    its = THEME[mode]
    grounds = [its["backgroundColor"], its["secondaryBackgroundColor"]]
    assert contrast(its["primaryColor"], WHITE) >= TEXT, "the white words of a primary button"
    for ground in grounds:
        assert contrast(its["primaryColor"], ground) >= SHAPE
        assert min(contrast(its[name], ground) for name in ("textColor", "linkColor")) >= TEXT
