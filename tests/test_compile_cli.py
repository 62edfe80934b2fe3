import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from command_line import keycam, refused
from fake_gpu import FakeGpu, install

from engines import device, nvinfer
from engines.engine import locate
from realtime import compile_cli
from realtime.compile_cli import crops_of


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "keycam" / "plans"


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> FakeGpu:
    return install(monkeypatch, graphs=True)


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device.cuda, "obstacles", lambda index: ["no NVIDIA driver"])


def no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def obstacle(*, thorough: bool = True) -> str:
        return 'TensorRT is not installed: pip install "keycam[tensorrt]"'

    for module in (nvinfer, compile_cli):
        monkeypatch.setattr(module, "obstacle", obstacle)


def test_a_plan_is_built_kept_and_reported(gpu: FakeGpu, cache: Path, tmp_path: Path) -> None:
    first = keycam("compile", "face68", "--json", tmp_path / "made.json")
    assert first.exit_code == 0, first.output
    assert "fp16 plan for TensorRT 99.1 cuda:0 Fake 1000, TensorRT 99.1: built" in first.stdout
    assert "fp16: keypoints moved by" in first.stdout
    table = json.loads((tmp_path / "made.json").read_text())
    assert Path(table["plan"]).stat().st_size == table["bytes"]
    assert (table["precision"], table["fresh"]) == ("fp16", True)
    again = keycam("compile", "face68")
    assert "in the cache already" in again.stdout
    assert len(list(cache.glob("*.plan"))) == 1


def test_the_gate_decides_and_its_measures_are_told(gpu: FakeGpu) -> None:
    gpu.spoil = {"fp16": 0.1}
    result = keycam("compile")
    assert result.stdout.startswith("mixed plan for ")
    assert "fp16: keypoints moved by 9.1 px of the crop, more than 0.5" in result.stdout


def test_crops_come_from_a_source() -> None:
    crops = crops_of("synthetic:frames=40", locate("face68"))
    assert 4 <= len(crops) <= compile_cli.CROPS
    assert crops.shape[1:] == (128, 128, 3)
    assert crops.std() > 20


def test_a_source_without_a_subject(gpu: FakeGpu, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "black.png"), np.zeros((64, 64, 3), np.uint8))
    refused(keycam("compile", "face68", "--source", tmp_path / "black.png"), "finds nothing")


def test_without_any_library_the_remedy_is_said(no_gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    no_library(monkeypatch)
    refused(keycam("compile", "face68"), "no NVIDIA driver", 'pip install "keycam[tensorrt]"')
    refused(keycam("compile", "face68", "--target", "8.9"), 'pip install "keycam[tensorrt]"')


def test_the_cpu_has_no_plans(no_gpu) -> None:
    for name in ("cpu", "auto"):
        refused(keycam("compile", "--device", name), f"not for '{name}'")


def test_an_impossible_plan_is_one_line(gpu: FakeGpu) -> None:
    gpu.broken = {"plan fp16", "plan mixed", "plan fp32"}
    refused(keycam("compile", "face68"), "face68.onnx cannot run on TensorRT 99.1: fp16: ")


def test_a_plan_that_cannot_be_kept_is_an_error(gpu: FakeGpu, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    refused(keycam("compile", "face68"), "no plans can be kept")


def test_tensorrt_proper_has_no_targets(gpu: FakeGpu) -> None:
    refused(keycam("compile", "face68", "--target", "8.9"), "needs TensorRT-RTX")


def test_without_a_gpu_a_named_one_is_built_for(no_gpu, cache: Path) -> None:
    pytest.importorskip("tensorrt_rtx")
    pytest.importorskip("filelock")
    refused(keycam("compile", "face68"), "no NVIDIA driver", "TensorRT-RTX", "--target 8.9")
    result = keycam("compile", "face68", "--target", "8.9", "--batch", "1")
    assert result.exit_code == 0, result.output
    assert "fp16 plan for compute capability 8.9, TensorRT-RTX" in result.stdout
    assert "not compared yet" in result.stdout
    (plan,) = cache.glob("*.plan")
    assert str(plan) in result.stdout
    refused(keycam("compile", "face68", "--target", "1.2"), "no target '1.2'")
