"""Re-posing: what an engine for a decoder file promises, and the one way to get one."""

import importlib
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

import numpy as np

from engines.card import Card
from engines.engine import locate
from engines.errors import EngineError
from engines.geometry import Image, Points


@runtime_checkable
class Decoder(Protocol):
    """Draws one reference picture in other poses.

    Called from one thread at a time, never after `close`; `close` may be called twice.
    """

    @property
    def card(self) -> Card: ...

    @property
    def name(self) -> str:
        """What is really running, e.g. "onnxruntime 1.28.0 cpu"."""

    @property
    def precision(self) -> str:
        """Of the arithmetic: "fp32", "fp16" …"""

    def prepare(self, reference: Image, keypoints: Points) -> None:
        """Take the picture that is to be re-posed; another takes its place.

        Args:
            reference: (S, S, 3) uint8 BGR, cut with `Roi.around(keypoints_px, card.margin)`.
            keypoints: (K, 2), where its keypoints are: crop space [-1, 1].

        Raises:
            EngineError: wrong shape or type, or a keypoint is not finite.
        """

    def draw(self, keypoints: Points) -> Image:
        """The reference in other poses: (K, 2) -> (S, S, 3), (N, K, 2) -> (N, S, S, 3), uint8 BGR.

        Keypoints are in the reference's crop space [-1, 1]; the picture is the caller's to keep.

        Raises:
            EngineError: no reference yet, wrong shape, a keypoint is not finite, or the backend
                failed.
        """

    def close(self) -> None: ...


def load_decoder(
    path: str | Path = "face68-decoder", device: str = "cpu", *, threads: int = 1
) -> Decoder:
    """Open a decoder file.

    Args:
        path: a decoder `.onnx`, or the name of a shipped one (`face68-decoder`).
        device: as for `engines.load`.
        threads: of the CPU engine.

    Raises:
        EngineError: no such file, damaged, not a keycam decoder, or the device is not to be had.
    """
    cpu = importlib.import_module("engines.cpu_decoder")
    return cast(Decoder, cpu.CpuDecoder(locate(path), threads=threads))


def check_reference(reference: Image, keypoints: Points, card: Card) -> None:
    """Refuse what is not one crop of the card's size with its keypoints.

    Raises:
        EngineError: it is not.
    """
    if reference.dtype != np.uint8 or reference.shape != (card.size, card.size, 3):
        raise EngineError(
            f"a reference must be ({card.size}, {card.size}, 3) uint8, got {reference.dtype} "
            f"{reference.shape}"
        )
    _check_points(keypoints, (len(card.skeleton.keypoints), 2))


def check_poses(keypoints: Points, card: Card) -> None:
    """Refuse what is not (K, 2) or (N, K, 2) finite numbers, 1 <= N.

    Raises:
        EngineError: it is not.
    """
    if keypoints.ndim not in (2, 3) or len(keypoints) < 1:
        raise EngineError(f"poses must be (K, 2) or (N, K, 2) keypoints, got {keypoints.shape}")
    _check_points(keypoints, (*keypoints.shape[:-2], len(card.skeleton.keypoints), 2))


def _check_points(keypoints: Points, shape: tuple[int, ...]) -> None:
    if keypoints.shape != shape:
        raise EngineError(f"keypoints must be {shape}, got {keypoints.shape}")
    if not np.isfinite(keypoints).all():
        raise EngineError("a keypoint is not a finite number")
