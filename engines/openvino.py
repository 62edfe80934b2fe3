"""The OpenVINO engine: Intel's runtime for CPUs, an extra. The only file that imports openvino.

`load(model, "openvino")` runs the model as it is; "openvino:int8" with eight-bit convolutions,
which pays on CPUs with VNNI or AMX. Whether it does on this one says `keycam bench`.
"""

import importlib
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from engines.cpu import CpuEngine, first_line
from engines.engine import Prediction
from engines.errors import EngineError
from engines.geometry import Image
from engines.probes import probes

DEVICES = {"openvino": "fp32", "openvino:int8": "int8"}  # what `load` is asked for -> precision
MOST_MOVED_PX = 0.5  # of the crop: how far int8 may move any keypoint, on the mean
SAMPLES = 64  # crops: every second one for int8's ranges, the others to check it on
INSTALL = 'pip install "keycam[openvino]"'


class _Request:
    """The graph compiled for one batch size, its input and output buffers allocated once."""

    def __init__(self, core: Any, model: Any, engine: "OpenVinoEngine", batch: int) -> None:
        size, points = engine.card.size, len(engine.card.skeleton.keypoints)
        shaped = model.clone()
        shaped.reshape({"crop": [batch, size, size, 3]})
        settings = {
            "INFERENCE_NUM_THREADS": engine.threads,
            "INFERENCE_PRECISION_HINT": "f32",  # of what is not quantised: never bf16
            "NUM_STREAMS": 1,
        }
        self._infer = core.compile_model(shaped, "CPU", settings).create_infer_request()
        tensor = _openvino().Tensor
        self.crops = np.zeros((batch, size, size, 3), np.uint8)
        self.keypoints = np.zeros((batch, points, 2), np.float32)
        self.confidence = np.zeros((batch, points), np.float32)
        self._infer.set_tensor("crop", tensor(self.crops, shared_memory=True))
        self._infer.set_tensor("keypoints", tensor(self.keypoints, shared_memory=True))
        self._infer.set_tensor("confidence", tensor(self.confidence, shared_memory=True))

    def run(self, crops: Image) -> Prediction:
        np.copyto(self.crops, crops)
        self._infer.infer()
        return Prediction(self.keypoints.copy(), self.confidence.copy())


class OpenVinoEngine:
    """Runs a tracker model file with OpenVINO on the CPU.

    The graph is compiled when a batch size is first seen; after that a run copies the crops in,
    executes, and returns small fresh arrays.
    """

    def __init__(self, path: Path, *, threads: int = 1, precision: str = "fp32") -> None:
        """Open `path`; "int8" is made of it here, and checked against ONNX Runtime in fp32.

        Raises:
            EngineError: no keycam tracker, OpenVINO is not installed or refuses it, or int8 moves
                keypoints too far.
        """
        reference = CpuEngine(path)  # it also checks the file and its card
        self.card, self.precision, self.threads = reference.card, precision, threads
        samples = probes(self.card.size, SAMPLES)
        library = _openvino()
        version = library.__version__.partition("-")[0]
        self.name = f"openvino {version} cpu, {threads} thread{'s'[: threads > 1]}"
        self._requests: dict[int, _Request] = {}
        try:
            self._core = library.Core()
            self._model = self._core.read_model(_graph(path, precision, samples[::2]))
        except RuntimeError as error:
            raise EngineError(f"{path}: OpenVINO cannot read it: {first_line(error)}") from error
        if precision != "fp32":
            self._check_parity(path, reference, samples[1::2])
        reference.close()

    def run(self, crops: Image) -> Prediction:
        size = self.card.size
        if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[1:] != (size, size, 3):
            raise EngineError(
                f"crops must be (N, {size}, {size}, 3) uint8, got {crops.dtype} {crops.shape}"
            )
        if (batch := len(crops)) < 1:
            raise EngineError("no crops to run on")
        try:
            if batch not in self._requests:
                self._requests[batch] = _Request(self._core, self._model, self, batch)
            return self._requests[batch].run(crops)
        except RuntimeError as error:
            raise EngineError(f"OpenVINO failed: {first_line(error)}") from error

    def close(self) -> None:
        self._requests.clear()

    def _check_parity(self, path: Path, reference: CpuEngine, crops: Image) -> None:
        moved = self.run(crops).keypoints - reference.run(crops).keypoints
        moved_px = float(np.hypot(*moved.T).mean(axis=1).max()) * self.card.size / 2
        if not moved_px <= MOST_MOVED_PX:
            raise EngineError(
                f"{path}: {self.precision} moves a keypoint by {moved_px:.2f} px of the crop on "
                f"the mean, more than {MOST_MOVED_PX:g}; use --device openvino or cpu"
            )


