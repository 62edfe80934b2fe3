import sys

import numpy as np
import pytest
from fake_gpu import FakeGpu, install

from engines import EngineError, cuda
from engines.cuda import Exchange, Gpu, obstacles

FLOAT = np.dtype(np.float32)
SHAPES = ({"a": ((2, 3), FLOAT), "b": ((5,), np.dtype(np.uint8))}, {"c": ((2, 3), FLOAT)})


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeGpu:
    return install(monkeypatch, graphs=True)


def doubling(fake: FakeGpu, exchange: Exchange):
    """Work for a stream: c = 2 a."""
    source, target = exchange.addresses["a"], exchange.addresses["c"]

    def double() -> None:
        fake.at(target, 24).view(FLOAT)[:] = 2 * fake.at(source, 24).view(FLOAT)

    return lambda handle: fake.streams[handle].put(double)


def test_without_a_gpu_every_reason_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(cuda.ctypes, "CDLL", fail)
    monkeypatch.setattr(cuda.importlib.util, "find_spec", lambda name: None)
    driver, package = obstacles(0)
    assert "no NVIDIA driver" in driver
    assert "pip install" in package
    with pytest.raises(EngineError, match=r"no NVIDIA driver.*; pycuda is not installed"):
        Gpu(0)


def test_a_driver_that_does_not_start(fake: FakeGpu) -> None:
    fake.broken.add("init")
    assert obstacles(0) == ["the NVIDIA driver does not start: init: unspecified launch failure"]


def test_pycuda_without_its_libraries(fake: FakeGpu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycuda.driver", None)
    (reason,) = obstacles(0)
    assert reason.startswith("the NVIDIA driver does not start: ")


def test_a_gpu_that_is_not_there(fake: FakeGpu) -> None:
    assert obstacles(0) == []
    assert obstacles(3) == ["there is no GPU 3: the driver knows 1"]


def test_what_a_gpu_says_of_itself(fake: FakeGpu, monkeypatch, tmp_path) -> None:
    version = tmp_path / "version"
    monkeypatch.setattr(cuda, "DRIVER_VERSION", version)
    assert Gpu(0).driver == "CUDA 13.0"
    version.write_text("580.95.05\n")
    gpu = Gpu(0)
    assert (gpu.name, gpu.capability, gpu.driver) == ("Fake 1000", "8.9", "580.95.05, CUDA 13.0")


def test_the_context_is_current_in_the_block_alone(fake: FakeGpu) -> None:
    gpu = Gpu(0)
    for _ in range(2):
        with gpu.current(), gpu.current():
            assert len(fake.contexts.stack) == 2
        with pytest.raises(ZeroDivisionError), gpu.current():
            raise ZeroDivisionError
        assert fake.contexts.stack == []
    assert Gpu(0) is not gpu
    assert fake.retained == 1  # once in the process


@pytest.mark.parametrize("capture", [False, True])
def test_an_exchange_carries_everything_there_and_back(fake: FakeGpu, capture: bool) -> None:
    exchange = Exchange(Gpu(0), *SHAPES)
    work = doubling(fake, exchange)
    exchange.run(work)
    if capture:
        assert exchange.capture(work)
    for seed in range(3):
        values = np.random.default_rng(seed).normal(size=(2, 3)).astype(np.float32)
        exchange.inputs["a"][:] = values
        exchange.inputs["b"][:] = seed
        exchange.run(work)
        np.testing.assert_array_equal(exchange.outputs["c"], 2 * values)
        assert fake.at(exchange.addresses["b"], 5).tolist() == [seed] * 5
    exchange.close()


def test_nothing_is_there_before_the_wait(fake: FakeGpu, monkeypatch) -> None:
    """The double itself: without a wait there are no results."""
    exchange = Exchange(Gpu(0), *SHAPES)
    stream = next(iter(fake.streams.values()))
    monkeypatch.setattr(stream, "synchronize", lambda: None)
    exchange.inputs["a"][:] = 1
    exchange.run(doubling(fake, exchange))
    assert not exchange.outputs["c"].any()


def test_addresses_are_aligned_and_apart(fake: FakeGpu) -> None:
    exchange = Exchange(Gpu(0), *SHAPES)
    a, b, c = (exchange.addresses[name] for name in "abc")
    assert a % 256 == b % 256 == c % 256 == 0
    assert b - a == 256
    assert not np.shares_memory(exchange.inputs["a"], exchange.inputs["b"])
    assert all(
        fake.is_pinned(array) for array in (*exchange.inputs.values(), exchange.outputs["c"])
    )


def test_one_copy_each_way_and_one_wait(fake: FakeGpu) -> None:
    exchange = Exchange(Gpu(0), *SHAPES)
    fake.order.clear()
    exchange.run(doubling(fake, exchange))
    assert fake.order == ["copy in", "copy out", "synchronize"]
    exchange.capture(doubling(fake, exchange))
    fake.order.clear()
    exchange.run(doubling(fake, exchange))
    assert fake.order == ["launch", "synchronize"]


def test_an_error_inside_a_capture_ends_it(fake: FakeGpu) -> None:
    exchange = Exchange(Gpu(0), *SHAPES)
    work = doubling(fake, exchange)

    def refuse(handle: int) -> None:
        raise EngineError("not capturable")

    assert not exchange.capture(refuse)
    assert next(iter(fake.streams.values())).capture is None
    exchange.inputs["a"][:] = 3
    exchange.run(work)
    assert exchange.outputs["c"].tolist() == [[6] * 3] * 2


def test_bindings_that_do_not_fit_are_done_without(fake: FakeGpu, monkeypatch) -> None:
    def misfit(*_: object) -> None:
        raise TypeError("an int is not a CUstream")

    monkeypatch.setattr(sys.modules["cuda.bindings.driver"], "CUstream", misfit)
    exchange = Exchange(Gpu(0), *SHAPES)
    work = doubling(fake, exchange)
    assert not exchange.capture(work)
    exchange.inputs["a"][:] = 2
    exchange.run(work)
    assert exchange.outputs["c"].tolist() == [[4] * 3] * 2


def test_no_memory_is_an_error_that_keeps_none(fake: FakeGpu) -> None:
    fake.broken.add("pagelocked_empty")
    with pytest.raises(EngineError, match="no memory on the GPU"):
        Exchange(Gpu(0), *SHAPES)
    assert fake.empty


def test_close_frees_all_and_may_come_twice(fake: FakeGpu) -> None:
    exchange = Exchange(Gpu(0), *SHAPES)
    exchange.capture(doubling(fake, exchange))
    exchange.close()
    exchange.close()
    assert fake.empty
