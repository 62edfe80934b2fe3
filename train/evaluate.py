"""Measuring a model against labelled pictures. Labels are for this alone, never for training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engines.engine import Engine
from engines.errors import DataError
from engines.geometry import Image, Points, Roi, crop, to_frame
from engines.lookalikes import lookalikes
from engines.search import search_rois
from engines.skeleton import Skeleton
from train.foreign import read_poses
from train.subject import Background
from train.tables import Table
from train.videos import read_frames, read_picture, whole

SURE = 0.5  # mean confidence from which an answer needs no search


class _Found(NamedTuple):
    points: Points  # (K, 2), frame pixels
    score: float  # mean confidence
    searched: bool = False


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Errors of a model on F labelled frames.

    Attributes:
        distance_px: (F, K) between keypoint and label, frame pixels; NaN where not labelled (a
            keypoint that never is has no error: None in `to_dict`).
        forgiven_px: (F,) mean distance to the best of the label's `engines.lookalikes`.
        norm_px: (F,) what distances are divided by for the normalised error, or None.
        searched: in how many frames the subject was found by a search alone.
    """

    engine: Engine
    distance_px: NDArray[np.float64]
    forgiven_px: NDArray[np.float64]
    norm_px: NDArray[np.float64] | None
    searched: int = 0

    def to_dict(self) -> dict[str, Any]:
        frame_px = np.nanmean(self.distance_px, axis=1)
        names = self.engine.card.skeleton.keypoints
        columns = self.distance_px.T
        each = [float(np.nanmean(c)) if np.isfinite(c).any() else None for c in columns]
        table: dict[str, Any] = {
            "frames": len(frame_px),
            "error_px": {
                "mean": float(frame_px.mean()),
                "median": float(np.median(frame_px)),
                "swap_forgiving_mean": float(self.forgiven_px.mean()),
            },
        }
        if self.norm_px is not None:
            nme = frame_px / self.norm_px
            table["nme"] = {
                "mean": float(nme.mean()),
                "median": float(np.median(nme)),
                "swap_forgiving_mean": float((self.forgiven_px / self.norm_px).mean()),
            }
        table["searched"] = self.searched
        table["per_keypoint"] = dict(zip(names, each, strict=True))
        table["model"] = {**self.engine.card.facts(), "engine": self.engine.name}
        return table

    def figures(self, label: str) -> dict[str, float]:
        """The mean errors for a card, each under `label`: normalised if they are, else pixels."""
        table = self.to_dict()
        if "nme" in table:
            return {f"{label} NME": round(table["nme"]["mean"], 4)}
        errors = table["error_px"]
        return {
            f"{label} px": round(errors["mean"], 2),
            f"{label} px, swaps forgiven": round(errors["swap_forgiving_mean"], 2),
        }

    def to_text(self) -> str:
        table = self.to_dict()
        errors = table["error_px"]
        lines = [
            f"{table['frames']} frames, {self.engine.card.name}, {self.engine.name}",
            f"error           mean {errors['mean']:.2f} px, median {errors['median']:.2f} px",
            f"swaps forgiven  mean {errors['swap_forgiving_mean']:.2f} px",
        ]
        if "nme" in table:
            nme = table["nme"]
            lines.append(f"normalised      mean {nme['mean']:.4f}, median {nme['median']:.4f}")
            lines.append(f"swaps forgiven  mean {nme['swap_forgiving_mean']:.4f}")
        if self.searched:
            lines.append(f"searched for    in {self.searched} frames")
        return "\n".join(lines)


