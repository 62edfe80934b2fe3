import sys
import threading
from pathlib import Path

import numpy as np
import onnx
import pytest
from blob_model import blob_card, blob_model
from fake_gpu import FakeGpu, install
from test_cpu import PLACES, crops_at

from engines import Card, Engine, EngineError, cuda, load, nvinfer
from engines.build import build
from engines.cuda import Gpu
from engines.trt import TensorRtEngine

SETUP = ("mem_alloc", "pagelocked_empty", "context", "set address", "deserialise", "begin capture")


@pytest.fixture(params=[False, True], ids=["plain", "graphs"])
def gpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> FakeGpu:
    return install(monkeypatch, graphs=request.param)


def plan_of(path: Path, batch: int = 4) -> bytes:
    own = Gpu(0)
    with own.current():
        plan = build(path.read_bytes(), batch=batch).plan
    return plan


def engine_of(path: Path, card: Card, batch: int = 4) -> TensorRtEngine:
    return TensorRtEngine(plan_of(path, batch), card, 0, precision="fp32")


def test_it_keeps_the_protocol(gpu: FakeGpu, blob_path: Path, mouse_card: Card) -> None:
    engine = engine_of(blob_path, mouse_card)
    assert isinstance(engine, Engine)
    assert engine.card == mouse_card
    assert engine.name == "TensorRT 99.1 cuda:0 Fake 1000"
    assert engine.precision == "fp32"
    engine.close()


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("count", [1, 2, 4, 5, 9])
def test_it_says_what_the_cpu_engine_says(
    gpu: FakeGpu, blob_path: Path, mouse_card: Card, batch: int, count: int
) -> None:
    engine, cpu = engine_of(blob_path, mouse_card, batch), load(blob_path, "cpu")
    crops = crops_at(*(PLACES * 2)[:count])
    for _ in range(3):
        for own, other in zip(engine.run(crops), cpu.run(crops), strict=True):
            np.testing.assert_allclose(own, other, atol=1e-6)
        crops = crops[:, ::-1]
    engine.close()


def test_a_warm_run_copies_launches_and_waits_once(
    gpu: FakeGpu, blob_path: Path, mouse_card: Card
) -> None:
    engine = engine_of(blob_path, mouse_card)
    graphs = sys.modules["cuda.bindings.driver"] is not None
    for count in (1, 4):
        crops = crops_at(*PLACES[:count])
        engine.run(crops)
        before = gpu.calls.copy()
        gpu.order.clear()
        for _ in range(5):
            engine.run(crops)
        assert all(gpu.calls[name] == before[name] for name in SETUP)
        once = ["launch"] if graphs else ["copy in", "enqueue", "copy out"]
        assert gpu.order == [*once, "synchronize"] * 5
    assert engine.captured == graphs
    engine.close()


def test_results_belong_to_the_caller(gpu: FakeGpu, blob_path: Path, mouse_card: Card) -> None:
    engine = engine_of(blob_path, mouse_card)
    crops = crops_at(PLACES[0])
    first = engine.run(crops)
    kept = first.keypoints.copy()
    engine.run(crops_at(PLACES[1]))
    np.testing.assert_array_equal(first.keypoints, kept)
    assert not gpu.is_pinned(first.keypoints)
    engine.close()


def test_it_may_be_made_on_one_thread_and_run_on_another(
    gpu: FakeGpu, blob_path: Path, mouse_card: Card
) -> None:
    made = [engine_of(blob_path, mouse_card)]
    crops = crops_at(PLACES[0])
    wanted = made[0].run(crops).keypoints
    found: list[np.ndarray] = []
    thread = threading.Thread(target=lambda: found.append(made[0].run(crops).keypoints))
    thread.start()
    thread.join()
    np.testing.assert_array_equal(found[0], wanted)
    assert not gpu.contexts.stack  # nothing was left current
    made[0].close()


def test_close_gives_everything_back(gpu: FakeGpu, blob_path: Path, mouse_card: Card) -> None:
    engine = engine_of(blob_path, mouse_card)
    engine.run(crops_at(*PLACES))
    assert gpu.memory
    assert gpu.pinned
    engine.close()
    engine.close()
    assert gpu.empty
    with pytest.raises(EngineError, match="closed"):
        engine.run(crops_at(PLACES[0]))


