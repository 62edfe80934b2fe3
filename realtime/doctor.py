"""What works on this machine and what to install; whatever may be missing is imported late."""

import importlib
import importlib.util
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import distributions, version
from pathlib import Path

from realtime.group import DEBIAN, EXTRAS, TRAINING
from realtime.machine import machine, versions

OPENCV = "opencv-python"
REINSTALL = "pip install --force-reinstall keycam"


class Verdict(StrEnum):
    GOOD = "ok"
    ABSENT = "--"  # keycam works without it
    BROKEN = "!!"


@dataclass(frozen=True)
class Finding:
    """One thing looked at: what was found, and what to do about it where it is not good."""

    what: str
    verdict: Verdict
    found: str
    remedy: str = ""


def examine() -> list[Finding]:
    """Look at everything; never raises."""
    looks: dict[str, Callable[[], Finding]] = {
        "machine": _machine,
        "python": _python,
        "numpy": _numpy,
        "opencv": _opencv,
        "onnxruntime": _onnxruntime,
        "models": _models,
        "codec": _codec,
        "display": _display,
        "cameras": _cameras,
        "gpu": _gpu,
        "openvino": _openvino,
        "extras": _extras,
        "training": _training,
    }
    return [_guarded(what, look) for what, look in looks.items()]


def healthy(findings: list[Finding]) -> bool:
    """Whether keycam can track on this machine."""
    return all(finding.verdict is not Verdict.BROKEN for finding in findings)


def report(findings: list[Finding]) -> str:
    """One screen of text."""
    lines = []
    for finding in findings:
        lines.append(f"{finding.verdict}  {finding.what:<12} {finding.found}")
        lines += [f"{'':<17}{line}" for line in finding.remedy.splitlines()]
    return "\n".join(lines)


def _guarded(what: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except Exception as error:  # noqa: BLE001 (whatever is broken here is the finding)
        text = (str(error).splitlines() or [type(error).__name__])[0]
        remedy = DEBIAN if "cannot open shared object file" in text else REINSTALL
        return Finding(what, Verdict.BROKEN, text, remedy)


def _machine() -> Finding:
    here = machine()
    return Finding("machine", Verdict.GOOD, f"{here['cpu']}, {here['cores']} cores, {here['os']}")


def _python() -> Finding:
    own = versions()
    return Finding("python", Verdict.GOOD, f"{own['python']}, keycam {own['keycam']}")


def _numpy() -> Finding:
    return Finding("numpy", Verdict.GOOD, importlib.import_module("numpy").__version__)


def _opencv() -> Finding:
    found = str(importlib.import_module("cv2").__version__)
    names = {(own.metadata["Name"] or "").lower() for own in distributions()}
    wheels = sorted(name for name in names if name.startswith(OPENCV))
    if len(wheels) > 1:
        remedy = f"pip uninstall {' '.join(wheels)}; pip install {OPENCV}"
        return Finding(
            "opencv",
            Verdict.BROKEN,
            f"{found}, {len(wheels)} packages overwrite each other",
            remedy,
        )
    return Finding("opencv", Verdict.GOOD, found)


def _onnxruntime() -> Finding:
    importlib.import_module("engines.cpu")  # sets what onnxruntime reads at its import
    return Finding("onnxruntime", Verdict.GOOD, importlib.import_module("onnxruntime").__version__)


def _models() -> Finding:
    """Each shipped model is loaded and run, each decoder loaded."""
    from engines.decoder import load_decoder
    from engines.engine import load, shipped_decoders, shipped_models

    np = importlib.import_module("numpy")
    shipped, decoders = shipped_models(), shipped_decoders()
    for name in decoders:
        load_decoder(name).close()
    for name in shipped:
        engine = load(name)
        size = engine.card.size
        engine.run(np.zeros((1, size, size, 3), np.uint8))
        engine.close()
    if not shipped:
        return Finding("models", Verdict.BROKEN, "none shipped", REINSTALL)
    return Finding("models", Verdict.GOOD, f"{', '.join([*shipped, *decoders])}: loaded")


def _codec() -> Finding:
    """A short video is written and read back."""
    from engines.errors import DataError
    from realtime.frame import Frame
    from realtime.video_sink import VideoSink

    np = importlib.import_module("numpy")
    image = np.zeros((64, 64, 3), np.uint8)
    try:
        with tempfile.TemporaryDirectory() as folder:
            sink = VideoSink(Path(folder) / "try.mp4")
            for index in range(3):
                sink.show(image, Frame(image, index, index * 40_000_000))
            sink.close()
    except DataError:
        remedy = "write .avi instead of .mp4"
        return Finding("codec", Verdict.ABSENT, "mp4v videos cannot be written", remedy)
    return Finding("codec", Verdict.GOOD, "mp4v videos are written and read back")


def _display() -> Finding:
    from realtime.window import Window

    if Window.available():
        return Finding("display", Verdict.GOOD, "windows can be shown")
    asked = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    found = f"nothing usable answers at {asked}" if asked else "none"
    return Finding("display", Verdict.ABSENT, found, "use -o VIDEO, or set DISPLAY to an X server")


def _cameras() -> Finding:
    from realtime.cameras import cameras

    found = cameras()
    if not found:
        remedy = "plug one in, or use a video file, an address or synthetic:"
        return Finding("cameras", Verdict.ABSENT, "none", remedy)
    names = ", ".join(f"{camera.index}: {camera.name}" for camera in found)
    return Finding("cameras", Verdict.GOOD, names)


def _gpu() -> Finding:
    """What `--device auto` chooses, and why not a GPU."""
    from engines.device import choose

    choice = choose("auto")
    if not choice.reasons:
        return Finding("gpu", Verdict.GOOD, f"{choice.device}: auto takes it, by {choice.engine}")
    first, *others = choice.reasons
    return Finding("gpu", Verdict.ABSENT, f"none is used: {first}", "\n".join(others))


def _openvino() -> Finding:
    if importlib.util.find_spec("openvino") is None:
        remedy = 'pip install "keycam[openvino]", if `keycam bench` shall try it'
        return Finding("openvino", Verdict.ABSENT, "not installed", remedy)
    return Finding("openvino", Verdict.GOOD, version("openvino"))


def _extras() -> Finding:
    """Of the packages that single commands need."""
    missing = {
        extra
        for package, (extra, _) in EXTRAS.items()
        if extra not in ("train", "openvino") and importlib.util.find_spec(package) is None
    }
    if missing:
        remedy = f'pip install "keycam[{",".join(sorted(missing))}]", if you want them'
        return Finding("extras", Verdict.ABSENT, f"not all of {', '.join(sorted(missing))}", remedy)
    return Finding("extras", Verdict.GOOD, "export, slp, plot, cluster")


def _training() -> Finding:
    missing = [name for name in TRAINING if importlib.util.find_spec(name) is None]
    if missing:
        remedy = 'pip install "keycam[train]", if you want to train'
        return Finding("training", Verdict.ABSENT, f"{', '.join(missing)} not installed", remedy)
    return Finding("training", Verdict.GOOD, f"torch {version('torch')}")
