"""Motion capture as a prior: a moving body in space, seen from random cameras."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.errors import DataError
from engines.skeleton import MAX_FILE_BYTES, Skeleton
from train.bvh import read_bvh
from train.tables import Table

SIDE = 512  # of the pictures that are taken, pixels
FILL = 0.7  # a body's length over the picture's side
NEAR, FAR = 3.0, 6.0  # of the camera from the middle of the body, body lengths
SAME = 0.01  # poses whose joints differ by less, in body lengths, are one
SIDES = {"l": ("left", "l"), "r": ("right", "r")}
LIMBS = {  # joints of arms and legs, and what they are called: CMU, Mixamo, Human3.6M, Biovision
    "hip": ("upleg", "thigh", "upperleg", "hip", "hipjoint"),
    "knee": ("leg", "lowleg", "lowerleg", "shin", "calf", "knee"),
    "ankle": ("foot", "ankle"),
    "toes": ("toebase", "toe", "toes", "ball", "footend", "ankleend"),
    "shoulder": ("arm", "uparm", "upperarm", "shoulder"),
    "elbow": ("forearm", "lowarm", "lowerarm", "elbow"),
    "wrist": ("hand", "wrist"),
}
TRUNK = {
    "pelvis": ("hips", "hip", "pelvis", "root"),
    "neck": ("neck", "neck1"),
    "head": ("headtopend", "headtop", "headend", "head"),
}


@dataclass(frozen=True, kw_only=True)
class Views:
    """How motion capture is looked at.

    Attributes:
        count: poses to take, as different from each other as the motion allows.
        elevation: (lowest, highest) of the camera over the horizon, degrees.
        up: which of the file's axes points up.
        joints: a TOML file `keypoint = "Joint"` or `keypoint = ["Joint", "Other"]` (their middle);
            None: by their names.
        seed: of the choice of poses and cameras.
    """

    count: int = 500
    elevation: tuple[float, float] = (-5.0, 20.0)
    up: str = "y"
    joints: Path | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        low, high = self.elevation
        if not -90 <= low <= high <= 90:
            raise DataError(
                f"a camera's elevation goes from -90 to 90 degrees, not {low} to {high}"
            )
        if self.up not in ("x", "y", "z"):
            raise DataError(f"the axis that points up is x, y or z, not '{self.up}'")


def is_mocap(path: Path) -> bool:
    return path.suffix.lower() == ".bvh"


def shared_out(views: Views, files: int) -> Iterator[Views]:
    """The views of each of so many files: together the count, each from a seed of its own."""
    for number in range(files):
        count = views.count // files + (number < views.count % files)
        yield replace(views, count=max(count, 1), seed=views.seed + number)


def read_mocap(path: Path, skeleton: Skeleton, views: Views | None = None) -> Table:
    """The poses of a BVH file as random cameras see them: all round at equal odds, the body in the
    middle of a square picture that it fills about `FILL` of.

    Raises:
        DataError: the file cannot be used, or a keypoint has no joint in it; its joints are listed.
    """
    views = views or Views()
    motion = read_bvh(path)
    chosen = _choose(path, motion.names, skeleton, views.joints)
    places = motion.positions()  # (F, J, 3)
    bodies = np.stack([places[:, joints].mean(axis=1) for joints in chosen], axis=1)  # (F, K, 3)
    bodies = np.roll(bodies, 1 - "xyz".index(views.up), axis=-1)  # y is up, right-handed
    low, high = bodies.min(axis=1, keepdims=True), bodies.max(axis=1, keepdims=True)
    bodies -= (low + high) / 2
    size = float(np.median((high - low).max(axis=(1, 2))))
    if not size > 0:
        raise DataError(f"{path}: the joints all lie in one point; the offsets are zero")
    rng = np.random.default_rng(views.seed)
    different = _different(bodies / size, views.count, rng)
    bodies = bodies[different[np.arange(views.count) % len(different)]] / size
    points = _seen(bodies, views, rng).astype(np.float32)
    return Table(points, np.full((len(points), 2), SIDE, np.float32), None)


def _seen(
    bodies: NDArray[np.float64], views: Views, rng: np.random.Generator
) -> NDArray[np.float64]:
    """(N, K, 2) pixels: each body (N, K, 3), y up, of length 1 about 0, by a camera of its own."""
    count = len(bodies)
    azimuth = rng.uniform(-np.pi, np.pi, count)
    elevation = np.radians(rng.uniform(*views.elevation, count))
    distance = rng.uniform(NEAR, FAR, count)[:, None]
    x, y, z = np.moveaxis(bodies, -1, 0)  # (N, K)
    cos, sin = np.cos(azimuth)[:, None], np.sin(azimuth)[:, None]
    right, away = cos * x - sin * z, -(sin * x + cos * z)
    cos, sin = np.cos(elevation)[:, None], np.sin(elevation)[:, None]
    above, away = cos * y + sin * away, cos * away - sin * y
    depth = np.maximum(distance + away, 0.1 * distance)
    scale = FILL * SIDE * distance / depth
    return np.stack([right * scale, -above * scale], axis=-1) + (SIDE - 1) / 2


def _different(
    bodies: NDArray[np.float64], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """At most `count` of the bodies, each as far as can be from those before it (farthest-point
    sampling: Gonzalez, Theor. Comput. Sci. 38, 1985), turns about the vertical not counted.

    Bodies are compared by the distances between their joints and by the joints' heights.
    """
    a, b = np.triu_indices(bodies.shape[1], 1)
    spans = np.linalg.norm(bodies[:, a] - bodies[:, b], axis=-1)
    shape = np.concatenate([spans / np.sqrt(max(len(a), 1)), bodies[..., 1]], axis=1)
    shape = (shape / np.sqrt(bodies.shape[1])).astype(np.float32)
    chosen = [int(rng.integers(len(bodies)))]
    gap = np.full(len(bodies), np.inf)
    while len(chosen) < count:
        gap = np.minimum(gap, np.linalg.norm(shape - shape[chosen[-1]], axis=1))
        if gap.max() < SAME:
            break
        chosen.append(int(gap.argmax()))
    return np.array(chosen)


def _choose(
    path: Path, names: Sequence[str], skeleton: Skeleton, joints: Path | None
) -> list[list[int]]:
    """For each keypoint the joints in whose middle it is."""
    wanted = _by_name(names, skeleton) if joints is None else _by_file(joints, skeleton)
    source = "by its name" if joints is None else f"({joints})"
    chosen = []
    for keypoint in skeleton.keypoints:
        own = wanted.get(keypoint, [])
        missing = [name for name in own if name not in names]
        if missing or not own:
            what = f"joint '{missing[0]}'" if missing else "joint"
            raise DataError(
                f"{path}: has no {what} for keypoint '{keypoint}' {source}; name one in a file for "
                f"--joints; its joints are {', '.join(names)}"
            )
        chosen.append([names.index(name) for name in own])
    return chosen


def _by_file(file: Path, skeleton: Skeleton) -> dict[str, list[str]]:
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise DataError(f"{file}: too large for a table of joints")
        table = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{file}: not a readable TOML table of joints ({error})") from error
    if unknown := sorted(set(table) - set(skeleton.keypoints)):
        raise DataError(f"{file}: '{unknown[0]}' is no keypoint of skeleton '{skeleton.name}'")
    wanted = {}
    for keypoint, own in table.items():
        listed = own if isinstance(own, list) else [own]
        if not listed or not all(isinstance(name, str) for name in listed):
            raise DataError(f"{file}: {keypoint} needs the name of a joint, or a list of names")
        wanted[keypoint] = listed
    return wanted


def _by_name(names: Sequence[str], skeleton: Skeleton) -> dict[str, list[str]]:
    """Joints whose names are the keypoints', or what such a joint is often called."""
    first = re.match(r"[^:_.]*[:_.]", names[0])  # as in mixamorig:Hips
    prefix = first[0] if first and all(name.startswith(first[0]) for name in names) else ""
    plain: dict[str, str] = {}
    for name in names:
        plain.setdefault(_plain(name.removeprefix(prefix)), name)
    wanted = {}
    for keypoint in skeleton.keypoints:
        calls = [*_calls(keypoint), _plain(keypoint)]
        found = [keypoint] if keypoint in names else [plain[own] for own in calls if own in plain]
        wanted[keypoint] = found[:1]
    return wanted


def _calls(keypoint: str) -> list[str]:
    """What a joint of a body may be called, the likeliest first."""
    side, _, part = keypoint.lower().partition("_")
    if side[:1] in SIDES and side in SIDES[side[:1]] and part in LIMBS:
        ways = SIDES[side[:1]]
        return [call for own in LIMBS[part] for way in ways for call in (way + own, own + way)]
    return list(TRUNK.get(keypoint.lower(), ()))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
