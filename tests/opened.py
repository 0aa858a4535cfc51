"""The benchmarks are scripts, not a package: a test opens one by its name."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def benchmark_named(name: str) -> ModuleType:
    """`tests/benchmarks/NAME.py` as a module, which finds the others beside it."""
    folder = Path(__file__).parent / "benchmarks"
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    spec = importlib.util.spec_from_file_location(f"{name}_benchmark", folder / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
