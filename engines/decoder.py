"""Re-posing: what an engine for a decoder file promises, and the one way to get one."""

import importlib
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

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
    path: str | Path = "face68-decoder",
    device: str = "cpu",
    *,
    threads: int = 1,
    wait: bool = False,
) -> Decoder:
    """Open a decoder file.

    Args:
        path: a decoder `.onnx`, or the name of a shipped one (`face68-decoder`).
        device: as for `engines.load`; but with "openvino" a decoder, too, runs by ONNX Runtime.
        threads: of the CPU engine.
        wait: build first, where a plan is to be built, so that every picture is of the GPU.

    Raises:
        EngineError: no such file, damaged, not a keycam decoder, or the device is not to be had.
    """
    path = locate(path)
    on_cpu = device.startswith("openvino")
    choice = importlib.import_module("engines.device").choose("cpu" if on_cpu else device)
    cpu = importlib.import_module("engines.cpu_decoder")
    decoder: Decoder = cpu.CpuDecoder(path, threads=threads)
    if choice.engine == "tensorrt":
        decoder = importlib.import_module("engines.compile").on_gpu(
            decoder, path, choice, wait=wait
        )
    return decoder


class Feeds:
    """What a decoder's graph is given: the reference kept, the poses of each call."""

    def __init__(self, card: Card, *, asks_pose: bool) -> None:
        """
        Args:
            asks_pose: the graph takes the reference's keypoints too. The method's own decoder Ψ
                does not.
        """
        self._card, self._asks_pose = card, asks_pose
        self._reference: dict[str, NDArray[Any]] = {}

    def prepare(self, reference: Image, keypoints: Points) -> None:
        check_reference(reference, keypoints, self._card)
        self._reference = {"reference": reference[None].copy()}
        if self._asks_pose:
            self._reference["pose"] = keypoints[None].astype(np.float32)

    def of(self, keypoints: Points) -> dict[str, NDArray[Any]]:
        """The inputs of the graph by name, for poses (K, 2) or (N, K, 2).

        Raises:
            EngineError: as for `Decoder.draw`.
        """
        if not self._reference:
            raise EngineError("there is no reference picture yet: prepare one first")
        check_poses(keypoints, self._card)
        points = len(self._card.skeleton.keypoints)
        poses = np.ascontiguousarray(keypoints, np.float32).reshape(-1, points, 2)
        return {**self._reference, "keypoints": poses}


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
