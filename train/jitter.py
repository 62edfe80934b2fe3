"""A first prior out of a few true poses: the same poses, moved, bent and shaken at random."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from engines.skeleton import Skeleton

TURN = 0.15  # standard deviations: of the whole pose's turn, radians,
SCALE = 0.10  # of the log of its size,
SHIFT = 0.05  # and of its place, frames' longer sides;
BEND = 0.25  # of the turn of a limb's end against its beginning, radians,
STRETCH = 0.06  # of the log of an edge's length,
SHAKE = 0.01  # and of each point's own place, pose lengths


def jittered(
    poses: NDArray[np.float64],
    sizes: NDArray[np.float64],
    skeleton: Skeleton,
    count: int,
    seed: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`count` poses: first those given, then variations of each in turn.

    A variation bends the edges one by one, from the best joined keypoint outwards, what hangs on
    them moving along; shakes each point; and applies a similarity. One that was inside its frame
    is moved until it is again.

    Args:
        poses: (N, K, 2) pixels of frames of `sizes` (N, 2).

    Returns:
        The same for the `count` poses, or all N if they are more.
    """
    rng = np.random.default_rng(seed)
    tree = _tree(skeleton)
    every = np.arange(max(count, len(poses))) % len(poses)
    made = [poses[n] for n in every[: len(poses)]]
    made += [_varied(poses[n], sizes[n], tree, rng) for n in every[len(poses) :]]
    return np.stack(made), sizes[every]


def _varied(
    pose: NDArray[np.float64],
    size: NDArray[np.float64],
    tree: list[tuple[int, int, int]],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    length = float(np.ptp(pose, axis=0).max())
    bent = _bent(pose, tree, rng) + rng.normal(0, SHAKE * length, pose.shape)
    centre = pose.mean(axis=0)
    turn, scale = rng.normal(0, TURN), np.exp(rng.normal(0, SCALE))
    moved = (bent - bent.mean(axis=0)) @ _rotation(turn).T * scale + centre
    moved += rng.normal(0, SHIFT * size.max(), 2)
    return moved + _way_back(moved, pose, size)


def _bent(
    pose: NDArray[np.float64], tree: list[tuple[int, int, int]], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Each edge turned and stretched; along the longest path the turns add up to about BEND."""
    longest = max((depth for _, _, depth in tree), default=1)
    turns = np.zeros(len(pose))
    bent = pose.copy()
    for parent, child, _ in tree:
        turns[child] = turns[parent] + rng.normal(0, BEND / np.sqrt(longest))
        stretch = np.exp(rng.normal(0, STRETCH))
        edge = _rotation(turns[child]) @ (pose[child] - pose[parent])
        bent[child] = bent[parent] + edge * stretch
    return bent


def _rotation(angle: float) -> NDArray[np.float64]:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin], [sin, cos]])


def _way_back(
    moved: NDArray[np.float64], pose: NDArray[np.float64], size: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(2,) what moves a pose no further outside its frame than it was marked."""
    low = np.minimum(pose.min(axis=0), 0) - moved.min(axis=0)
    high = np.maximum(pose.max(axis=0), size - 1) - moved.max(axis=0)
    return np.where(low > 0, low, np.where(high < 0, high, 0.0))


def _tree(skeleton: Skeleton) -> list[tuple[int, int, int]]:
    """(parent, child, depth) of a spanning tree of each part of the skeleton, parents first, from
    the keypoint that most edges meet in."""
    joined: list[set[int]] = [set() for _ in skeleton.keypoints]
    for a, b in skeleton.edges:
        joined[a].add(b)
        joined[b].add(a)
    tree: list[tuple[int, int, int]] = []
    seen: set[int] = set()
    for root in sorted(range(len(joined)), key=lambda n: -len(joined[n])):
        if root in seen:
            continue
        seen.add(root)
        waiting = deque([(root, 0)])
        while waiting:
            parent, depth = waiting.popleft()
            for child in sorted(joined[parent] - seen):
                seen.add(child)
                tree.append((parent, child, depth + 1))
                waiting.append((child, depth + 1))
    return tree
