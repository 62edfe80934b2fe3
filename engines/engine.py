"""What every engine promises, and the one way to get one."""

import importlib
from pathlib import Path
from typing import NamedTuple, Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from engines.card import Card
from engines.errors import EngineError
from engines.geometry import Image


class Prediction(NamedTuple):
    """What an engine found in N crops; arrays are the caller's to keep.

    Attributes:
        keypoints: (N, K, 2) float32, (x, y), crop space [-1, 1] (±1 at the edges).
        confidence: (N, K) float32 in [0, 1].
    """

    keypoints: NDArray[np.float32]
    confidence: NDArray[np.float32]


@runtime_checkable
class Engine(Protocol):
    """Runs one tracker model file.

    `run` is called from one thread at a time, never after `close`; `close` may be called twice.
    """

    @property
    def card(self) -> Card: ...

    @property
    def name(self) -> str:
        """What is really running, e.g. "onnxruntime 1.28.0 cpu"."""

    @property
    def precision(self) -> str:
        """Of the arithmetic: "fp32", "fp16" …"""

    def run(self, crops: Image) -> Prediction:
        """Find the keypoints in `crops`, (N, S, S, 3) uint8 BGR, 1 <= N.

        Raises:
            EngineError: wrong shape or type, or the backend failed.
        """

    def close(self) -> None: ...


def load(path: str | Path, device: str = "auto", *, threads: int = 1, wait: bool = False) -> Engine:
    """Open a model file.

    On a GPU the first use of a model builds its plan, which may take minutes: the engine runs on
    the CPU meanwhile and changes over between two runs. Later uses take the plan from the cache.

    Args:
        path: a tracker `.onnx`, or the name of a shipped one (`face68`).
        device: "cpu", "cuda", "cuda:N", or "auto" for the best this machine has; "openvino" or
            "openvino:int8" for the CPU by another engine, an extra.
        threads: of the CPU engine. One is fastest for networks under 0.1 GFLOP, and leaves the
            other cores to the camera.
        wait: build first, where a plan is to be built, so that every run is on the GPU.

    Raises:
        EngineError: no such file, damaged, not a keycam model, or the device is not to be had.
    """
    path = locate(path)
    if device.startswith("openvino"):
        openvino = importlib.import_module("engines.openvino")
        return cast(Engine, openvino.open_engine(path, device, threads=threads))
    choice = importlib.import_module("engines.device").choose(device)
    cpu = importlib.import_module("engines.cpu")  # onnxruntime is loaded only when it is needed
    engine: Engine = cpu.CpuEngine(path, threads=threads)
    if choice.engine == "tensorrt":
        engine = importlib.import_module("engines.compile").on_gpu(engine, path, choice, wait=wait)
    return engine


def check_crops(crops: Image, size: int) -> None:
    """Refuse what is not (N, size, size, 3) uint8 with 1 <= N.

    Raises:
        EngineError: it is not.
    """
    if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[1:] != (size, size, 3):
        raise EngineError(
            f"crops must be (N, {size}, {size}, 3) uint8, got {crops.dtype} {crops.shape}"
        )
    if len(crops) < 1:
        raise EngineError("no crops to run on")


def locate(path: str | Path) -> Path:
    """A shipped model or decoder by its name, or the path itself.

    Raises:
        EngineError: there is neither.
    """
    shipped = Path(__file__).parent / "models" / f"{path}.onnx"
    if Path(path).name == str(path) and shipped.is_file():
        return shipped
    if not Path(path).is_file():
        known = ", ".join([*shipped_models(), *shipped_decoders()]) or "none"
        raise EngineError(f"no model file '{path}': give an .onnx or a shipped model ({known})")
    return Path(path)


def shipped_models() -> list[str]:
    """Names of the trackers that come with keycam."""
    return sorted(set(_shipped()) - set(shipped_decoders()))


def shipped_decoders() -> list[str]:
    """Names of the decoders that come with keycam, each that of its tracker and "-decoder"."""
    return sorted(name for name in _shipped() if name.endswith("-decoder"))


def _shipped() -> list[str]:
    return [file.stem for file in (Path(__file__).parent / "models").glob("*.onnx")]
