"""What needs a real NVIDIA GPU. Elsewhere all of it is skipped, and says why.

Where neither TensorRT nor TensorRT-RTX runs, the memory, stream and graph tests do all the same,
and ONNX Runtime's CUDA provider and a torch CUDA graph stand in for the plan.
"""

import threading
from pathlib import Path

import numpy as np
import pytest

from engines import EngineError, cuda, load, nvinfer
from engines.compile import Compiled, Order, cached, compiled_model
from engines.cpu import CpuEngine, ort
from engines.cuda import Exchange, Gpu
from engines.device import choose, obstacles
from engines.engine import locate
from engines.job import Job
from engines.parity import MOST_PX, compare
from engines.plans import NoPlan, Plans
from engines.probes import probes

pytestmark = pytest.mark.gpu

FLOAT = np.dtype(np.float32)


@pytest.fixture
def gpu() -> Gpu:
    if reasons := cuda.obstacles(0):
        pytest.skip("; ".join(reasons))
    return Gpu(0)


@pytest.fixture(scope="module")
def library() -> str:
    """TensorRT or TensorRT-RTX, really able to build and run a plan here."""
    if reasons := obstacles(0):
        pytest.skip("; ".join(reasons))
    return nvinfer.title()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("plans")


def order(folder: Path, precision: str = "fp16") -> Order:
    return Order(path=locate("face68"), precision=precision, plans=Plans(folder))


def compiled(own: Order) -> Compiled:
    try:
        return Job(lambda tell: compiled_model(own, tell)).result()
    except EngineError as error:
        pytest.skip(f"no plan on this GPU: {error}")


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_plans_say_what_the_cpu_says(library: str, folder: Path, precision: str) -> None:
    made = compiled(order(folder, precision))
    reference = CpuEngine(locate("face68"))
    parity = compare(reference, made.engine, probes(128, 32))
    assert parity.moved_px <= MOST_PX
    assert parity.doubted < 0.05
    made.engine.close()
    again = cached(order(folder, precision))
    assert again.plan.content == made.plan.content
    again.engine.close()


@pytest.mark.parametrize("count", [1, 2, 4, 5, 9])
def test_any_number_of_crops(library: str, folder: Path, count: int) -> None:
    engine = compiled(order(folder)).engine
    crops = probes(128, count)
    wanted = CpuEngine(locate("face68")).run(crops)
    for _ in range(3):
        found = engine.run(crops)
        away_px = np.linalg.norm(found.keypoints - wanted.keypoints, axis=-1) * 64
        assert away_px.max() <= MOST_PX
    engine.close()


