import errno
import logging
import multiprocessing
import os
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from fake_gpu import FakeGpu, install

from engines import EngineError, compile, load
from engines.compile import Compiled, Order, cached, compiled_model
from engines.cpu import CpuEngine
from engines.engine import locate
from engines.job import Job
from engines.plans import NoPlan, Plans
from engines.probes import probes


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeGpu:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return install(monkeypatch, graphs=True)


@pytest.fixture
def model() -> Path:
    return locate("face68")


def order(path: Path, **changes) -> Order:
    return Order(path=path, **changes)


def builds(gpu: FakeGpu) -> list[str]:
    return [name.removeprefix("build ") for name in gpu.order if name.startswith("build ")]


def same_as_cpu(compiled: Compiled, path: Path) -> None:
    crops = probes(compiled.engine.card.size)
    wanted, found = CpuEngine(path).run(crops), compiled.engine.run(crops)
    np.testing.assert_allclose(found.keypoints, wanted.keypoints, atol=5e-3)


def test_a_model_is_built_once_and_then_taken_from_the_cache(gpu: FakeGpu, model: Path) -> None:
    with pytest.raises(NoPlan, match="no plan of this model yet"):
        cached(order(model))
    first = compiled_model(order(model))
    assert (first.fresh, first.engine.precision, builds(gpu)) == (True, "fp16", ["fp16"])
    assert first.file.is_file()
    assert "keypoints moved by" in first.plan.tried["fp16"]
    same_as_cpu(first, model)
    first.engine.close()
    for again in (cached(order(model)), compiled_model(order(model))):
        assert (again.fresh, again.plan.tried) == (False, first.plan.tried)
        same_as_cpu(again, model)
        again.engine.close()
    assert builds(gpu) == ["fp16"]
    assert gpu.empty


@pytest.mark.parametrize(
    ("asked", "spoilt", "tried"),
    [
        ("fp16", ("fp16",), ["fp16", "mixed"]),
        ("fp16", ("fp16", "mixed"), ["fp16", "mixed", "fp32"]),
        ("int8", ("int8",), ["int8", "fp16"]),
        ("fp32", (), ["fp32"]),
    ],
)
def test_a_precision_that_moves_keypoints_is_followed_by_the_next(
    gpu: FakeGpu, model: Path, asked: str, spoilt: tuple[str, ...], tried: list[str]
) -> None:
    gpu.spoil = dict.fromkeys(spoilt, 0.1)  # 9 px of 128
    wide = order(model, precision=asked, crops=probes(128, 4))
    compiled = compiled_model(wide)
    assert builds(gpu) == tried
    assert compiled.engine.precision == compiled.plan.precision == tried[-1]
    assert list(compiled.plan.tried) == tried
    for precision in tried[:-1]:
        assert "more than 0.5" in compiled.plan.tried[precision]
    compiled.engine.close()
    again = cached(wide)
    assert again.plan.tried == compiled.plan.tried
    again.engine.close()


def test_nan_is_refused(gpu: FakeGpu, model: Path) -> None:
    gpu.spoil = {"fp16": float("nan"), "mixed": float("inf")}
    compiled = compiled_model(order(model))
    assert compiled.engine.precision == "fp32"
    assert compiled.plan.tried["fp16"] == compiled.plan.tried["mixed"] == "not finite"
    compiled.engine.close()


def test_a_precision_that_cannot_be_built_is_followed_by_the_next(
    gpu: FakeGpu, model: Path
) -> None:
    gpu.broken = {"plan fp16"}
    compiled = compiled_model(order(model))
    assert "cannot build the plan" in compiled.plan.tried["fp16"]
    assert compiled.engine.precision == "mixed"
    compiled.engine.close()


