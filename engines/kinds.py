"""What differs between the model files that can be compiled: trackers and decoders."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engines.card import Card
from engines.cpu import CpuEngine, open_session, read_card
from engines.cpu_decoder import CpuDecoder
from engines.geometry import Image, Points
from engines.parity import Parity, PictureParity, compare, compare_pictures
from engines.precision import crop_feeds
from engines.probes import probes
from engines.swap import SwapDecoder, SwapEngine
from engines.trt import TensorRtDecoder, TensorRtEngine


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How one kind of model file is opened, compiled and compared.

    Attributes:
        open: path -> the engine on the CPU, which is the reference.
        make: plan, reference, number of the GPU, precision -> the engine on the GPU.
        feeds: reference, crops or None -> inputs that int8's ranges are taken from.
        compare: reference, the other, crops or None -> how far they differ.
        swap: what runs on the one until there is the other.
    """

    open: Callable[[Path], Any]
    make: Callable[[bytes, Any, int, str], Any]
    feeds: Callable[[Any, Image | None], list[dict[str, Any]]]
    compare: Callable[[Any, Any, Image | None], Parity | PictureParity]
    swap: Callable[..., Any]


def kind_of(path: Path) -> Kind:
    """The kind of a model file.

    Raises:
        EngineError: it is none of keycam's.
    """
    return _DECODER if read_card(open_session(path, 1), path).kind == "decoder" else _TRACKER


def pose_pairs(card: Card, count: int) -> list[tuple[Points, Points]]:
    """Where a reference's keypoints might be, and where they might go: crop space, the same every
    time."""
    rng = np.random.default_rng(1)
    turn = np.linspace(0, 2 * np.pi, len(card.skeleton.keypoints), endpoint=False)
    ring = 0.5 * np.stack([np.cos(turn), np.sin(turn)], axis=-1)
    made = (
        ring + rng.normal(0, 0.03, (count, 2, *ring.shape)) + rng.normal(0, 0.05, (count, 2, 1, 2))
    )
    return [(pose, other) for pose, other in made.astype(np.float32)]


def _crops(card: Card, crops: Image | None) -> Image:
    return probes(card.size) if crops is None else crops


def _make_tracker(plan: bytes, cpu: CpuEngine, index: int, precision: str) -> TensorRtEngine:
    return TensorRtEngine(plan, cpu.card, index, precision=precision)


def _make_decoder(plan: bytes, cpu: CpuDecoder, index: int, precision: str) -> TensorRtDecoder:
    asks = cpu.asks_pose
    return TensorRtDecoder(plan, cpu.card, index, precision=precision, asks_pose=asks)


def _decoder_feeds(cpu: CpuDecoder, crops: Image | None) -> list[dict[str, Any]]:
    feeds, references = [], _crops(cpu.card, crops)
    for reference, (pose, other) in zip(
        references, pose_pairs(cpu.card, len(references)), strict=True
    ):
        own = {"reference": reference[None], "pose": pose[None], "keypoints": other[None]}
        feeds.append({name: own[name] for name in own if name != "pose" or cpu.asks_pose})
    return feeds


def _compare_decoders(
    cpu: CpuDecoder, other: TensorRtDecoder, crops: Image | None
) -> PictureParity:
    references = _crops(cpu.card, crops)
    return compare_pictures(cpu, other, references, pose_pairs(cpu.card, len(references)))


_TRACKER = Kind(
    open=CpuEngine,
    make=_make_tracker,
    feeds=lambda cpu, crops: crop_feeds(_crops(cpu.card, crops)),
    compare=lambda cpu, other, crops: compare(cpu, other, _crops(cpu.card, crops)),
    swap=SwapEngine,
)
_DECODER = Kind(
    open=CpuDecoder,
    make=_make_decoder,
    feeds=_decoder_feeds,
    compare=_compare_decoders,
    swap=SwapDecoder,
)
