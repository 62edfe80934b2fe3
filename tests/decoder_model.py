"""A real decoder file without training: it shifts the reference as its keypoints' mean moves."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from engines.card import METADATA_KEY, Card
from engines.geometry import Image


def shifted(reference: Image, move: np.ndarray) -> Image:
    """What the file draws: the picture (S, S, 3) moved by `move` (2,) of crop space, border out."""
    pixels = np.round(np.asarray(move) * len(reference) / 2).astype(int)
    places = np.arange(len(reference))
    columns, rows = (np.clip(places - step, 0, len(reference) - 1) for step in pixels)
    return np.asarray(reference[rows][:, columns])


def decoder_model(path: Path, card: Card, *, asks_pose: bool = True) -> Path:
    """Write the file; without `asks_pose` it takes the reference's keypoints to be at 0."""
    points, size = len(card.skeleton.keypoints), card.size
    info = helper.make_tensor_value_info
    inputs = [
        info("reference", TensorProto.UINT8, [1, size, size, 3]),
        info("keypoints", TensorProto.FLOAT, ["N", points, 2]),
    ]
    if asks_pose:
        inputs.insert(1, info("pose", TensorProto.FLOAT, [1, points, 2]))
    graph = helper.make_graph(
        _nodes("pose" if asks_pose else "origin"),
        "mover",
        inputs,
        [info("picture", TensorProto.UINT8, ["N", size, size, 3])],
        [numpy_helper.from_array(value, name) for name, value in _constants(points, size)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    helper.set_model_props(model, {METADATA_KEY: card.to_json()})
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())
    return path


def _nodes(pose: str) -> list[onnx.NodeProto]:
    node = helper.make_node
    return [
        node("Sub", [pose, "keypoints"], ["ways"]),
        node("ReduceMean", ["ways", "second"], ["way"], keepdims=1),  # (N, 1, 2)
        node("Unsqueeze", ["way", "first"], ["wide"]),  # (N, 1, 1, 2)
        node("Add", ["grid", "wide"], ["places"]),  # (N, S, S, 2)
        node("Cast", ["reference"], ["bytes"], to=TensorProto.FLOAT),
        node("Transpose", ["bytes"], ["planes"], perm=[0, 3, 1, 2]),
        node("Shape", ["keypoints"], ["count"], start=0, end=1),
        node("Concat", ["count", "rest"], ["shape"], axis=0),
        node("Expand", ["planes", "shape"], ["all"]),
        node(
            "GridSample",
            ["all", "places"],
            ["moved"],
            mode="nearest",
            padding_mode="border",
            align_corners=0,
        ),
        node("Transpose", ["moved"], ["last"], perm=[0, 2, 3, 1]),
        node("Cast", ["last"], ["picture"], to=TensorProto.UINT8),
    ]


def _constants(points: int, size: int) -> list[tuple[str, np.ndarray]]:
    line = ((2 * np.arange(size) + 1) / size - 1).astype(np.float32)
    return [
        ("grid", np.stack(np.meshgrid(line, line), axis=-1)[None]),
        ("second", np.int64([1])),
        ("first", np.int64([1])),
        ("rest", np.int64([3, size, size])),
        ("origin", np.zeros((1, points, 2), np.float32)),
    ]