def test_where_nothing_works_all_reasons_are_said(gpu: FakeGpu, model: Path) -> None:
    gpu.broken = {"plan fp16", "plan fp32"}
    gpu.spoil = {"mixed": 1.0}
    with pytest.raises(EngineError, match=r"fp16: .*; mixed: .*more than.*; fp32: ") as caught:
        compiled_model(order(model))
    assert str(caught.value).startswith("face68.onnx cannot run on TensorRT 99.1: ")
    assert not list(Plans().folder.glob("*.plan"))
    assert gpu.empty


def test_a_cached_plan_passes_the_gate_again(gpu: FakeGpu, model: Path) -> None:
    compiled_model(order(model)).engine.close()
    gpu.spoil = {"fp16": 0.1}
    with pytest.raises(NoPlan, match=r"does not work: keypoints moved by 9\.1 px"):
        cached(order(model))
    compiled = compiled_model(order(model))
    assert (compiled.fresh, compiled.engine.precision) == (True, "mixed")
    compiled.engine.close()


@pytest.mark.parametrize("good", [True, False])
def test_a_plan_built_elsewhere_is_taken_if_it_passes_the_gate(
    gpu: FakeGpu, model: Path, tmp_path: Path, good: bool
) -> None:
    """As `rehearsed` leaves it: for a compute capability, not for one GPU and driver."""
    first = compiled_model(order(model))
    first.engine.close()
    fingerprint = compile._fingerprint(order(model), compile.Gpu(0))
    elsewhere = Plans(tmp_path / "elsewhere")
    elsewhere.write(replace(fingerprint, gpu="", driver=""), first.plan)
    there = order(model, plans=elsewhere)
    if good:
        found = cached(there)
        assert found.engine.name == "TensorRT 99.1 cuda:0 Fake 1000"
        found.engine.close()
    else:
        gpu.spoil = {"fp16": 0.1}
        with pytest.raises(NoPlan, match="does not work"):
            cached(there)
    elsewhere.write(replace(fingerprint, gpu="", driver="", capability="7.5"), first.plan)
    with pytest.raises(NoPlan):
        cached(order(model, plans=elsewhere, batch=2))


def test_a_damaged_plan_is_built_anew(gpu: FakeGpu, model: Path) -> None:
    first = compiled_model(order(model))
    first.engine.close()
    first.file.write_bytes(first.file.read_bytes()[:-7])
    before = gpu.calls["deserialise"]
    with pytest.raises(NoPlan, match="damaged"):
        cached(order(model))
    assert gpu.calls["deserialise"] == before  # the library never saw it
    again = compiled_model(order(model))
    assert again.fresh
    same_as_cpu(again, model)
    again.engine.close()