def test_a_plan_it_refuses(gpu: FakeGpu, mouse_card: Card) -> None:
    with pytest.raises(EngineError, match=r"TensorRT 99\.1 refuses the plan"):
        TensorRtEngine(b"not a plan", mouse_card, 0, precision="fp32")
    assert gpu.empty


def test_a_plan_of_another_model(
    gpu: FakeGpu, blob_path: Path, face_card: Card, tmp_path: Path
) -> None:
    with pytest.raises(EngineError, match="not that of this model"):
        engine_of(blob_path, face_card)
    model = onnx.load(blob_model(tmp_path / "other.onnx"))
    model.graph.output[1].name = "trust"
    model.graph.node[-1].output[0] = "trust"
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(EngineError, match="not that of this model"):
        engine_of(tmp_path / "other.onnx", blob_card())
    assert gpu.empty


@pytest.mark.parametrize("broken", ["mem_alloc", "pagelocked_empty", "execute"])
def test_a_gpu_that_fails_while_it_is_set_up(
    gpu: FakeGpu, blob_path: Path, mouse_card: Card, broken: str
) -> None:
    engine = engine_of(blob_path, mouse_card)
    gpu.broken.add(broken)
    with pytest.raises(EngineError):
        engine.run(crops_at(PLACES[0]))
    assert gpu.empty
    gpu.broken.clear()
    assert engine.run(crops_at(PLACES[0])).keypoints.shape == (1, 4, 2)
    engine.close()


def test_a_gpu_that_fails_later(gpu: FakeGpu, blob_path: Path, mouse_card: Card) -> None:
    engine = engine_of(blob_path, mouse_card)
    engine.run(crops_at(PLACES[0]))
    gpu.broken.add("synchronize")
    with pytest.raises(EngineError, match="the GPU failed: synchronize"):
        engine.run(crops_at(PLACES[0]))
    gpu.broken.clear()
    engine.close()
    assert gpu.empty


def test_what_cannot_be_captured_runs_plainly(
    monkeypatch: pytest.MonkeyPatch, blob_path: Path, mouse_card: Card
) -> None:
    gpu = install(monkeypatch, graphs=True)
    gpu.broken.add("capture")
    engine = engine_of(blob_path, mouse_card)
    found = engine.run(crops_at(PLACES[0])).keypoints
    np.testing.assert_allclose(
        found, load(blob_path, "cpu").run(crops_at(PLACES[0])).keypoints, atol=1e-6
    )
    assert not engine.captured
    engine.close()


@pytest.mark.parametrize(
    "crops",
    [np.zeros((1, 64, 65, 3), np.uint8), np.zeros((1, 64, 64, 3)), np.zeros((0, 64, 64, 3), "u1")],
)
def test_unfit_crops_are_refused(
    gpu: FakeGpu, blob_path: Path, mouse_card: Card, crops: np.ndarray
) -> None:
    engine = engine_of(blob_path, mouse_card)
    with pytest.raises(EngineError, match="crops"):
        engine.run(crops)
    engine.close()


@pytest.mark.parametrize("cut", [None, 1000])
def test_the_real_library_refuses_where_there_is_no_driver(
    monkeypatch: pytest.MonkeyPatch, blob_path: Path, mouse_card: Card, cut: int | None
) -> None:
    """TensorRT-RTX really reads the plan; only the GPU is made of Python."""
    rtx = pytest.importorskip("tensorrt_rtx")
    if not cuda.obstacles(0):
        pytest.skip("there is a GPU")
    logger = nvinfer.logger
    install(monkeypatch, graphs=False)
    monkeypatch.setitem(vars(nvinfer), "trt", rtx)
    monkeypatch.setattr(nvinfer, "logger", logger)
    plan = build(blob_path.read_bytes(), batch=1).plan
    with pytest.raises(EngineError, match=r"TensorRT-RTX [0-9.]+ refuses the plan: .+"):
        TensorRtEngine(plan[:cut], mouse_card, 0, precision="fp32")
