"""Measuring a decoder: is the re-posed picture the frame whose pose it was given?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engines.decoder import Decoder
from engines.engine import Engine
from engines.errors import DataError
from engines.geometry import Image, Points, Roi, crop, to_crop, to_frame
from train.batches import tensor
from train.decoder_config import DecoderConfig
from train.perceptual import Vgg, vgg_weights
from train.posed import PosedClip, load_posed
from train.ssim import grey, ssim
from train.thin_plate import thin_plate

MOVED = 0.05  # of the pose's size: a pair whose keypoints are this far apart on the mean has moved
MOST_FRAMES = 20  # of one clip
SAME = 1e-3  # mean squared error, grey levels, below which the peak ratio is not told apart


@dataclass(frozen=True, eq=False)
class Pair:
    """A reference and the frame that is to be made of it, with their keypoints in crop space."""

    reference: Image
    pose: Points
    frame: Image
    keypoints: Points

    @property
    def size(self) -> float:
        """Larger side of the wanted pose's box, crop space."""
        return float(np.ptp(self.keypoints, axis=0).max())

    @property
    def moved(self) -> float:
        """Mean way of the keypoints, in units of the pose's size."""
        return _apart(self.pose, self.keypoints) / self.size


@dataclass(frozen=True, eq=False)
class ReposeEvaluation:
    """What was measured on P pairs.

    Attributes:
        moved: (P,) bool.
        values: by the name of what made the picture ("decoder", or a floor: "copy" of the
            reference, its "thin_plate" warp; or the "frame" itself, which shows what the tracker's
            own error is), then by measure: (P,) each. L1 in grey levels; keypoint error of the
            re-tracked picture in units of the pose's size; perceptual distance only where VGG-19's
            weights are on this machine.
    """

    decoder: Decoder
    engine: Engine
    clips: int
    moved: NDArray[np.bool_]
    values: Mapping[str, Mapping[str, NDArray[np.float64]]]

    def mean(self, maker: str, measure: str, *, moved: bool) -> float:
        values = self.values[maker][measure]
        return float(values[self.moved].mean() if moved else values.mean())

    def to_dict(self) -> dict[str, Any]:
        table: dict[str, Any] = {
            "clips": self.clips,
            "pairs": len(self.moved),
            "moved": int(self.moved.sum()),
        }
        for part, moved in (("all_pairs", False), ("moved_pairs", True)):
            if not moved or self.moved.any():
                table[part] = {
                    maker: {name: round(self.mean(maker, name, moved=moved), 5) for name in own}
                    for maker, own in self.values.items()
                }
        table["decoder"] = {**self.decoder.card.facts(), "engine": self.decoder.name}
        table["tracker"] = {**self.engine.card.facts(), "engine": self.engine.name}
        return table

    def figures(self, label: str) -> dict[str, float]:
        """For a card: keypoint error and likeness, the floors' too, on the pairs that moved; on
        all where none did."""
        makers = [name for name in self.values if name != "frame"]
        moved = bool(self.moved.any())
        part = "moved" if moved else "all"
        return {
            f"{label} {measure} {part}, {maker}": round(self.mean(maker, measure, moved=moved), 4)
            for measure in ("keypoints", "ssim")
            for maker in makers
        }

    def to_text(self) -> str:
        count = len(self.moved)
        lines = [
            f"{count} pairs of {self.clips} clips, of which {int(self.moved.sum())} moved by over "
            f"{MOVED:g} of the pose; {self.decoder.card.name} by {self.engine.card.name}"
        ]
        for title, moved in (("all", False), ("moved", True)):
            if moved and not self.moved.any():
                continue
            names = list(next(iter(self.values.values())))
            lines.append(f"{title:6} {'':12}" + "".join(f"{name:>12}" for name in names))
            for maker in self.values:
                row = [f"{self.mean(maker, name, moved=moved):12.4f}" for name in names]
                lines.append(f"{'':6} {maker:12}" + "".join(row))
        if "perceptual" not in names:
            lines.append("perceptual distance: not measured, VGG-19's weights are not here")
        return "\n".join(lines)