def test_a_full_disk_costs_the_cache_not_the_engine(
    gpu: FakeGpu, model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    compiled = compiled_model(order(model))
    assert compiled.file is None
    assert "No space left on device" in compiled.unkept
    assert "No space left on device" in caplog.text
    assert not [own for own in Plans().folder.iterdir() if own.suffix != ".lock"]
    same_as_cpu(compiled, model)
    compiled.engine.close()


def test_the_build_can_be_stopped(gpu: FakeGpu, model: Path) -> None:
    gate = threading.Event()

    def work(tell):
        def slow(part: float) -> bool:
            gate.set()
            threading.Event().wait(0.05)
            return tell(part)

        return compiled_model(order(model), slow)

    job = Job(work)
    assert gate.wait(30)
    job.stop()
    with pytest.raises(EngineError, match="stopped"):
        job.result()
    assert builds(gpu) == []
    assert gpu.empty


def test_two_builders_build_once(gpu: FakeGpu, model: Path) -> None:
    jobs = [Job(lambda tell: compiled_model(order(model), tell)) for _ in range(3)]
    results = [job.result() for job in jobs]
    assert sorted(result.fresh for result in results) == [False, False, True]
    assert builds(gpu) == ["fp16"]
    for result in results:
        result.engine.close()


def _hold(folder: Path, held, release) -> None:
    from test_plans import HERE

    with Plans(folder).lock(HERE, lambda: True):
        held.set()
        release.wait(60)


def test_the_lock_holds_between_processes_and_dies_with_its_owner(tmp_path: Path) -> None:
    from test_plans import HERE

    context = multiprocessing.get_context("spawn")
    held, release = context.Event(), context.Event()
    owner = context.Process(target=_hold, args=(tmp_path, held, release))
    owner.start()
    assert held.wait(60)
    taken = threading.Event()

    def take() -> None:
        with Plans(tmp_path).lock(HERE, lambda: True):
            taken.set()

    waiting = threading.Thread(target=take)
    waiting.start()
    assert not taken.wait(0.3)
    owner.kill()
    owner.join()
    assert taken.wait(30)
    waiting.join()


def test_waiting_for_another_builder_can_be_stopped(gpu: FakeGpu, model: Path) -> None:
    own = order(model)
    fingerprint = compile._fingerprint(own, compile.Gpu(0))
    with own.plans.lock(fingerprint, lambda: True):
        engine = load(model, "auto")
        engine.run(probes(128))
        engine.close()
    assert builds(gpu) == []


@pytest.mark.parametrize("content", [b"", b"junk" * 99])
def test_a_corrupted_model_is_refused_by_name(gpu: FakeGpu, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(EngineError, match=r"bad\.onnx: "):
        compiled_model(order(path))
    assert gpu.empty


def test_load_uses_the_cpu_at_once_and_the_gpu_when_it_is_ready(
    gpu: FakeGpu, model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gate = threading.Event()
    real = compile.build

    def slow(*arguments, **options):
        assert gate.wait(30)
        return real(*arguments, **options)

    monkeypatch.setattr(compile, "build", slow)
    with caplog.at_level(logging.INFO):
        engine = load(model, "auto")
    assert "no plan of this model yet; building one, on the CPU meanwhile" in caplog.text
    crops = probes(128)
    engine.run(crops)
    assert engine.name.startswith("onnxruntime")
    assert "TensorRT plan: " in engine.caption
    assert engine.precision == "fp32"
    gate.set()
    while not engine.settled:
        engine.run(crops)
    assert engine.name == "TensorRT 99.1 cuda:0 Fake 1000"
    assert engine.precision == "fp16"
    engine.close()
    straight = load(model, "cuda:0")
    assert straight.name == "TensorRT 99.1 cuda:0 Fake 1000"
    straight.close()
    assert gpu.empty


def test_load_says_which_field_differs(
    gpu: FakeGpu, model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    load(model, "cuda", wait=True).close()
    monkeypatch.setattr(compile.nvinfer.trt, "__version__", "99.2")
    with caplog.at_level(logging.INFO):
        engine = load(model, "cuda", wait=True)
    assert "no plan fits: library was TensorRT 99.1, is TensorRT 99.2; building one" in caplog.text
    assert engine.name == "TensorRT 99.2 cuda:0 Fake 1000"
    engine.close()


def test_cuda_that_cannot_be_had_is_an_error_and_auto_is_the_cpu(gpu: FakeGpu, model: Path) -> None:
    gpu.broken = {"plan fp16", "plan mixed", "plan fp32"}
    with pytest.raises(EngineError, match="cannot run on TensorRT"):
        load(model, "cuda", wait=True)
    engine = load(model, "auto", wait=True)
    assert engine.name.startswith("onnxruntime")
    engine.run(probes(128))
    engine.close()


def test_an_unsupported_operator_is_named_by_real_onnx_too(gpu: FakeGpu, tmp_path: Path) -> None:
    """A graph that neither engine can open is refused by the first of them."""
    from blob_model import blob_model

    path = blob_model(tmp_path / "odd.onnx")
    graph = onnx.load(path)
    graph.graph.node[3].op_type = "Unheard"
    onnx.save(graph, path)
    with pytest.raises(EngineError, match="Unheard"):
        compiled_model(order(path))
