"""Running a model tells nobody: no file is left behind, no name is looked up."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import onnxruntime
import pytest

ROOT = Path(__file__).parents[1]
PIN = "1.28.0"  # the last release without a collector
COLLECTOR = b"events.data.microsoft.com"
RESOLVER = b"getaddrinfo"
LIBRARY = re.compile(r"\.(so|dylib|dll|pyd)(\.|$)")

SCRIPT = """
import sys
import numpy as np
import engines
engine = engines.load(sys.argv[1])
engine.run(np.zeros((1, 64, 64, 3), np.uint8))
engine.close()
"""


def quiet_home(home: Path) -> dict[str, str]:
    """An environment as a user has it: no CI, nothing opted out, `home` for every cache."""
    folders = ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, **dict.fromkeys(folders, str(home))}


def test_no_file_is_left_behind(blob_path: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-B", "-c", SCRIPT, str(blob_path)]
    subprocess.run(command, env=quiet_home(tmp_path), cwd=ROOT, check=True, timeout=60)
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("trace", [COLLECTOR, RESOLVER], ids=["collector", "resolver"])
def test_onnxruntime_has_nobody_to_tell(trace: bytes) -> None:
    """Its libraries hold no collector's address, nor can they look one up."""
    folder = Path(onnxruntime.__file__).parent / "capi"
    libraries = [path for path in folder.iterdir() if LIBRARY.search(path.name)]
    assert libraries
    assert [path.name for path in libraries if trace in path.read_bytes()] == []


def test_onnxruntime_is_pinned() -> None:
    assert onnxruntime.__version__ == PIN
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert f"onnxruntime=={PIN}" in project["dependencies"]