def open_engine(path: Path, device: str, *, threads: int = 1) -> OpenVinoEngine:
    """The engine for "openvino" or "openvino:int8".

    Raises:
        EngineError: another name, or as for `OpenVinoEngine`.
    """
    if device not in DEVICES:
        raise EngineError(f"there is no device '{device}'; use {' or '.join(DEVICES)}")
    return OpenVinoEngine(path, threads=threads, precision=DEVICES[device])


def _graph(path: Path, precision: str, crops: Image) -> bytes:
    """The ONNX bytes of the model in this precision; int8 with the ranges seen on `crops`.

    Raises:
        EngineError: int8 cannot be made of it.
    """
    if precision == "fp32":
        return path.read_bytes()
    try:
        from onnxruntime import quantization as tools
    except ModuleNotFoundError as error:
        raise EngineError(f"{error.name} is not installed; int8 needs: {INSTALL}") from error
    with TemporaryDirectory(prefix="keycam-int8-") as folder:
        made = Path(folder) / "int8.onnx"
        try:
            with _quiet():
                tools.quantize_static(
                    path,
                    made,
                    _Feeds(crops),
                    op_types_to_quantize=["Conv"],
                    per_channel=True,
                    activation_type=tools.QuantType.QUInt8,
                    weight_type=tools.QuantType.QInt8,
                    calibration_providers=["CPUExecutionProvider"],
                )
            return made.read_bytes()
        except Exception as error:  # its errors share no other base
            raise EngineError(f"{path}: no int8 of this graph ({first_line(error)})") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep its advice from the user, and its handler from the root logger."""
    root, silence = logging.getLogger(), logging.NullHandler()
    root.addHandler(silence)
    root.addFilter(_mute)
    try:
        yield
    finally:
        root.removeFilter(_mute)
        root.removeHandler(silence)


def _mute(record: logging.LogRecord) -> bool:
    return record.levelno > logging.WARNING


class _Feeds:
    """Crops one by one, as ONNX Runtime's calibration asks for them."""

    def __init__(self, crops: Image) -> None:
        self._left = [{"crop": crops[i : i + 1]} for i in range(len(crops))]

    def get_next(self) -> dict[str, Image] | None:
        return self._left.pop() if self._left else None

    def set_range(self, start_index: int, end_index: int) -> None:
        raise NotImplementedError  # only asked of models larger than memory


def _openvino() -> Any:
    """The package, without the event that it sends when it is imported.

    It asks for `openvino_telemetry`, and goes on with a stub where that is not installed; so that
    is what it is told.
    """
    if "openvino" in sys.modules:
        return sys.modules["openvino"]
    hidden = "openvino_telemetry"
    before = sys.modules.get(hidden)
    sys.modules[hidden] = None  # type: ignore[assignment] # how Python marks what cannot be had
    try:
        return importlib.import_module("openvino")
    except ModuleNotFoundError as error:
        raise EngineError(f"{error.name} is not installed; OpenVINO needs: {INSTALL}") from error
    finally:
        del sys.modules[hidden]
        if before is not None:
            sys.modules[hidden] = before
