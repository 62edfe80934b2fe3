import ctypes

import pytest
from fake_gpu import install

from engines import EngineError, device, nvinfer
from engines.device import choose


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device.cuda, "obstacles", lambda index: ["no driver", "no pycuda"])
    monkeypatch.setattr(nvinfer, "obstacle", lambda thorough: "no TensorRT")
    monkeypatch.setattr(device.importlib.util, "find_spec", lambda name: None)


def test_the_cpu_needs_no_reasons() -> None:
    choice = choose("cpu")
    assert (choice.device, choice.engine, choice.reasons, choice.forced) == (
        "cpu",
        "cpu",
        (),
        False,
    )


def test_auto_without_a_gpu_is_the_cpu_with_all_reasons(no_gpu: None) -> None:
    choice = choose("auto")
    assert (choice.device, choice.engine) == ("cpu", "cpu")
    assert choice.reasons[:2] == ("no driver", "no pycuda")
    assert choice.reasons[2].startswith("filelock, onnx not installed: pip install")
    assert choice.reasons[3] == "no TensorRT"


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "cuda:7"])
def test_cuda_without_a_gpu_fails_with_all_reasons(no_gpu: None, name: str) -> None:
    with pytest.raises(EngineError) as caught:
        choose(name)
    text = str(caught.value)
    assert text.startswith(f"no engine for {name}: no driver; no pycuda; filelock")
    assert text.endswith("no TensorRT; or use --device cpu")


@pytest.mark.parametrize("name", ["tpu", "", "CPU", "cuda:", "cuda:-1", "cuda:0x", "cuda0", "gpu"])
def test_what_is_no_device(name: str) -> None:
    with pytest.raises(EngineError, match=f"there is no device '{name}'"):
        choose(name)


def test_with_a_gpu_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, graphs=False)
    auto, named = choose("auto"), choose("cuda:0")
    assert (auto.device, auto.engine, auto.forced) == ("cuda:0", "tensorrt", False)
    assert (named.device, named.engine, named.forced, named.index) == (
        "cuda:0",
        "tensorrt",
        True,
        0,
    )
    with pytest.raises(EngineError, match="there is no GPU 2: the driver knows 1"):
        choose("cuda:2")


def test_tensorrt_is_not_loaded_where_there_is_no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    monkeypatch.setattr(nvinfer, "_load", lambda: pytest.fail("TensorRT was loaded"))
    assert choose("auto").engine == "cpu"