def evaluate(
    engine: Engine,
    labels: Path,
    *,
    images: Path | None = None,
    norm: tuple[str, str] | None = None,
    roi: Literal["frame", "motion"] = "frame",
) -> Evaluation:
    """Run `engine` on the pictures of a keypoint table, or of another's labels, and compare.

    Every picture is looked at as the tracker does when it finds a subject: in the given roi, then
    in the square round what was found there. A picture whose covering square shows nothing sure is
    searched, square by square, and its surest answer taken.

    Args:
        labels: any file that `train.foreign.read_poses` knows.
        images: where the table's pictures are; beside the table if None. For labels that number
            the frames of a video instead, the video.
        norm: two keypoints whose labelled distance normalises errors.
        roi: "frame", each picture's covering square; "motion", the thing that differs from the
            median of all the pictures, which must then come from one fixed camera.

    Raises:
        DataError: the table or a picture cannot be used.
    """
    skeleton = engine.card.skeleton
    table = read_poses(labels, skeleton)
    pictures = _pictures(table, labels, images)
    rois = _motion_rois(pictures) if roi == "motion" else list(map(whole, pictures))
    looks = [
        _find(engine, picture, own, search=roi == "frame")
        for picture, own in zip(pictures, rois, strict=True)
    ]
    found = np.stack([look.points for look in looks])
    truth = table.points.astype(np.float64)
    forgiven = [
        min(_mean_distance(points, other) for other in lookalikes(label, skeleton))
        for points, label in zip(found, truth, strict=True)
    ]
    distance = np.linalg.norm(found - truth, axis=-1)
    scale = None if norm is None else _norm(truth, norm, skeleton)
    searched = sum(look.searched for look in looks)
    return Evaluation(engine, distance, np.array(forgiven), scale, searched)


def _mean_distance(a: NDArray[Any], b: NDArray[Any]) -> float:
    with np.errstate(invalid="ignore"):
        gaps = np.linalg.norm(a - b, axis=-1)
    return float(np.nanmean(gaps)) if np.isfinite(gaps).any() else float("inf")


def _pictures(table: Table, labels: Path, folder: Path | None) -> list[Image]:
    if table.images is None and table.frames is not None:
        return _filmed(table.frames, labels, folder)
    if table.images is None:
        raise DataError(f"{labels}: names no pictures; evaluation needs a column 'image'")
    if not np.isfinite(table.points).all(axis=2).any(axis=1).all():
        raise DataError(f"{labels}: a row has no labelled keypoint at all; take it out")
    base = folder or labels.parent
    pictures = []
    for name in table.images:
        picture = read_picture(base / name)
        if picture is None:
            raise DataError(f"{base / name}: no readable picture; it is named in {labels}")
        pictures.append(picture)
    return pictures


def _filmed(numbers: Sequence[int], labels: Path, video: Path | None) -> list[Image]:
    """The frames of a video, one for each of `numbers`."""
    if video is None or not video.is_file():
        raise DataError(f"{labels}: numbers the frames of a video; name that with --images")
    wanted = set(numbers)
    frames = {n: frame for n, frame in enumerate(read_frames(video)) if n in wanted}
    if missing := sorted(wanted - set(frames)):
        raise DataError(f"{video}: has no frame {missing[0]}; {labels} has labels for it")
    return [frames[number] for number in numbers]


def _motion_rois(pictures: Sequence[Image]) -> list[Roi]:
    background = Background.of(pictures)
    return [background.find(picture) or whole(picture) for picture in pictures]


def _find(engine: Engine, picture: Image, roi: Roi, *, search: bool) -> _Found:
    """What is in `roi`; if that is nothing sure, the surest of a tracker's sweep."""
    found = _look_twice(engine, picture, roi)
    if found.score >= SURE or not search:
        return found
    height, width = picture.shape[:2]
    swept = [_look_twice(engine, picture, square) for square in search_rois(width, height)]
    best = max(swept, key=lambda look: look.score)
    return best._replace(searched=True) if best.score >= SURE else found


def _look_twice(engine: Engine, picture: Image, roi: Roi) -> _Found:
    first = _look(engine, picture, roi)
    return _look(engine, picture, Roi.around(first.points, engine.card.margin))


def _look(engine: Engine, picture: Image, roi: Roi) -> _Found:
    keypoints, confidence = engine.run(crop(picture, roi, engine.card.size)[None])
    return _Found(to_frame(keypoints[0], roi), float(confidence.mean()))


def _norm(
    truth: NDArray[np.float64], ends: tuple[str, str], skeleton: Skeleton
) -> NDArray[np.float64]:
    for name in ends:
        if name not in skeleton.keypoints:
            raise DataError(f"--norm: skeleton '{skeleton.name}' has no keypoint '{name}'")
    a, b = (skeleton.keypoints.index(name) for name in ends)
    length = np.linalg.norm(truth[:, a] - truth[:, b], axis=-1)
    if not (length > 0).all():
        raise DataError(f"--norm: {ends[0]} and {ends[1]} are not both labelled in every frame")
    return np.asarray(length)
