"""The arrows of the architecture: train and realtime stand on engines, not on each other."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {  # of our own packages
    "engines": {"engines"},
    "train": {"train", "engines"},
    "realtime": {"realtime", "engines"},
}
NEVER = {  # of other people's
    "engines": {"torch", "torchvision", "click"},
    "train": {"tensorrt", "tensorrt_rtx", "pycuda", "cuda"},
    "realtime": {
        "torch", "torchvision", "onnx", "onnxruntime", "tensorrt", "tensorrt_rtx", "pycuda", "cuda",
        "openvino",
    },
}  # fmt: skip
HOMES = {  # the files of engines that may know a backend
    "onnxruntime": {"cpu.py", "cpu_decoder.py", "openvino.py", "quantise.py"},
    "onnx": {"half.py", "precision.py", "quantise.py"},
    "tensorrt": {"nvinfer.py"},
    "pycuda": {"cuda.py"},
    "cuda": {"graph.py"},
    "filelock": {"plans.py"},
    "openvino": set(),  # openvino.py imports it by its name, without its telemetry
}
LAZY = {Path("realtime/cli.py")}  # names the training commands as strings
NAMED = re.compile(r"(engines|train|realtime)[.:][A-Za-z_][\w.:]*")

FORBIDDEN = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {
            "torch", "tensorrt", "tensorrt_rtx", "pycuda", "cuda", "train", "onnx", "filelock",
            "openvino",
        }:
            raise ImportError(name + " is out of bounds here")

sys.meta_path.insert(0, Refuse())
"""


def files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> Iterator[str]:
    """The top-level package of every import of a file, wherever in it the import stands."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            yield (node.module or "").partition(".")[0]


def named_in_strings(path: Path) -> Iterator[str]:
    """Our packages named as `package.module` or `package:name` in plain strings."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and (match := NAMED.fullmatch(text)):
            yield match[1]


def python(script: str, folder: Path = ROOT) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=folder, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_nobody_imports_upwards_or_across(package: str) -> None:
    others = set(MAY_IMPORT) - MAY_IMPORT[package]
    forbidden = others | NEVER[package]
    found = {
        str(path.relative_to(ROOT)): sorted(forbidden & set(imported(path)))
        for path in files(package)
    }
    assert found
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_nor_by_a_name_in_a_string(package: str) -> None:
    others = set(MAY_IMPORT) - MAY_IMPORT[package]
    guilty = [
        path.relative_to(ROOT)
        for path in files(package)
        if others & set(named_in_strings(path)) and path.relative_to(ROOT) not in LAZY
    ]
    assert guilty == []


@pytest.mark.parametrize("backend", HOMES)
def test_a_backend_lives_in_its_files(backend: str) -> None:
    assert {path.name for path in files("engines") if backend in imported(path)} == HOMES[backend]


@pytest.mark.parametrize("package", ["engines", "realtime"])
def test_every_module_imports_without_torch_and_gpu(package: str) -> None:
    modules = ["engines", "realtime", *map(module_of, files(package))]
    python(FORBIDDEN + "\n".join(f"import {name}" for name in modules))


def test_import_realtime_is_light() -> None:
    loaded = python("import sys, realtime\nprint(*sys.modules)").split()
    assert "realtime" in loaded
    heavy = {"cv2", "numpy", "onnxruntime", "torch", "engines", "train"}
    assert heavy & set(loaded) == set()


def test_import_engines_starts_no_backend() -> None:
    loaded = python("import sys, engines\nprint(*sys.modules)").split()
    assert {"onnxruntime", "torch", "tensorrt", "pycuda", "onnx", "openvino"} & set(loaded) == set()
