"""Model versions: the folders under `models/` are the registry, `models/active` names the one in use.

A version is made beside its final name (`<id>.partial`), completed by a manifest with the SHA-256
of every file, made read-only and renamed. Promoting and rolling back replace one small file.
"""

from __future__ import annotations

import getpass
import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

from filelock import FileLock

from workbench.errors import WorkbenchError
from workbench.files import read_json, read_json_lines, sha256, write_json
from workbench.home import Home

FORMAT = 1
MANIFEST = "manifest.json"
EVALUATION = "derived/evaluation.json"
ADDED = "added-*.json"
FORBIDDEN = {".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt", ".py"}


@dataclass(frozen=True)
class ModelVersion:
    """One complete version on disk."""

    id: str
    folder: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """`info` (parent, data_version, recipe name, created, seconds, kind) and `files` with their SHA-256."""
        return dict(read_json(self.folder / MANIFEST, {}))

    @property
    def info(self) -> dict[str, Any]:
        return dict(self.manifest.get("info", {}))

    @property
    def vectors_file(self) -> Path:
        return self.folder / "vectors.duckdb"

    @property
    def added(self) -> list[Path]:
        """Files of vectors and predictions of rows that came after the version was made, oldest first."""
        return [self.folder / read_json(manifest)["file"] for manifest in sorted(self.folder.glob(ADDED))]

    @property
    def state(self) -> str:
        """What an answer from this version depends on: the version and how many files were added to it."""
        return f"{self.id}+{len(self.added)}" if self.added else self.id

    @property
    def seen(self) -> int:
        """The data version whose rows this version has seen last."""
        manifests = sorted(self.folder.glob(ADDED))
        return int(read_json(manifests[-1])["data_version"] if manifests else self.info.get("data_version") or 0)

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """`{"version", "tasks": {task: {"metrics", "baselines"}}, "left_out": {task: reason}}`."""
        return dict(read_json(self.folder / "metrics.json", {}))

    @property
    def evaluation(self) -> dict[str, Any]:
        """What was measured after the version was made, of the form of `metrics`: further baselines, differences, noise, elsewhere."""
        return dict(read_json(self.folder / EVALUATION, {}))

    @property
    def measured(self) -> dict[str, Any]:
        """`metrics` together with `evaluation`."""
        return merged(self.metrics, self.evaluation)

    def keep_evaluation(self, found: dict[str, Any]) -> None:
        """Add what was measured to `evaluation`; the rest of the version never changes."""
        write_json(self.folder / EVALUATION, merged(self.evaluation, found))

    @property
    def curve(self) -> list[dict[str, Any]]:
        """Loss and validation metric of each task as it was trained, step by step."""
        return list(read_json(self.folder / "curve.json", []))

    @cached_property
    def recipe(self) -> dict[str, Any]:
        return dict(read_json(self.folder / "recipe.json", {}))

    def verify(self) -> None:
        """Raise WorkbenchError unless every file is there, unchanged and of a safe kind."""
        if self.manifest.get("format", 0) > FORMAT:
            raise WorkbenchError(
                f"Model version {self.id} was written by a newer workbench (format {self.manifest['format']}, this one reads {FORMAT}).",
                "Update the workbench, or roll back to an older version.",
            )
        listed = {**self.manifest.get("files", {}), **{m["file"]: m["sha256"] for m in map(read_json, self.folder.glob(ADDED))}}
        for path in self.folder.rglob("*"):
            if path.suffix in FORBIDDEN:
                raise WorkbenchError(
                    f"Model version {self.id} holds {path.name}: only safetensors are loaded, never pickles or code.",
                    "Delete the version, or train it again.",
                )
        for name, digest in listed.items():
            path = self.folder / name
            if not path.exists() or sha256(path) != digest:
                raise WorkbenchError(
                    f"Model version {self.id} is damaged: {name} is missing or its SHA-256 is not the manifest's.",
                    "Roll back to another version, or train again.",
                )


def _who() -> str:
    """The name of the process's user; its number where it has none, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"


def merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Both, the inner mappings too; where they disagree the other's value counts."""
    inner = {key for key in one.keys() & other.keys() if isinstance(one[key], dict) and isinstance(other[key], dict)}
    return {**one, **other, **{key: merged(one[key], other[key]) for key in inner}}


