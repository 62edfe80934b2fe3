"""Export: networks become self-describing ONNX files, proved equal to what was trained."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engines.card import METADATA_KEY, Card
from engines.cpu import open_session
from engines.errors import EngineError
from train.networks import Decoder
from train.parts import Parts, Teacher
from train.renderer import Renderer
from train.tracker_network import TrackerGraph, TrackerNetwork, normalised
from train.warping_decoder import WarpingDecoder

OPSET = 20
MOST_DIFFERENCE = 1e-4


def export_tracker(network: TrackerNetwork, card: Card, path: Path) -> Path:
    """Write the tracker's model file: `crop` uint8 (N, S, S, 3) BGR -> `keypoints`, `confidence`.

    Raises:
        EngineError: ONNX Runtime and torch differ by more than 1e-4; nothing is written then.
    """
    graph = TrackerGraph(network).eval().cpu()
    inputs = {"crop": _noise(3, card.size)}
    return _export(graph, inputs, ["keypoints", "confidence"], card, path)


class TeacherGraph(nn.Module):
    """The teacher as a model file runs it, for comparison; its confidence is 1 throughout."""

    def __init__(self, teacher: Teacher) -> None:
        super().__init__()
        self.teacher = teacher

    def forward(self, crop: Tensor) -> tuple[Tensor, Tensor]:
        keypoints = self.teacher(normalised(crop).flip(1))
        return keypoints, torch.ones_like(keypoints[:, :, 0])


def export_teacher(teacher: Teacher, card: Card, path: Path, size: int) -> Path:
    """Write the teacher η∘Φ in the tracker's place: slower, and what the tracker learnt from."""
    graph = TeacherGraph(teacher).eval().cpu()
    card = replace(card, size=size)
    return _export(graph, {"crop": _noise(3, size)}, ["keypoints", "confidence"], card, path)


class DecoderGraph(nn.Module):
    """The method's own decoder Ψ as a decoder file runs it: one reference picture, many poses.

    The renderer is inside, so a pose is all that is needed per frame. Unlike a warping decoder it
    does not ask where the reference's keypoints are.
    """

    def __init__(self, decoder: Decoder, renderer: Renderer) -> None:
        super().__init__()
        self.decoder = decoder
        self.renderer = renderer

    def forward(self, reference: Tensor, keypoints: Tensor) -> Tensor:
        """reference (1, S, S, 3) uint8 BGR, keypoints (N, K, 2) -> picture (N, S, S, 3) uint8."""
        other = normalised(reference).flip(1).expand(keypoints.shape[0], -1, -1, -1)
        return _shown(self.decoder(self.renderer(keypoints), other))


def export_decoder(parts: Parts, card: Card, path: Path, size: int) -> Path:
    """Write the decoder file; pictures may differ from torch's by one grey level of rounding."""
    graph = DecoderGraph(parts.decoder, parts.renderer).eval().cpu()
    points = _poses(len(card.skeleton.keypoints))
    inputs = {"reference": _noise(1, size), "keypoints": points}
    return _export(graph, inputs, ["picture"], replace(card, kind="decoder", size=size), path)


class WarpingDecoderGraph(nn.Module):
    """A warping decoder as a decoder file runs it: one reference picture, many poses."""

    def __init__(self, decoder: WarpingDecoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, reference: Tensor, pose: Tensor, keypoints: Tensor) -> Tensor:
        """reference (1, S, S, 3) uint8 BGR with its keypoints `pose` (1, K, 2), keypoints
        (N, K, 2) -> picture (N, S, S, 3) uint8 BGR."""
        count = keypoints.shape[0]
        picture = normalised(reference).flip(1).expand(count, -1, -1, -1)
        return _shown(self.decoder(picture, pose.expand(count, -1, -1), keypoints).picture)


def export_warping_decoder(decoder: WarpingDecoder, card: Card, path: Path) -> Path:
    """Write the decoder file; pictures may differ from torch's by one grey level of rounding.

    Raises:
        EngineError: ONNX Runtime and torch differ by more; nothing is written then.
    """
    graph = WarpingDecoderGraph(decoder).eval().cpu()
    points = _poses(len(card.skeleton.keypoints))
    inputs = {"reference": _noise(1, card.size), "pose": points[:1] * 0.9, "keypoints": points}
    return _export(graph, inputs, ["picture"], replace(card, kind="decoder"), path)


def _shown(picture: Tensor) -> Tensor:
    """(N, 3, S, S) RGB in about [-1, 1] -> (N, S, S, 3) uint8 BGR."""
    grey = ((picture.clamp(-1, 1) + 1) * 127.5).round()
    return grey.flip(1).permute(0, 2, 3, 1).to(torch.uint8)


def _poses(points: int) -> NDArray[np.float32]:
    """(3, points, 2) somewhere in the picture."""
    return np.random.default_rng(0).uniform(-0.8, 0.8, (3, points, 2)).astype(np.float32)


def _noise(count: int, size: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), np.uint8)


def _export(
    graph: nn.Module,
    inputs: dict[str, NDArray[np.generic]],
    outputs: list[str],
    card: Card,
    path: Path,
) -> Path:
    tensors = {name: torch.from_numpy(value) for name, value in inputs.items()}
    batch = torch.export.Dim("batch", min=1, max=4096)
    shapes = {name: {0: batch} if len(value) > 1 else None for name, value in inputs.items()}
    fresh = path.with_name(path.name + ".new")
    try:
        with _quiet_exporter(), torch.no_grad():
            program = torch.onnx.export(
                graph,
                tuple(tensors.values()),
                dynamo=True,
                opset_version=OPSET,
                input_names=list(tensors),
                output_names=outputs,
                dynamic_shapes=shapes,
                verbose=False,
            )
            wanted = graph(**tensors)
        model = program.model_proto
        for node in model.graph.node:
            node.ClearField("metadata_props")  # names the files of the machine it was traced on
        entry = model.metadata_props.add()
        entry.key, entry.value = METADATA_KEY, card.to_json()
        onnx.save(model, fresh)
        _prove(fresh, inputs, wanted if isinstance(wanted, tuple) else (wanted,))
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    return path


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Keep the exporter's own deprecations and its remarks on torchvision to itself."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _prove(path: Path, inputs: dict[str, NDArray[np.generic]], wanted: tuple[Tensor, ...]) -> None:
    found = open_session(path, 1).run(None, inputs)
    for own, other in zip(wanted, found, strict=True):
        allowed = 1.0 if other.dtype == np.uint8 else MOST_DIFFERENCE
        difference = np.abs(own.numpy().astype(np.float64) - other.astype(np.float64)).max()
        if not difference <= allowed:
            raise EngineError(
                f"export failed: ONNX Runtime and torch differ by {difference:.2g} "
                f"(at most {allowed:g} is allowed)"
            )
