"""TensorRT's library, or TensorRT-RTX in its place: where it is, and what it said.

The only file that imports it, and only when `trt` is first asked for. TensorRT-RTX has TensorRT
11's interface, comes whole from the package index, and builds plans on machines without a GPU.
Nothing in the library raises: it answers False or None and writes to its logger. Only the first
logger of a process is ever used, so there is one, and it lives as long as the process.
"""

import importlib
import importlib.util
from collections import deque
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from engines.errors import EngineError

if TYPE_CHECKING:
    import tensorrt as trt

__all__ = ["trt"]

LIBRARIES = {"tensorrt": "TensorRT", "tensorrt_rtx": "TensorRT-RTX"}  # the first one found is used
INSTALL = 'pip install "keycam[tensorrt]"'
LINES, LONGEST = 3, 400  # of the log in an error message: lines, and characters of each
_said: deque[str] = deque(maxlen=50)  # warnings and errors


def __getattr__(name: str) -> Any:
    """Load `trt` when it is first asked for."""
    if name != "trt":
        raise AttributeError(f"module {__name__} has no attribute {name}")
    _load()
    return trt


def _load() -> None:
    """Put the library into `trt`.

    Raises:
        EngineError: there is none, or none that can be loaded.
    """
    if "trt" in globals():
        return
    reasons = []
    for name, title in LIBRARIES.items():
        try:
            globals()["trt"] = importlib.import_module(name)
            return
        except ModuleNotFoundError as error:
            if error.name != name:
                reasons.append(f"{title}: {error}")
        except Exception as error:  # noqa: BLE001 (a broken installation raises anything)
            reasons.append(f"{title} is damaged or lacks a library: {one_line(str(error))}")
    raise EngineError("; ".join(reasons) or f"TensorRT is not installed: {INSTALL}")


def obstacle(*, thorough: bool = True) -> str | None:
    """Why there is no TensorRT, in one line, or None where there is.

    Args:
        thorough: really load it (a second and a gigabyte); else only see whether it is installed.
    """
    try:
        if thorough:
            _load()
        elif not any(map(importlib.util.find_spec, LIBRARIES)):
            return f"TensorRT is not installed: {INSTALL}"
    except EngineError as error:
        return str(error)
    return None


def title() -> str:
    """What it is, with its version: "TensorRT 11.4.0.106"."""
    _load()
    return f"{LIBRARIES[trt.__name__]} {trt.__version__}"


def is_rtx() -> bool:
    _load()
    return trt.__name__ == "tensorrt_rtx"


@cache
def logger() -> "trt.ILogger":
    """The process's one logger: keeps warnings and errors for `failure`, prints nothing."""
    _load()

    class Journal(trt.ILogger):
        def __init__(self) -> None:
            trt.ILogger.__init__(self)

        def log(self, severity: Any, message: str) -> None:
            if int(severity) <= int(trt.ILogger.Severity.WARNING):
                _said.append(one_line(message))

    return Journal()


def failure(what: str) -> EngineError:
    """What went wrong, with the library's version and the last lines of its log.

    The log starts anew.
    """
    lines = [line for line in dict.fromkeys(_said) if "logger passed into" not in line]
    _said.clear()
    said = " | ".join(lines[-LINES:]) or "it does not say why"
    return EngineError(f"{title()} {what}: {said}")


def monitor(tell: Callable[[float], bool]) -> "trt.IProgressMonitor":
    """Reports a build's progress: `tell(part)` with 0 <= part <= 1 answers whether to go on.

    `tell` is called on the builder's thread and must not raise.
    """
    _load()

    class Monitor(trt.IProgressMonitor):
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.steps: dict[str, int] = {}  # of the phases that have no parent
            self.part = 0.0

        def phase_start(self, phase: str, parent: str | None, steps: int) -> None:
            if not parent:
                self.steps[phase] = max(int(steps), 1)

        def step_complete(self, phase: str, step: int) -> bool:
            if phase in self.steps:
                self.part = max(self.part, min((int(step) + 1) / self.steps[phase], 1.0))
            return tell(self.part)

        def phase_finish(self, phase: str) -> None:
            self.steps.pop(phase, None)

    return Monitor()


def one_line(text: str) -> str:
    """As one printable line, cut where it is long: it may quote a damaged file."""
    flat = " ".join(text.split())
    return "".join(char if char.isprintable() else "?" for char in flat)[:LONGEST]
