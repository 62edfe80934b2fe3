"""The prior: unpaired poses. Nothing in them belongs to a training picture."""

import logging
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engines.errors import DataError
from engines.skeleton import Skeleton
from train.foreign import read_poses
from train.mocap import Views, is_mocap, read_mocap, shared_out
from train.tables import rows_text

log = logging.getLogger(__name__)
Framing: TypeAlias = Literal["frame", "pose"]
POSE_MARGIN = 2.0  # side of the base crop round a subject over its length
INSIDE = 0.97  # jittered poses reach no further than this, so that all of their drawing is seen
TRIES = 20
_NO_NPZ = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    EOFError,
    NotImplementedError,
    zlib.error,
    zipfile.BadZipFile,
)


@dataclass(frozen=True, eq=False)
class Prior:
    """Poses (N, K, 2) float32, (x, y), in crop space: ±1 at the edges of the base crop.

    Attributes:
        framing: what that crop is, see `load_prior`.
    """

    poses: NDArray[np.float32]
    skeleton: Skeleton
    framing: Framing = "frame"

    def __len__(self) -> int:
        return len(self.poses)

    def sample(
        self,
        rng: np.random.Generator,
        count: int,
        *,
        turn: float = 0.0,
        scale: float = 0.0,
        shift: float = 0.0,
        mirror: bool = False,
    ) -> NDArray[np.float32]:
        """`count` random poses, each under a random similarity about the crop's centre.

        Args:
            turn, scale, shift: standard deviations of the angle (radians; a skeleton with
                rotation "any" is turned all the way round instead), of the log size, and of the
                place (crop units).
            mirror: flip every second pose on average, exchanging mirror keypoints.

        Returns:
            (count, K, 2) float32. A pose that would leave the crop is drawn again, and at last
            moved and shrunk until it fits.
        """
        poses = self.poses[rng.integers(len(self.poses), size=count)]
        if mirror:
            poses = self._mirrored(poses, rng.random(count) < 0.5)
        done = np.empty_like(poses)
        left = np.arange(count)
        for _ in range(TRIES):
            done[left] = self._moved(rng, poses[left], turn, scale, shift)
            left = left[np.abs(done[left]).max(axis=(1, 2)) > INSIDE]
            if not len(left):
                break
        done[left] = _fitted(done[left])
        return done

    def subset(self, count: int, seed: int) -> "Prior":
        """`count` of the poses, chosen at random by `seed`."""
        if not 1 <= count <= len(self):
            raise DataError(f"a prior of {len(self)} poses has no subset of {count}")
        chosen = np.random.default_rng(seed).permutation(len(self))[:count]
        return replace(self, poses=self.poses[chosen])

    def zoomed(self, zoom: float) -> "Prior":
        """The same poses in a crop whose side is `zoom` times as long."""
        return replace(self, poses=(self.poses / zoom).astype(np.float32))

    def margin(self) -> float:
        """Side of the crop over the larger side of a pose's box, median over the poses."""
        return float(np.median(2 / np.ptp(self.poses, axis=1).max(axis=1)))

    def _mirrored(self, poses: NDArray[np.float32], flip: NDArray[np.bool_]) -> NDArray[np.float32]:
        mirrored = poses[:, list(self.skeleton.flipped)] * np.array([-1, 1], np.float32)
        return np.where(flip[:, None, None], mirrored, poses)

    def _moved(
        self,
        rng: np.random.Generator,
        poses: NDArray[np.float32],
        turn: float,
        scale: float,
        shift: float,
    ) -> NDArray[np.float32]:
        count = len(poses)
        angle = rng.normal(0, turn, count)
        if self.skeleton.rotation == "any":
            angle = rng.uniform(-np.pi, np.pi, count)
        size = np.exp(rng.normal(0, scale, count))
        cos, sin = np.cos(angle) * size, np.sin(angle) * size
        matrix = np.stack([np.stack([cos, sin], -1), np.stack([-sin, cos], -1)], 1)  # rows: x, y
        place = rng.normal(0, shift, (count, 1, 2))
        return (poses @ matrix + place).astype(np.float32)


def _fitted(poses: NDArray[np.float32]) -> NDArray[np.float32]:
    low, high = poses.min(axis=1, keepdims=True), poses.max(axis=1, keepdims=True)
    half = ((high - low) / 2).max(axis=2, keepdims=True)
    shrink = np.minimum(1, INSIDE / np.maximum(half, 1e-6))
    centred = (poses - (low + high) / 2) * shrink
    room = INSIDE - (high - low) / 2 * shrink
    return centred + np.clip((low + high) / 2, -room, room)


