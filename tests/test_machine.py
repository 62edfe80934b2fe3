import numpy as np

from realtime.machine import cpu_model, machine, versions


def test_the_machine_is_named() -> None:
    here = machine()
    assert list(here) == ["cpu", "cores", "os"]
    assert here["cpu"] == cpu_model() != ""
    assert int(here["cores"]) >= 1


def test_versions_are_those_installed() -> None:
    found = versions()
    assert list(found) == ["python", "keycam", "numpy", "opencv-python", "onnxruntime", "av"]
    assert found["numpy"] == np.__version__
    assert "missing" not in found.values()