def test_plain_runs_and_graphs_agree_to_the_bit(
    library: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cuda.bindings.driver")
    crops = probes(128, 4)
    captured = compiled(order(folder)).engine
    with_graph = captured.run(crops)
    if not captured.captured:
        captured.close()
        pytest.skip(f"{library} cannot be captured on this GPU")
    monkeypatch.setattr(Exchange, "capture", lambda self, enqueue: False)
    plain = cached(order(folder)).engine
    without = plain.run(crops)
    np.testing.assert_array_equal(with_graph.keypoints, without.keypoints)
    captured.close()
    plain.close()


def test_engines_on_several_threads(library: str, folder: Path) -> None:
    first = compiled(order(folder)).engine
    engines = [first, *(cached(order(folder)).engine for _ in range(3))]
    wanted = first.run(probes(128, 4)).keypoints
    wrong: list[int] = []

    def work(index: int) -> None:
        for _ in range(200):
            if not np.array_equal(engines[index].run(probes(128, 4)).keypoints, wanted):
                wrong.append(index)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for engine in engines:
        engine.close()
    assert wrong == []


def test_memory_does_not_grow(library: str, folder: Path, gpu: Gpu) -> None:
    import pycuda.driver as driver

    compiled(order(folder)).engine.close()
    left = []
    for _ in range(4):
        engine = cached(order(folder)).engine
        for _ in range(100):
            engine.run(probes(128, 1))
        engine.close()
        with gpu.current():
            left.append(driver.mem_get_info()[0])
    assert left[1] - left[-1] < 1 << 20


def test_a_cut_plan_is_refused_before_the_library_sees_it(library: str, folder: Path) -> None:
    made = compiled(order(folder))
    made.engine.close()
    content = made.file.read_bytes()
    made.file.write_bytes(content[:-100])
    with pytest.raises(NoPlan, match="damaged"):
        cached(order(folder))
    made.file.write_bytes(content)
    cached(order(folder)).engine.close()


def test_load_swaps_in(library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    engine = load("face68", "auto")
    while not getattr(engine, "settled", True):
        engine.run(probes(128, 1))
    assert "cuda:0" in engine.name or "onnxruntime" in engine.name
    engine.close()
    assert choose("auto").device == "cuda:0"


@pytest.mark.parametrize("capture", [False, True])
def test_memory_and_stream(gpu: Gpu, capture: bool) -> None:
    """pycuda alone: what is copied in, moved on the GPU and copied out is the same."""
    import pycuda.driver as driver

    shapes = {"a": ((64, 3), FLOAT)}, {"b": ((64, 3), FLOAT)}
    exchange = Exchange(gpu, *shapes)

    def move(handle: int) -> None:
        source, target = exchange.addresses["a"], exchange.addresses["b"]
        driver.memcpy_dtod_async(target, source, 64 * 3 * 4, exchange._stream)

    exchange.run(move)
    if capture:
        pytest.importorskip("cuda.bindings.driver")
        assert exchange.capture(move)
    for seed in range(50):
        values = np.random.default_rng(seed).normal(size=(64, 3)).astype(np.float32)
        exchange.inputs["a"][:] = values
        exchange.run(move)
        np.testing.assert_array_equal(exchange.outputs["b"], values)
    exchange.close()


def test_the_context_is_the_one_torch_uses(gpu: Gpu) -> None:
    """What torch wrote on its stream is read through pycuda: one primary context."""
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("torch has no CUDA here")
    import pycuda.driver as driver

    tensor = torch.arange(1000, dtype=torch.float32, device="cuda")
    torch.cuda.synchronize()
    found = np.empty(1000, np.float32)
    with gpu.current():
        driver.memcpy_dtoh(found, tensor.data_ptr())
    np.testing.assert_array_equal(found, np.arange(1000))


def test_threads_push_the_context_themselves(gpu: Gpu) -> None:
    shapes = {"a": ((8,), FLOAT)}, {"b": ((8,), FLOAT)}
    exchange = Exchange(gpu, *shapes)
    errors: list[Exception] = []

    def work() -> None:
        try:
            for _ in range(100):
                exchange.run(lambda handle: None)
        except Exception as error:  # noqa: BLE001 (looked at below)
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    exchange.close()
    assert errors == []


def test_onnxruntime_cuda_says_what_the_cpu_says() -> None:
    if "CUDAExecutionProvider" not in ort.get_available_providers():
        pytest.skip("this ONNX Runtime has no CUDA provider")
    session = ort.InferenceSession(str(locate("face68")), providers=["CUDAExecutionProvider"])
    found = session.run(["keypoints"], {"crop": probes(128)})[0]
    wanted = CpuEngine(locate("face68")).run(probes(128)).keypoints
    assert np.linalg.norm(found - wanted, axis=-1).max() * 64 <= MOST_PX


def test_a_torch_cuda_graph_says_what_the_cpu_says(tmp_path: Path) -> None:
    """Pinned memory in, the network, pinned memory out, as one graph: our way, by torch."""
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("torch has no CUDA here")
    from test_export import CARD, noise

    from train.export import export_tracker
    from train.tracker_network import TrackerGraph, TrackerNetwork

    network = TrackerNetwork(3).eval()
    path = export_tracker(network, CARD, tmp_path / "toy.onnx")
    graphed = TrackerGraph(network).cuda()
    pinned = torch.zeros((4, 32, 32, 3), dtype=torch.uint8).pin_memory()
    out = torch.zeros((4, 3, 2)).pin_memory()
    stream, graph = torch.cuda.Stream(), torch.cuda.CUDAGraph()

    def step() -> None:
        keypoints, _ = graphed(pinned.to("cuda", non_blocking=True))
        out.copy_(keypoints, non_blocking=True)

    with torch.no_grad(), torch.cuda.stream(stream):
        step()
        stream.synchronize()
        with torch.cuda.graph(graph, stream=stream):
            step()
        for turn in range(3):
            crops = np.roll(noise(4), turn, axis=2)
            pinned.copy_(torch.from_numpy(crops))
            graph.replay()
            stream.synchronize()
            wanted = CpuEngine(path).run(crops).keypoints
            assert np.linalg.norm(out.numpy() - wanted, axis=-1).max() * 16 <= MOST_PX
