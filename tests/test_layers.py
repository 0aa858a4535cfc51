"""Folders import downward only; duckdb and torch have one importer each; the app starts without torch."""

import ast
import subprocess
import sys
from pathlib import Path

import workbench

ROOT = Path(workbench.__file__).parent
LAYERS = [
    {"errors", "files", "home", "run", "registry", "export"},
    {"shop"},
    {"tasks"},
    {"encoder", "insights"},
    {"jobs"},
    {"components"},
    {"pages"},
    {"app"},
    {"cli"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
HEAVY = {"torch", "transformers", "accelerate", "safetensors"}


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever in it: `workbench.x` as written, `from workbench import x` joined."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
            if node.module == "workbench":
                found |= {f"workbench.{alias.name}" for alias in node.names}
    return found


def area(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def files() -> list[Path]:
    return [p for p in sorted(ROOT.rglob("*.py")) if p != ROOT / "__init__.py"]


def test_folders_import_downward_only():
    wrong = []
    for path in files():
        here = area(path)
        for module in imports(path):
            parts = module.split(".")
            if parts[0] == "workbench" and len(parts) > 1 and parts[1] != here and RANK[parts[1]] >= RANK[here] > 0:
                wrong.append(f"{path.relative_to(ROOT)} imports {module}")
    assert not wrong


def test_duckdb_and_torch_have_one_importer_each():
    wrong = []
    for path in files():
        roots = {module.split(".")[0] for module in imports(path)}
        if "duckdb" in roots and path != ROOT / "shop" / "store.py":
            wrong.append(f"{path.relative_to(ROOT)} imports duckdb")
        if roots & HEAVY and area(path) != "encoder":
            wrong.append(f"{path.relative_to(ROOT)} imports {roots & HEAVY}")
    assert not wrong


def test_the_encoder_runs_only_in_processes_of_its_own():
    wrong, settings = [], {"workbench.encoder.recipe", "workbench.encoder.recipe_file"}  # what is to be learned, no learning
    for path in files():
        borrowed = {m for m in imports(path) if m.startswith("workbench.encoder") and m not in settings}
        if borrowed and area(path) != "encoder":
            wrong.append(f"{path.relative_to(ROOT)} imports {borrowed}")
    assert not wrong


def test_every_folder_has_its_layer():
    assert {area(path) for path in files()} <= RANK.keys()


def test_importing_the_app_leaves_heavy_libraries_unloaded():
    heavy = sorted(HEAVY | {"umap", "hdbscan", "sklearn"})
    code = f"import sys, workbench.app, workbench.cli; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT.parent)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
