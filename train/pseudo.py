"""Pseudo-labels: what the teacher says about every frame, and how far it agrees with itself."""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from tqdm import tqdm

from engines.errors import DataError
from engines.geometry import Roi, crop, to_frame
from engines.skeleton import Skeleton
from train import world
from train.batches import tensor
from train.config import Config
from train.videos import Footage

AGREE = 0.15  # views further than this times the pose's size from the others are left out
TURNS = (0.0, 0.12, -0.12)  # radians
SIZES = (1.0, 0.88, 1.14)


@dataclass(frozen=True, eq=False)
class PseudoLabels:
    """For each clip and frame of some footage.

    Attributes:
        points_px: per clip (F, K, 2) float32, pixels of the stored frames.
        doubt: per clip (F,) float32, mean distance of the views to their mean over the pose's
            size; infinite where most views disagree.
    """

    points_px: list[NDArray[np.float32]]
    doubt: list[NDArray[np.float32]]

    def write(self, file: Path) -> None:
        """Keep them as an `.npz`.

        Raises:
            DataError: it cannot be written.
        """
        fresh = file.with_name(file.name + ".new")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with fresh.open("wb") as stored:
                np.savez(
                    stored,
                    points_px=np.concatenate(self.points_px),
                    doubt=np.concatenate(self.doubt),
                )
            fresh.replace(file)
        except OSError as error:
            raise DataError(f"{file}: cannot be written ({error.strerror})") from error

    @classmethod
    def read(cls, file: Path, footage: Footage) -> Self | None:
        """What was kept of that footage; None where nothing is that could be its."""
        try:
            with np.load(file, allow_pickle=False) as stored:
                points, doubt = stored["points_px"], stored["doubt"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None
        if len(points) != len(footage) or len(doubt) != len(footage):
            return None
        ends = np.cumsum([len(clip.images) for clip in footage.clips])[:-1]
        return cls(np.split(points, ends), np.split(doubt, ends))


@torch.no_grad()
def label(
    teacher: nn.Module, footage: Footage, skeleton: Skeleton, config: Config, device: torch.device
) -> PseudoLabels:
    """Ask the teacher about six views of every frame (turned, scaled, mirrored) and join the
    answers that agree. A label is only as good as the teacher; its doubt says where it wavers.
    Several ranks take turns with the frames."""
    teacher.eval()
    points, doubts = [], []
    bar = {"desc": "pseudo-labels", "unit": "clip", "dynamic_ncols": True}
    for clip in tqdm(footage.clips, **bar, disable=world.rank() > 0):
        place = np.zeros((len(clip.images), len(skeleton.keypoints), 2), np.float32)
        doubt = np.zeros(len(clip.images), np.float32)
        for n in range(world.rank(), len(doubt), world.size()):
            views = _views(teacher, clip.images[n], clip.rois[n], skeleton, config, device)
            place[n], doubt[n] = _joined(views)
        points.append(_added(place, device))  # to zeros, where a frame was another rank's
        doubts.append(_added(doubt, device))
    return PseudoLabels(points, doubts)


def _added(values: NDArray[np.float32], device: torch.device) -> NDArray[np.float32]:
    return world.total(torch.from_numpy(values).to(device)).cpu().numpy()


def _views(
    teacher: nn.Module,
    image: NDArray[np.uint8],
    roi: Roi,
    skeleton: Skeleton,
    config: Config,
    device: torch.device,
) -> NDArray[np.float32]:
    """(V, K, 2) answers in frame pixels."""
    spins = (0.0, 2.1, 4.2) if skeleton.rotation == "any" else TURNS
    size = roi.size * config.zoom
    rois = [
        Roi(roi.x, roi.y, size * scale, roi.angle + turn)
        for scale, turn in zip(SIZES, spins, strict=True)
    ]
    crops = np.stack([crop(image, view, config.size) for view in rois])
    both = np.concatenate([crops, crops[:, :, ::-1]])
    answers = teacher(tensor(both, device)).cpu().numpy()
    answers[len(rois) :] = answers[len(rois) :, list(skeleton.flipped)] * (-1, 1)
    return np.stack([to_frame(a, r) for a, r in zip(answers, rois * 2, strict=True)])


def _joined(views: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """The mean of the views that agree with the most central one, and the doubt that is left."""
    gaps = np.linalg.norm(views[:, None] - views[None], axis=-1).mean(axis=-1)  # (V, V)
    central = int(np.argmin(np.median(gaps, axis=1)))
    size = float(np.ptp(views[central], axis=0).max()) + 1e-6
    agreeing = views[gaps[central] <= AGREE * size]
    mean = agreeing.mean(axis=0)
    if 2 * len(agreeing) < len(views):
        return mean, float("inf")
    return mean, float(np.linalg.norm(agreeing - mean, axis=-1).mean() / size)
