"""The ONNX Runtime engine: every machine's default."""

import json
import os
from collections.abc import Mapping
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before the import, or releases from 1.29 on phone home

import numpy as np
import onnxruntime as ort

from engines.card import METADATA_KEY, Card
from engines.engine import Prediction, check_crops
from engines.errors import DataError, EngineError
from engines.geometry import Image

MAX_MODEL_BYTES = 1 << 30
BACKEND_ERRORS = (RuntimeError, ValueError, OSError)


class _Binding:
    """Input and output buffers for one batch size, allocated once and bound once."""

    def __init__(self, session: ort.InferenceSession, card: Card, batch: int) -> None:
        keypoints = len(card.skeleton.keypoints)
        self.crops = np.zeros((batch, card.size, card.size, 3), np.uint8)
        self.keypoints = np.zeros((batch, keypoints, 2), np.float32)
        self.confidence = np.zeros((batch, keypoints), np.float32)
        self.io = session.io_binding()
        self.io.bind_cpu_input("crop", self.crops)
        for name in ("keypoints", "confidence"):
            buffer = getattr(self, name)
            self.io.bind_output(name, "cpu", 0, buffer.dtype, buffer.shape, buffer.ctypes.data)


class CpuEngine:
    """Runs a tracker model file with ONNX Runtime in fp32.

    Memory is allocated when a batch size is first seen; after that a run copies the crops in,
    executes, and returns small fresh arrays.
    """

    precision = "fp32"

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        """Open `path`.

        Raises:
            EngineError: unreadable, truncated, not ONNX, or without a keycam card.
        """
        self._session = open_session(path, threads)
        self.card = read_card(self._session, path, "tracker")
        self.name = f"onnxruntime {ort.__version__} cpu, {threads} thread{'s'[: threads > 1]}"
        self._check_graph(path)
        self._bindings: dict[int, _Binding] = {}

    def run(self, crops: Image) -> Prediction:
        check_crops(crops, self.card.size)
        batch = len(crops)
        if batch not in self._bindings:
            self._bindings[batch] = _Binding(self._session, self.card, batch)
        bound = self._bindings[batch]
        np.copyto(bound.crops, crops)
        try:
            self._session.run_with_iobinding(bound.io)
        except BACKEND_ERRORS as error:
            raise EngineError(f"ONNX Runtime failed: {first_line(error)}") from error
        return Prediction(bound.keypoints.copy(), bound.confidence.copy())

    def close(self) -> None:
        self._bindings.clear()

    def _check_graph(self, path: Path) -> None:
        points, size = len(self.card.skeleton.keypoints), self.card.size
        nodes = self._session.get_inputs() + self._session.get_outputs()
        if {node.name: (node.type, node.shape[1:]) for node in nodes} != {
            "crop": ("tensor(uint8)", [size, size, 3]),
            "keypoints": ("tensor(float)", [points, 2]),
            "confidence": ("tensor(float)", [points]),
        }:
            raise EngineError(f"{path}: the graph does not match its card; export it again")


def open_session(path: Path, threads: int) -> ort.InferenceSession:
    """An ONNX Runtime session on the CPU that prints nothing by itself."""
    try:
        if not 0 < path.stat().st_size <= MAX_MODEL_BYTES:
            raise EngineError(
                f"{path}: empty or too large for a model file; copy or export it again"
            )
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        providers = ["CPUExecutionProvider"]  # and no second try, which is announced on stdout
        return ort.InferenceSession(str(path), options, providers, enable_fallback=0)
    except EngineError:
        raise
    except Exception as error:  # onnxruntime's exceptions share no other base
        raise EngineError(
            f"{path}: damaged, cut off or not ONNX; copy or export it again ({first_line(error)})"
        ) from error


def read_card(session: ort.InferenceSession, path: Path, kind: str | None = None) -> Card:
    """The card of the file that `session` has open.

    Raises:
        EngineError: it holds none, a damaged one, or one of another kind than `kind`.
    """
    try:
        text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        if text is None:
            raise EngineError(f"{path}: an ONNX file, but not one of keycam's (it holds no card)")
        card = Card.from_json(text)
    except (DataError, UnicodeDecodeError) as error:
        raise EngineError(f"{path}: {first_line(error)}; export it again") from error
    if kind is not None and card.kind != kind:
        raise EngineError(f"{path}: a {card.kind} file, where a {kind} file is needed")
    return card


def first_line(error: BaseException) -> str:
    """Its message, cut to one printable line: it may quote bytes of a damaged file."""
    lines = str(error).splitlines() or [type(error).__name__]
    return "".join(char if char.isprintable() else "?" for char in lines[0])


def flops(path: Path) -> int:
    """Floating-point operations for one crop: two per multiply-add of convolutions and products.

    Counted on the graph as it is written, from the shapes that ONNX Runtime reports for each of
    its nodes; everything else (activations, softmax, the cast) is left out.

    Raises:
        EngineError: as for `open_session`.
    """
    with TemporaryDirectory(prefix="keycam-flops-") as folder:
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        options.log_severity_level = 4
        card = read_card(open_session(path, 1), path, "tracker")
        session = ort.InferenceSession(str(path), options, ["CPUExecutionProvider"])
        session.run(None, {"crop": np.zeros((1, card.size, card.size, 3), np.uint8)})
        events = json.loads(Path(session.end_profiling()).read_text("utf-8"))
    return sum(map(_node_flops, (event.get("args", {}) for event in events)))


def _node_flops(node: Mapping[str, Any]) -> int:
    if node.get("op_name") not in ("Conv", "MatMul", "Gemm"):
        return 0
    inputs = [next(iter(own.values())) for own in node["input_type_shape"]]
    (made,) = node["output_type_shape"][0].values()
    # a value sums over the channels and the window of a convolution, over a row of a product
    terms = prod(inputs[1][1:]) if node["op_name"] == "Conv" else inputs[0][-1]
    return int(2 * prod(made) * terms)