class Registry:
    """The versions of a home and which of them is active."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._lock = FileLock(home.models / ".lock", timeout=10)

    # -- reading -----------------------------------------------------------------------------

    def versions(self) -> list[ModelVersion]:
        """All complete versions, newest first."""
        folders = [f for f in self.home.models.glob("v*") if f.suffix != ".partial" and (f / MANIFEST).exists()]
        return [ModelVersion(f.name, f) for f in sorted(folders, key=lambda f: f.name, reverse=True)]

    def get(self, version: str) -> ModelVersion:
        """The version with this id; WorkbenchError names those that exist."""
        for found in self.versions():
            if found.id == version:
                return found
        known = ", ".join(v.id for v in self.versions()) or "none yet"
        raise WorkbenchError(
            f"There is no model version {version!r}; there are: {known}.",
            "See them with: workbench models",
            page="See them on the page Models.",
        )

    def active(self) -> ModelVersion | None:
        """The version in use, or None before the first promotion and where it is `missing`."""
        version = self._state().get("active")
        return next((found for found in self.versions() if found.id == version), None)

    def missing(self) -> str | None:
        """The id of the active version where its folder is gone: somebody deleted or moved it."""
        version = self._state().get("active")
        return str(version) if version and self.active() is None else None

    def none_active(self) -> WorkbenchError:
        """Why `active` is None and what to do, for who needs a version or goes on without one."""
        gone = self.missing()
        if gone is None:
            return WorkbenchError("No model version is active.", "Train one with: workbench train", page="Train one on the page Models.")
        known = [version.id for version in self.versions()]
        fix = "train one with: workbench train; then promote it: workbench promote VERSION"
        page = "train and promote one on the page Models."
        if known:
            there = f"(there are: {', '.join(known)})."
            fix, page = f"promote another with: workbench promote VERSION {there}", f"promote another on the page Models {there}"
        problem = f"The active model version {gone} is missing: {self.home.models / gone} is gone or incomplete."
        return WorkbenchError(problem, f"Put it back, or {fix}", page=f"Put it back, or {page}")

    def history(self) -> list[dict[str, Any]]:
        """Promotions and rollbacks, oldest first: when, who, action, version, before, why."""
        return read_json_lines(self.home.models / "history.jsonl")

    def _state(self) -> dict[str, Any]:
        return dict(read_json(self.home.active_file, {}))

    # -- writing -----------------------------------------------------------------------------

    def new_folder(self) -> tuple[str, Path]:
        """A fresh version id and its empty `.partial` folder."""
        version = f"v{datetime.now():%Y%m%d-%H%M%S}-{uuid4().hex[:4]}"
        folder = self.home.models / f"{version}.partial"
        folder.mkdir(parents=True)
        return version, folder

    def publish(self, version: str, info: dict[str, Any]) -> ModelVersion:
        """Complete `<version>.partial`: manifest last, read-only, renamed."""
        partial = self.home.models / f"{version}.partial"
        files = {str(p.relative_to(partial)): sha256(p) for p in sorted(partial.rglob("*")) if p.is_file()}
        info = {"created": datetime.now().isoformat(timespec="seconds"), **info}
        write_json(partial / MANIFEST, {"format": FORMAT, "version": version, "info": info, "files": files})
        for path in partial.rglob("*"):
            if path.is_file():
                path.chmod(0o444)
        final = self.home.models / version
        partial.rename(final)
        return ModelVersion(version, final)

    def add(self, version: str, make: Callable[[Path], None], info: dict[str, Any]) -> Path:
        """Give a version one more read-only file of vectors: `make` writes it beside its name; complete by a manifest of its own.

        `info` holds data_version and rows. For the one worker whose turn it is.
        """
        folder = self.get(version).folder
        name = f"added-{len(list(folder.glob(ADDED))) + 1:04d}"
        partial, final = folder / f"{name}.partial", folder / f"{name}.duckdb"
        try:
            make(partial)
            partial.chmod(0o444)
            digest = sha256(partial)
            partial.rename(final)
            write_json(folder / f"{name}.json", {"file": final.name, "sha256": digest, **info})
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        return final

    def discard(self, version: str) -> None:
        """Remove what an unfinished version left behind."""
        shutil.rmtree(self.home.models / f"{version}.partial", ignore_errors=True)

    def sweep(self) -> None:
        """Remove what killed jobs left of versions that never became complete; for the one worker whose turn it is."""
        for folder in self.home.models.glob("v*.partial"):
            shutil.rmtree(folder, ignore_errors=True)
        for left in [*self.home.models.glob("v*/added-*.partial"), *self.home.models.glob("v*/added-*.duckdb")]:
            if not left.with_suffix(".json").exists():
                left.unlink(missing_ok=True)

    def promote(self, version: str, *, expected: str | object | None = ..., why: str = "") -> ModelVersion:
        """Make `version` the active one.

        `expected` is the active version that the caller saw; if another promotion came between,
        WorkbenchError says so and nothing changes.
        """
        found = self.get(version)
        found.verify()
        with self._lock:
            state = self._state()
            before = state.get("active")
            if self._another(expected):
                raise WorkbenchError(
                    f"Version {version} was not promoted: {before} became active in the meantime.",
                    "Look at the versions again, then decide.",
                )
            previous = [v for v in state.get("previous", []) if v != version]
            if before and before != version:
                previous.append(before)
            self._write(version, previous, "promote", before, why)
        return found

    def previous(self) -> list[str]:
        """The versions that a rollback would return to, the next one last."""
        known = {v.id for v in self.versions()}
        return [v for v in self._state().get("previous", []) if v in known]

    def rollback(self, *, expected: str | object | None = ..., why: str = "") -> ModelVersion:
        """Go back to the version that was active before this one; `expected` as in `promote`."""
        with self._lock:
            state = self._state()
            if self._another(expected):
                raise WorkbenchError(
                    f"Nothing was rolled back: {state.get('active')} became active in the meantime.",
                    "Look at the versions again, then decide.",
                )
            previous = self.previous()
            if not previous:
                problem = "There is no earlier version to roll back to."
                raise WorkbenchError(problem, "Promote another one: workbench models", page="Promote another one on the page Models.")
            version = previous.pop()
            self.get(version).verify()
            self._write(version, previous, "rollback", state.get("active"), why)
        return self.get(version)

    def _another(self, expected: str | object | None) -> bool:
        """Whether another version is active than the caller saw; who saw none may have seen that it is missing."""
        active = self.active()
        return expected is not ... and expected != (active.id if active else None)

    def _write(self, version: str, previous: list[str], action: str, before: str | None, why: str) -> None:
        entry = {"when": time.time(), "who": _who(), "action": action, "version": version, "before": before, "why": why}
        write_json(self.home.active_file, {"active": version, "previous": previous})
        with (self.home.models / "history.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")
