"""Reading a tracker network back out of its model file, to go on training it."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from engines.card import Card
from engines.engine import load
from engines.errors import EngineError
from train.tracker_network import TrackerGraph, TrackerNetwork

Weights: TypeAlias = Mapping[str, NDArray[np.float32]]
MOST_DIFFERENCE = 1e-4


def restore_tracker(path: Path) -> tuple[TrackerNetwork, Card]:
    """The network inside `path`, in evaluation mode, and the file's card.

    The exporter folds each batch normalisation into the convolution before it. Here the product
    becomes the convolution, and the normalisation the identity that adds what it added: it has
    running mean 0 and variance 1, and is never to be put into training mode again.

    Raises:
        EngineError: no tracker network of this keycam, or what was read answers differently from
            the file by more than 1e-4.
    """
    with closing(load(path, "cpu")) as engine:
        card = engine.card
        network = TrackerNetwork(len(card.skeleton.keypoints)).eval()
        try:
            _fill(network, onnx.load(path).graph)
        except (KeyError, ValueError) as error:
            raise EngineError(
                f"{path}: holds another network than a tracker network of this keycam; give a "
                "run's model.onnx or a shipped model"
            ) from error
        crops = np.random.default_rng(0).integers(0, 256, (4, card.size, card.size, 3), np.uint8)
        wanted = engine.run(crops)
    with torch.no_grad():
        found = TrackerGraph(network)(torch.from_numpy(crops))
    gaps = [np.abs(own.numpy() - other).max() for own, other in zip(found, wanted, strict=True)]
    worst = float(np.max(gaps))  # NaN where one is
    if not worst <= MOST_DIFFERENCE:
        raise EngineError(
            f"{path}: what was read from it answers differently from the file ({worst:.2g})"
        )
    return network, card


@torch.no_grad()
def _fill(network: TrackerNetwork, graph: onnx.GraphProto) -> None:
    weights = {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}
    convolutions = [node.input for node in graph.node if node.op_type == "Conv"]
    biases = {names[1]: names[2] for names in convolutions if len(names) > 2}
    for name, layer in network.named_modules():
        own = f"network.{name}"
        if isinstance(layer, nn.Conv2d):
            _copy(weights[f"{own}.weight"], layer.weight)
            norm = network.get_submodule(_after(name))
            assert isinstance(norm, nn.BatchNorm2d)
            norm.weight.fill_((1 + norm.eps) ** 0.5)
            _copy(weights[biases[f"{own}.weight"]], norm.bias)
        elif isinstance(layer, nn.Linear):
            _copy(_matrix(graph, weights, own), layer.weight)
            _copy(weights[f"{own}.bias"], layer.bias)


def _after(name: str) -> str:
    """The layer that follows one in a sequence: "stem.0" -> "stem.1"."""
    sequence, _, number = name.rpartition(".")
    return f"{sequence}.{int(number) + 1}"


def _matrix(graph: onnx.GraphProto, weights: Weights, name: str) -> NDArray[np.float32]:
    """A linear layer's matrix (outs, ins); the exporter may transpose it and take its name."""
    if f"{name}.weight" in weights:
        return weights[f"{name}.weight"]
    makers = {node.output[0]: node for node in graph.node}
    for node in graph.node:
        if node.op_type == "Add" and f"{name}.bias" in node.input:
            (product,) = (makers[i] for i in node.input if i != f"{name}.bias")
            return weights[product.input[1]].T
    raise KeyError(name)


def _copy(source: NDArray[np.float32], target: Tensor) -> None:
    if source.shape != tuple(target.shape):
        raise ValueError(f"shape {source.shape}, expected {tuple(target.shape)}")
    target.copy_(torch.from_numpy(source.copy()))
