from pathlib import Path

import pytest
from command_line import keycam

from engines import engine
from engines.device import Choice
from realtime import doctor
from realtime.doctor import Finding, Verdict, examine, healthy, report

LOOKED_AT = [
    "machine",
    "python",
    "numpy",
    "opencv",
    "onnxruntime",
    "models",
    "codec",
    "display",
    "cameras",
    "gpu",
    "openvino",
    "extras",
    "training",
]


def find(what: str) -> Finding:
    return next(finding for finding in examine() if finding.what == what)


def test_one_screen_names_everything(monkeypatch: pytest.MonkeyPatch, blob_path: Path) -> None:
    monkeypatch.setattr(engine, "shipped_models", lambda: [str(blob_path)])
    findings = examine()
    assert [finding.what for finding in findings] == LOOKED_AT
    lines = report(findings).splitlines()
    assert len(lines) <= 24
    assert all(len(line) <= 100 for line in lines)
    assert all(finding.found for finding in findings)
    assert healthy(findings)


def test_a_shipped_model_that_does_not_run_is_broken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(b"no model")
    for shipped in ([], [str(bad)]):
        monkeypatch.setattr(engine, "shipped_models", lambda shipped=shipped: shipped)
        finding = find("models")
        assert finding.verdict is Verdict.BROKEN
        assert "pip install" in finding.remedy
        assert not healthy([finding])


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("libGL.so.1: cannot open shared object file: No such file", "apt-get install libgl1"),
        ("No module named 'cv2'", "pip install"),
    ],
)
def test_what_cannot_be_imported_is_broken_and_has_a_remedy(
    text: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(name: str) -> None:
        raise ImportError(text)

    monkeypatch.setattr(doctor.importlib, "import_module", fail)
    findings = {finding.what: finding for finding in examine()}
    assert findings["opencv"].verdict is Verdict.BROKEN
    assert findings["opencv"].found == text
    assert remedy in findings["opencv"].remedy


def test_two_packages_of_opencv_are_a_clash(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wheel:
        def __init__(self, name: str) -> None:
            self.metadata = {"Name": name}

    wheels = [Wheel("opencv-python"), Wheel("opencv-python-headless"), Wheel("numpy")]
    monkeypatch.setattr(doctor, "distributions", lambda: wheels)
    finding = find("opencv")
    assert finding.verdict is Verdict.BROKEN
    assert finding.remedy.startswith("pip uninstall opencv-python opencv-python-headless;")


def test_no_display_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", "no such display")
    finding = find("display")
    assert finding.verdict is Verdict.ABSENT
    assert "no such display" in finding.found


def test_the_choice_of_auto_is_told_with_its_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = Choice("cpu", "cpu", ("no driver", "pycuda is not installed: pip install it"))
    monkeypatch.setattr("engines.device.choose", lambda _: refusal)
    finding = find("gpu")
    assert finding.verdict is Verdict.ABSENT
    assert "no driver" in finding.found
    assert "pip install" in finding.remedy
    monkeypatch.setattr("engines.device.choose", lambda _: Choice("cuda:0", "tensorrt"))
    assert "cuda:0" in find("gpu").found
    assert find("gpu").verdict is Verdict.GOOD


def test_a_default_road_that_is_broken_fails_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "shipped_models", list)
    assert keycam("doctor").exit_code == 1