def load_prior(path: Path, skeleton: Skeleton, framing: Framing) -> Prior:
    """Read poses from an `.npz` that `keycam prior` wrote, or any file with poses.

    Args:
        framing: what the base crop is. "frame": the covering square of the picture a pose was
            marked in; "pose": the square round the pose, `POSE_MARGIN` times its longest distance.

    Raises:
        DataError: unreadable, of another skeleton, or no complete pose in it.
    """
    if path.suffix == ".npz":
        points, sizes = _read_npz(path, skeleton)
        lines = None
    else:
        table = read_poses(path, skeleton)
        points, sizes, lines = table.points, table.sizes, table.lines
    whole = _complete(points, path, lines)
    if not whole.any():
        raise DataError(f"{path}: no pose has all {len(skeleton.keypoints)} keypoints")
    if framing == "frame" and sizes is None:
        raise DataError(f"{path}: needs the columns 'width' and 'height' to place poses in a frame")
    if framing == "pose":
        return Prior(_pose_framed(points[whole]), skeleton, "pose")
    assert sizes is not None
    side = sizes.max(axis=1)[whole, None, None] / 2
    centre = (sizes[whole, None] - 1) / 2
    poses = ((points[whole] - centre) / side).astype(np.float32)
    inside = np.abs(poses.mean(axis=1)).max(axis=1) <= 1
    if not inside.all():
        outside = np.flatnonzero(whole)[~inside]
        log.warning("%s: %s: outside their frame, left out", path, rows_text(outside, lines))
    if not inside.any():
        raise DataError(f"{path}: every pose lies outside its frame; are width and height right?")
    return Prior(poses[inside], skeleton)


def _complete(
    points: NDArray[np.float32], path: Path, lines: list[int] | None
) -> NDArray[np.bool_]:
    """(N,) which poses have all their points; those that have not are named in the log."""
    whole = np.asarray(np.isfinite(points).all(axis=(1, 2)))
    if not whole.all():
        missing = rows_text(np.flatnonzero(~whole), lines)
        log.warning("%s: %s: missing points, left out", path, missing)
    return whole


class Gathered(NamedTuple):
    """What a prior was made of: points (N, K, 2), pixels of frames of sizes (N, 2)."""

    points: NDArray[np.float32]
    sizes: NDArray[np.float32]


def gather(
    files: Sequence[Path],
    skeleton: Skeleton,
    output: Path,
    *,
    size: tuple[int, int] | None = None,
    views: Views | None = None,
) -> Gathered:
    """Join the complete poses of many files into one `.npz`.

    Args:
        files: keypoint tables, or any others that `train.foreign.read_poses` knows.
        size: (width, height) of the frames of files that do not say.
        views: how motion capture is looked at; its count is shared out among such files.

    Raises:
        DataError: a file cannot be used, or `output` cannot be written.
    """
    if output.suffix != ".npz":
        raise DataError(f"{output}: a prior's name must end in .npz")
    shares = shared_out(views or Views(), sum(is_mocap(file) for file in files))
    points, sizes = [], []
    for file in files:
        if is_mocap(file):
            table = read_mocap(file, skeleton, next(shares))
        else:
            table = read_poses(file, skeleton)
        own = table.sizes
        if own is None and size is not None:
            own = np.full((len(table.points), 2), size, np.float32)
        if own is None:
            raise DataError(
                f"{file}: needs the columns 'width' and 'height' to serve as a prior; "
                "or say --size WIDTHxHEIGHT"
            )
        whole = _complete(table.points, file, table.lines)
        points.append(table.points[whole])
        sizes.append(own[whole])
    gathered = Gathered(np.concatenate(points), np.concatenate(sizes))
    if not len(gathered.points):
        raise DataError("no pose is complete; a prior needs all keypoints of a pose")
    fresh = output.with_name(output.name + ".new")
    try:
        with fresh.open("wb") as file:
            np.savez_compressed(
                file,
                points=gathered.points,
                sizes=gathered.sizes,
                keypoints=np.array(skeleton.keypoints),
            )
        fresh.replace(output)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink()
        raise DataError(f"{output}: cannot be written ({error.strerror})") from error
    return gathered


def _read_npz(
    path: Path, skeleton: Skeleton
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            points = np.asarray(stored["points"], np.float32)
            names = tuple(str(name) for name in stored["keypoints"])
            sizes = np.asarray(stored["sizes"], np.float32) if "sizes" in stored else None
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; a prior was expected") from None
    except _NO_NPZ as error:
        raise DataError(f"{path}: not a prior that `keycam prior` wrote ({error})") from error
    if names != skeleton.keypoints or points.shape[1:] != (len(names), 2) or not len(points):
        raise DataError(
            f"{path}: its {len(names)} keypoints are not the {len(skeleton.keypoints)} of skeleton "
            f"'{skeleton.name}'"
        )
    if sizes is not None and (sizes.shape != (len(points), 2) or not (sizes > 0).all()):
        raise DataError(f"{path}: its sizes are not a width and a height per pose")
    return points, sizes


def _pose_framed(points: NDArray[np.float32]) -> NDArray[np.float32]:
    centre = (points.min(axis=1, keepdims=True) + points.max(axis=1, keepdims=True)) / 2
    gaps = np.linalg.norm(points[:, :, None] - points[:, None], axis=-1)
    longest = np.maximum(gaps.max(axis=(1, 2)), 1e-3)[:, None, None]
    return ((points - centre) / (longest * POSE_MARGIN / 2)).astype(np.float32)