def evaluate_decoder(decoder: Decoder, engine: Engine, paths: Sequence[Path]) -> ReposeEvaluation:
    """Re-pose frames of unseen clips as other frames of the same clips, and compare.

    Each frame is made once, of the frame half a clip away. Both are cut with the reference's
    square where the camera stands still. The tracker gives both poses; the result is looked at
    twice, as by `train.evaluate`, starting from the whole picture.

    Raises:
        DataError: nothing to read, no subject is found, or tracker and decoder differ in skeleton.
    """
    if decoder.card.skeleton.keypoints != engine.card.skeleton.keypoints:
        raise DataError(
            f"the decoder {decoder.card.name} has other keypoints than the tracker "
            f"{engine.card.name}; name its own with --tracker"
        )
    config = DecoderConfig(
        size=decoder.card.size, margin=decoder.card.margin, most_frames=MOST_FRAMES
    )
    footage = load_posed(paths, engine, config)
    judge = _Judge(engine)
    makers: dict[str, Callable[[Pair], Image]] = {
        "decoder": lambda pair: _drawn(decoder, pair),
        "copy": lambda pair: pair.reference,
        "thin_plate": lambda pair: thin_plate(pair.reference, pair.pose, pair.keypoints),
        "frame": lambda pair: pair.frame,
    }
    rows: dict[str, list[dict[str, float]]] = {maker: [] for maker in makers}
    moved = []
    for clip in footage.clips:
        for pair in pairs(clip, config):
            moved.append(pair.moved > MOVED)
            for maker, make in makers.items():
                rows[maker].append(judge.marks(make(pair), pair))
    values = {
        maker: {name: np.array([mark[name] for mark in own]) for name in own[0]}
        for maker, own in rows.items()
    }
    return ReposeEvaluation(decoder, engine, len(footage.clips), np.array(moved), values)


def pairs(clip: PosedClip, config: DecoderConfig) -> list[Pair]:
    """Each frame of a clip with the one half the clip away as its reference."""
    made, count = [], len(clip.images)
    for number in range(count):
        other = (number + max(1, count // 2)) % count
        here = Roi.around(clip.points_px[other], config.margin)
        there = here if clip.still else Roi.around(clip.points_px[number], config.margin)
        made.append(
            Pair(
                reference=crop(clip.images[other], here, config.size),
                pose=to_crop(clip.points_px[other], here),
                frame=crop(clip.images[number], there, config.size),
                keypoints=to_crop(clip.points_px[number], there),
            )
        )
    return made


def _drawn(decoder: Decoder, pair: Pair) -> Image:
    decoder.prepare(pair.reference, pair.pose)
    return decoder.draw(pair.keypoints)


class _Judge:
    """Measures pictures against what they should be."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        weights = vgg_weights()
        self._features = None if weights is None else Vgg(weights, relu=False)

    def marks(self, picture: Image, pair: Pair) -> dict[str, float]:
        """The measures of one picture (S, S, 3), by name."""
        difference = picture.astype(np.float64) - pair.frame
        square = max(float(np.square(difference).mean()), SAME)
        both = tensor(np.stack([picture, pair.frame]), torch.device("cpu"))
        marks = {
            "l1": float(np.abs(difference).mean()),
            "psnr_db": float(10 * np.log10(255**2 / square)),
            "ssim": float(ssim(*grey(both.double()).chunk(2), 2.0)),
            "keypoints": _apart(self._tracked(picture), pair.keypoints) / pair.size,
        }
        if self._features is not None:
            marks["perceptual"] = self._distance(both)
        return marks

    def _tracked(self, picture: Image) -> Points:
        """The keypoints of a picture in crop space, looked at twice."""
        whole = Roi.of_frame(len(picture), len(picture))
        roi = whole
        for _ in range(2):
            seen = crop(picture, roi, self._engine.card.size)[None]
            points = to_frame(self._engine.run(seen).keypoints[0], roi)
            roi = Roi.around(points, self._engine.card.margin)
        return to_crop(points, whole)

    @torch.no_grad()
    def _distance(self, both: torch.Tensor) -> float:
        """Mean over VGG-19's taps of the squared difference over the frame's own square."""
        assert self._features is not None
        taps = self._features(both)
        shares = [(tap[0] - tap[1]).square().mean() / tap[1].square().mean() for tap in taps]
        return float(torch.stack(shares).mean())


def _apart(one: Points, two: Points) -> float:
    return float(np.linalg.norm(one - two, axis=-1).mean())
