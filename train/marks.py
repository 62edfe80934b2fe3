"""What was marked by hand: a skeleton and true poses, as the page of `keycam skeleton` sends it."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.errors import DataError
from engines.skeleton import Skeleton

Edge = tuple[int, int]
MOST_EDGES = 2000  # of a limb


@dataclass(frozen=True, eq=False)
class Marks:
    """A skeleton and N complete poses.

    Attributes:
        poses: (N, K, 2) float64, pixels of the frames they were marked in.
        sizes: (N, 2) width and height of those frames.
    """

    skeleton: Skeleton
    poses: NDArray[np.float64]
    sizes: NDArray[np.float64]


def read_marks(data: bytes, sizes: Sequence[tuple[int, int]]) -> Marks:
    """Read the page's JSON. Poses that lack a point are left out.

    Args:
        sizes: (width, height) of the frames that could be marked.

    Raises:
        DataError: it is malformed, describes no valid skeleton, or no pose is complete.
    """
    try:
        table = json.loads(data)
        limbs = [
            {"name": name, "color": limb["color"], "path": path}
            for limb in table["limbs"]
            for name, path in _named(limb["name"], trails(_edges(limb["edges"])))
        ]
        entries = ("name", "keypoints", "mirror", "rotation")
        described = {key: table[key] for key in entries} | {"limbs": limbs}
        if table["forward"] is not None:
            described["forward"] = table["forward"]
        skeleton = Skeleton.from_dict(described, where="the skeleton")
        count = len(skeleton.keypoints)
        marked = [(_frame(own, len(sizes)), _points(own, count)) for own in table["poses"]]
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise DataError(f"what was marked cannot be read ({error!r})") from error
    whole = [(sizes[frame], points) for frame, points in marked if None not in points]
    if not whole:
        raise DataError(f"no frame has all {count} keypoints marked; a prior needs one at least")
    poses = np.array([points for _, points in whole], np.float64)
    return Marks(skeleton, poses, np.array([size for size, _ in whole], np.float64))


def trails(edges: Iterable[Edge]) -> list[list[int]]:
    """The edges as few paths, each of which may cross itself: every edge is in one path once.

    A path begins where an odd number of edges is left, if there is such a place.
    """
    left = list(dict.fromkeys((min(edge), max(edge)) for edge in edges))
    found = []
    while left:
        ends = [end for edge in left for end in edge]
        path = [next((end for end in ends if ends.count(end) % 2), ends[0])]
        while step := next((edge for edge in left if path[-1] in edge), None):
            left.remove(step)
            path.append(step[1] if step[0] == path[-1] else step[0])
        found.append(path)
    return found


def to_toml(skeleton: Skeleton) -> str:
    """The skeleton as a TOML file: `Skeleton.load` gives the same again."""
    named = skeleton.keypoints
    lines = [f'name = "{skeleton.name}"', f'rotation = "{skeleton.rotation}"']
    lines.append(f"keypoints = {_listed(named)}")
    pairs = [_listed([named[a], named[b]]) for a, b in skeleton.mirror]
    lines.append(f"mirror = [{', '.join(pairs)}]")
    if skeleton.forward is not None:
        lines.append(f"forward = {_listed([named[end] for end in skeleton.forward])}")
    for limb in skeleton.limbs:
        lines += ["", "[[limbs]]", f'name = "{limb.name}"', f'color = "{limb.color}"']
        lines.append(f"path = {_listed([named[end] for end in limb.path])}")
        lines += ["closed = true"] if limb.closed else []
    return "\n".join(lines) + "\n"


def _listed(names: Iterable[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"  # words, as skeletons demand


def _named(name: Any, paths: list[list[int]]) -> list[tuple[str, list[int]]]:
    return [(f"{name}_{n}" if n > 1 else str(name), path) for n, path in enumerate(paths, 1)]


def _edges(values: list[Any]) -> list[Edge]:
    if len(values) > MOST_EDGES:
        raise ValueError(f"a limb of {len(values)} edges")
    for a, b in values:
        if type(a) is not int or type(b) is not int or a == b:
            raise ValueError(f"{a!r}, {b!r} is no edge")
    return [(a, b) for a, b in values]


def _frame(pose: Any, count: int) -> int:
    frame = pose["frame"]
    if type(frame) is not int or not 0 <= frame < count:
        raise ValueError(f"there is no frame {frame!r}")
    return frame


def _points(pose: Any, count: int) -> list[tuple[float, float] | None]:
    points = [None if own is None else _place(own) for own in pose["points"]]
    if len(points) != count:
        raise ValueError(f"a pose of {len(points)} points where the skeleton has {count}")
    return points


def _place(value: Any) -> tuple[float, float]:
    x, y = map(float, value)
    if not (isfinite(x) and isfinite(y) and max(abs(x), abs(y)) < 1e6):
        raise ValueError(f"{value!r} is no place in a picture")
    return x, y
