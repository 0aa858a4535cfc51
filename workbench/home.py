"""Where data and models are: the only place that builds paths."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Home:
    """A folder that holds one shop: its data and its models."""

    root: Path

    @classmethod
    def find(cls, given: str | os.PathLike[str] | None = None) -> Home:
        """The home that was named, else `WORKBENCH_HOME`, else the current folder."""
        return cls(Path(given or os.environ.get("WORKBENCH_HOME") or ".").expanduser().resolve())

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def shop_file(self) -> Path:
        return self.data / "shop.duckdb"

    @property
    def snapshots(self) -> Path:
        return self.data / "snapshots"

    @property
    def uploads(self) -> Path:
        return self.data / "uploads"

    @property
    def runs(self) -> Path:
        return self.data / "runs"

    @property
    def readings(self) -> Path:
        return self.data / "readings"

    @property
    def sample(self) -> Path:
        return self.data / "sample"

    @property
    def settings(self) -> Path:
        return self.data / "settings"

    @property
    def active_file(self) -> Path:
        return self.models / "active"

    @property
    def recipe_folders(self) -> tuple[Path, ...]:
        """Where recipes are looked for: the home's own first, then those shipped."""
        shipped = PACKAGE.parent / "models" / "recipes"
        packaged = PACKAGE / "recipes"
        own = self.models / "recipes"
        return tuple(dict.fromkeys(p for p in (own, shipped, packaged) if p.is_dir()))

    def make(self) -> Home:
        """Create the folders that do not exist yet and return this home."""
        for folder in (self.data, self.models, self.snapshots, self.uploads, self.runs, self.settings):
            folder.mkdir(parents=True, exist_ok=True)
        return self


def disk_full(home: Home) -> tuple[str, str]:
    """Problem and fix of a job that found no room: the bytes there are and those that it needs, as far as the shop tells."""
    versions = [sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) for folder in home.models.glob("v*")]
    shop = home.shop_file.stat().st_size if home.shop_file.exists() else 0
    needed = shop + max(versions, default=shop)
    return (
        f"The disk is full: {shutil.disk_usage(home.root).free:,} bytes are free in {home.root}; a job needs about {needed:,}, "
        "as much as the shop and its largest version take.",
        "Free that many bytes or delete old versions, then resume the run; the active model goes on serving.",
    )
