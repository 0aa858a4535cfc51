"""How files of one shape were read before: kept in the home, by the columns' names or under a name of the user's own."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Any

from workbench.errors import WorkbenchError
from workbench.files import read_json, write_json
from workbench.home import Home
from workbench.shop.importers.raw import REASONS
from workbench.shop.importers.reading import Reading

KEPT = ("as_table", "preset", "mapping", "decimal", "dates", "scale", "personal", "pseudonyms")
MOST = 200


def _file(home: Home) -> Any:
    return home.settings / "mappings.json"


def _all(home: Home) -> dict[str, dict[str, Any]]:
    return {"named": {}, "shapes": {}, **read_json(_file(home), {})}


def _shape(columns: tuple[str, ...]) -> str:
    """What tells files of one shape; a file of rejects that was mended has its file's."""
    return hashlib.sha256("\n".join(sorted(set(columns) - set(REASONS))).encode()).hexdigest()


def named(home: Home) -> dict[str, dict[str, Any]]:
    """The mappings saved under a name: `columns` and what was said of the file."""
    return dict(_all(home)["named"])


def complete(home: Home, columns: tuple[str, ...], reading: Reading, presets: tuple[str, ...]) -> Reading:
    """The reading with what is remembered: of the named mapping that it asks for, else of the last file of this shape."""
    if reading.preset in presets:
        return reading
    if reading.preset:
        found = named(home).get(reading.preset)
        if found is None:
            return reading  # the importers say what there is
        lacking = sorted({column for _, column in found["said"]["mapping"] if column} - set(columns))
        if lacking:
            raise WorkbenchError(
                f"The file lacks the columns {', '.join(lacking)} of the mapping {reading.preset!r}.",
                "Choose another preset, or map the columns.",
            )
        return _with(reading.but(preset=None), found["said"])
    if reading.as_table or reading.mapping:
        return reading
    return _with(reading, _all(home)["shapes"].get(_shape(columns), {}))


def _with(reading: Reading, said: dict[str, Any]) -> Reading:
    """What a person says now counts more than what is remembered."""
    kept = {name: value for name, value in said.items() if not getattr(reading, name)}
    return reading.but(**{**kept, **({"mapping": tuple(map(tuple, kept["mapping"]))} if "mapping" in kept else {})})


def remember(home: Home, columns: tuple[str, ...], reading: Reading, name: str | None = None) -> None:
    """Keep what was said of a file for the next one of its shape, and under `name` where that is given."""
    said = {key: value for key, value in asdict(reading).items() if key in KEPT and value}
    if not said and not name:
        return
    found = _all(home)
    found["shapes"].pop(_shape(columns), None)
    found["shapes"][_shape(columns)] = said
    while len(found["shapes"]) > MOST:
        found["shapes"].pop(next(iter(found["shapes"])))
    if name:
        found["named"][name] = {"columns": list(columns), "said": {"mapping": [], **said}}
    write_json(_file(home), found)
