import sys

import pytest

from engines import EngineError, nvinfer


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has not asked for it yet."""
    monkeypatch.delitem(vars(nvinfer), "trt", raising=False)
    nvinfer.logger.cache_clear()


def absent(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(
        nvinfer.importlib, "import_module", lambda name: importing(name, set(names))
    )
    monkeypatch.setattr(
        nvinfer.importlib.util, "find_spec", lambda name: None if name in names else object()
    )


def importing(name: str, missing: set[str]):
    if name in missing:
        raise ModuleNotFoundError(f"No module named '{name}'", name=name)
    return sys.modules[name]


def test_without_any_the_remedy_is_said(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    absent(monkeypatch, *nvinfer.LIBRARIES)
    remedy = 'TensorRT is not installed: pip install "keycam[tensorrt]"'
    assert nvinfer.obstacle() == remedy
    assert nvinfer.obstacle(thorough=False) == remedy
    with pytest.raises(EngineError, match="not installed"):
        nvinfer.trt.Builder(nvinfer.logger())


def test_a_broken_installation_is_named(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise ImportError("libnvinfer.so.11: cannot open shared\nobject file")

    monkeypatch.setattr(nvinfer.importlib, "import_module", fail)
    text = nvinfer.obstacle()
    assert text.startswith("TensorRT is damaged or lacks a library: libnvinfer.so.11")
    assert "; TensorRT-RTX is damaged" in text
    assert "\n" not in text


def test_a_package_that_lacks_another_is_not_taken_for_absent(
    fresh: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(name: str) -> None:
        raise ModuleNotFoundError("No module named 'tensorrt_libs'", name="tensorrt_libs")

    monkeypatch.setattr(nvinfer.importlib, "import_module", fail)
    assert "TensorRT: No module named 'tensorrt_libs'" in nvinfer.obstacle()


def test_the_real_one(fresh: None) -> None:
    rtx = pytest.importorskip("tensorrt_rtx")
    if "tensorrt" not in sys.modules and nvinfer.importlib.util.find_spec("tensorrt") is None:
        assert nvinfer.is_rtx()
        assert nvinfer.title() == f"TensorRT-RTX {rtx.__version__}"
    assert nvinfer.obstacle() is None
    assert nvinfer.logger() is nvinfer.logger()


def test_what_the_library_said_is_in_the_error_once(fresh: None) -> None:
    pytest.importorskip("tensorrt_rtx")
    severity = nvinfer.trt.ILogger.Severity
    for text in ("first", "second\nline", "third", "third", "fourth \x00"):
        nvinfer.logger().log(severity.ERROR, text)
    nvinfer.logger().log(severity.INFO, "chatter")
    text = str(nvinfer.failure("cannot do it"))
    assert text.endswith("cannot do it: second line | third | fourth ?")
    assert str(nvinfer.failure("again")).endswith("again: it does not say why")


def test_no_other_name_is_loaded() -> None:
    with pytest.raises(AttributeError, match="nothing_of_that_kind"):
        getattr(nvinfer, "nothing" + "_of_that_kind")
