"""A real model file without training: it finds the bright blob in a crop.

Every keypoint is the centroid of the brightness above a threshold plus its own fixed offset.
"""

from pathlib import Path

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from engines.card import METADATA_KEY, Card
from engines.geometry import Image
from engines.skeleton import Skeleton

THRESHOLD = 128  # of brightness, 0 to 255
RADIUS = 0.25  # of the ring the keypoints lie on around the blob, crop space
MARGIN = 1 / RADIUS  # a roi cut around such a pose with this margin keeps its size
HALF_MASS = 255.0  # brightness above the threshold at which confidence is one half


def blob_card(skeleton: str = "mouse4", size: int = 64, kind: str = "tracker") -> Card:
    return Card(
        kind=kind,
        name=f"blob-{skeleton}",
        skeleton=Skeleton.load(skeleton),
        size=size,
        margin=MARGIN,
        data="none",
        licence="Apache-2.0",
        method="written down, not trained",
        errors={"blobs, crop space": 0.0},
        run="0" * 64,
    )


def blob_offsets(keypoints: int) -> NDArray[np.float32]:
    """(K, 2) crop space: where each keypoint lies seen from the blob's centroid."""
    turn = np.arange(keypoints) / keypoints * 2 * np.pi
    return (RADIUS * np.stack([np.cos(turn), np.sin(turn)], axis=1)).astype(np.float32)


def blob_model(
    path: Path,
    skeleton: str = "mouse4",
    size: int = 64,
    kind: str = "tracker",
    metadata: str | None = None,
) -> Path:
    """Write the model to `path`; `metadata` replaces the card's text ("" for no card at all)."""
    card = blob_card(skeleton, size, kind)
    text = card.to_json() if metadata is None else metadata
    model = _model(len(card.skeleton.keypoints), size)
    if text:
        helper.set_model_props(model, {METADATA_KEY: text})
    path.write_bytes(model.SerializeToString())
    return path


def blob_image(width: int, height: int, x: float, y: float, radius: float = 6.0) -> Image:
    """(H, W, 3) uint8: black, with a soft white disc whose centroid is (x, y), frame pixels."""
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    distance = np.hypot(columns - x, rows - y)
    grey = (255 * np.clip(radius + 0.5 - distance, 0, 1)).astype(np.uint8)
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)


def _model(keypoints: int, size: int) -> onnx.ModelProto:
    graph = helper.make_graph(
        _nodes(),
        "blob",
        [helper.make_tensor_value_info("crop", TensorProto.UINT8, ["N", size, size, 3])],
        [
            helper.make_tensor_value_info("keypoints", TensorProto.FLOAT, ["N", keypoints, 2]),
            helper.make_tensor_value_info("confidence", TensorProto.FLOAT, ["N", keypoints]),
        ],
        [numpy_helper.from_array(value, name) for name, value in _constants(keypoints, size)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def _nodes() -> list[onnx.NodeProto]:
    node = helper.make_node
    return [
        node("Cast", ["crop"], ["bgr"], to=TensorProto.FLOAT),
        node("ReduceMean", ["bgr"], ["grey"], axes=[3], keepdims=0),  # (N, S, S)
        node("Sub", ["grey", "threshold"], ["above"]),
        node("Relu", ["above"], ["light"]),
        node("Reshape", ["light", "flat"], ["row"]),  # (N, S * S)
        node("MatMul", ["row", "grid"], ["moments"]),  # (N, 3): x, y, 1 times the light
        node("Split", ["moments", "parts"], ["first", "mass"], axis=1),
        node("Max", ["mass", "tiny"], ["safe"]),
        node("Div", ["first", "safe"], ["centroid"]),  # (N, 2)
        node("Unsqueeze", ["centroid", "axis"], ["one"]),
        node("Add", ["one", "offsets"], ["keypoints"]),  # (N, K, 2)
        node("Add", ["mass", "half"], ["scale"]),
        node("Div", ["mass", "scale"], ["certainty"]),  # (N, 1)
        node("Mul", ["certainty", "ones"], ["confidence"]),  # (N, K)
    ]


def _constants(keypoints: int, size: int) -> list[tuple[str, NDArray[np.generic]]]:
    centres = (2 * np.arange(size) + 1) / size - 1
    x, y = np.meshgrid(centres, centres)
    return [
        ("threshold", np.float32([THRESHOLD])),
        ("flat", np.int64([0, size * size])),
        ("grid", np.stack([x, y, np.ones_like(x)], axis=2).reshape(-1, 3).astype(np.float32)),
        ("parts", np.int64([2, 1])),
        ("tiny", np.float32([1e-6])),
        ("axis", np.int64([1])),
        ("offsets", blob_offsets(keypoints)[None]),
        ("half", np.float32([HALF_MASS])),
        ("ones", np.ones((1, keypoints), np.float32)),
    ]
