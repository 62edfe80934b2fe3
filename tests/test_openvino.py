import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from blob_model import blob_model

from engines import EngineError, load
from engines.openvino import MOST_MOVED_PX, OpenVinoEngine
from engines.probes import probes

pytest.importorskip("openvino_telemetry", reason="comes with openvino, which is not imported here")

ROOT = Path(__file__).parents[1]
FACE = "face68"


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_agrees_with_onnxruntime(blob_path: Path, batch: int) -> None:
    crops = probes(64, batch)
    with_ort, with_openvino = load(blob_path, "cpu"), load(blob_path, "openvino")
    for own, other in zip(with_ort.run(crops), with_openvino.run(crops), strict=True):
        np.testing.assert_allclose(other, own, atol=1e-4)
    assert with_openvino.card == with_ort.card
    assert with_openvino.precision == "fp32"
    assert with_openvino.name.startswith("openvino 20")


def test_results_belong_to_the_caller(blob_path: Path) -> None:
    engine = load(blob_path, "openvino")
    first = engine.run(probes(64, 1))
    kept = first.keypoints.copy()
    engine.run(np.zeros((1, 64, 64, 3), np.uint8))
    np.testing.assert_array_equal(first.keypoints, kept)


def test_int8_stays_within_the_gate_and_says_what_it_is() -> None:
    engine, plain = load(FACE, "openvino:int8"), load(FACE, "cpu")
    crops = probes(128, 6)
    moved = np.hypot(*(engine.run(crops).keypoints - plain.run(crops).keypoints).T) * 64
    assert 0 < moved.mean() < 2 * MOST_MOVED_PX
    assert engine.precision == "int8"


def test_int8_that_moves_keypoints_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engines.openvino.MOST_MOVED_PX", 1e-6)
    with pytest.raises(EngineError, match=r"moves a keypoint by 0\.\d\d px"):
        load(FACE, "openvino:int8")


def test_unknown_kinds_and_unfit_crops_are_refused(blob_path: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no device 'openvino:int4'"):
        load(blob_path, "openvino:int4")
    with pytest.raises(EngineError, match="crops"):
        load(blob_path, "openvino").run(np.zeros((1, 64, 63, 3), np.uint8))
    foreign = blob_model(tmp_path / "foreign.onnx", metadata="")
    with pytest.raises(EngineError, match="not one of keycam's"):
        OpenVinoEngine(foreign)


def test_nobody_is_told(blob_path: Path, tmp_path: Path) -> None:
    """No file is left behind, and what would send is not even loaded."""
    script = (
        "import sys, engines, numpy\n"
        f"engine = engines.load({str(blob_path)!r}, 'openvino')\n"
        "engine.run(numpy.zeros((1, 64, 64, 3), numpy.uint8))\n"
        "assert not any(name.startswith('openvino_telemetry') for name in sys.modules)\n"
    )
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    subprocess.run(
        [sys.executable, "-B", "-c", script],
        env={**kept, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        cwd=ROOT,
        check=True,
        timeout=120,
    )
    assert list(tmp_path.rglob("*")) == []
