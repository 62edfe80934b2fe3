import numpy as np
import pytest

from engines import Limb, Skeleton
from train.jitter import BEND, SHIFT, STRETCH, TURN, _bent, _tree, jittered

CHAIN = Skeleton("chain", ("a", "b", "c", "d"), (Limb("all", "#ffffff", (0, 1, 2, 3)),))
POSE = np.array([[100.0, 100], [150, 100], [200, 110], [250, 100]])
SIZES = np.array([[640.0, 480]])


def many(count: int = 2000) -> np.ndarray:
    return jittered(POSE[None], SIZES, CHAIN, count, 0)[0]


def test_the_true_poses_come_first_and_the_seed_decides() -> None:
    poses = np.stack([POSE, POSE + 50])
    sizes = np.array([[640.0, 480], [320.0, 240]])
    made, of = jittered(poses, sizes, CHAIN, 7, 3)
    assert made.shape == (7, 4, 2)
    np.testing.assert_array_equal(made[:2], poses)
    np.testing.assert_array_equal(of, sizes[[0, 1, 0, 1, 0, 1, 0]])
    np.testing.assert_array_equal(made, jittered(poses, sizes, CHAIN, 7, 3)[0])
    assert not np.array_equal(made, jittered(poses, sizes, CHAIN, 7, 4)[0])
    assert len(jittered(poses, sizes, CHAIN, 1, 3)[0]) == 2


def test_variations_have_the_spread_they_claim() -> None:
    made = many()[1:]
    shift = made.mean(axis=1) - POSE.mean(axis=0)
    np.testing.assert_allclose(shift.std(axis=0), SHIFT * 640, rtol=0.15)
    ends = made[:, 3] - made[:, 0]
    angle = np.arctan2(ends[:, 1], ends[:, 0])
    assert TURN < angle.std() < np.hypot(TURN, BEND)
    assert abs(np.median(angle)) < 0.03


def test_limbs_bend_and_carry_what_hangs_on_them() -> None:
    rng = np.random.default_rng(0)
    bent = np.stack([_bent(POSE, _tree(CHAIN), rng) for _ in range(4000)])
    edges = np.diff(bent, axis=1) - 0
    lengths = np.linalg.norm(edges, axis=-1) / np.linalg.norm(np.diff(POSE, axis=0), axis=-1)
    np.testing.assert_allclose(np.log(lengths).std(axis=0), STRETCH, rtol=0.1)
    angles = np.arctan2(edges[..., 1], edges[..., 0])
    # b is the root: c's edge turns by one share, d's by two; a's on its own
    share = BEND / np.sqrt(2)
    np.testing.assert_allclose(angles[:, 1].std(), share, rtol=0.1)
    np.testing.assert_allclose(angles[:, 2].std(), share * np.sqrt(2), rtol=0.1)
    assert np.corrcoef(angles[:, 1], angles[:, 2])[0, 1] == pytest.approx(np.sqrt(0.5), abs=0.05)


def test_poses_stay_in_their_frame_if_they_were() -> None:
    near = POSE - [98, 98]
    made = jittered(near[None], SIZES, CHAIN, 500, 0)[0]
    assert made.min() >= 0
    assert (made <= [639, 479]).all()
    outside = POSE - [130, 0]
    made = jittered(outside[None], SIZES, CHAIN, 500, 0)[0]
    assert made[..., 0].min() >= outside[:, 0].min() - 1e-9


def test_every_part_of_a_skeleton_has_its_tree(face_skeleton: Skeleton) -> None:
    tree = _tree(face_skeleton)
    children = [child for _, child, _ in tree]
    assert len(set(children)) == len(children)
    seen = set(range(68)) - set(children)  # the roots, one for each part
    assert len(seen) == 9
    for parent, child, _ in tree:
        assert parent in seen
        seen.add(child)


def test_a_face_still_looks_like_one(face_skeleton: Skeleton) -> None:
    """The jaw's 17 points do not curl up: the turns along it add up to no more than on an arm."""
    angle = np.linspace(np.pi, 0, 17)
    jaw = np.stack([np.cos(angle), np.sin(angle)], -1) * 80 + 150
    skeleton = Skeleton(
        "jaw", tuple(f"p{n}" for n in range(17)), (Limb("j", "#ffffff", tuple(range(17))),)
    )
    made, _ = jittered(jaw[None], np.array([[300.0, 300]]), skeleton, 300, 0)
    width = np.linalg.norm(made[:, 16] - made[:, 0], axis=-1)
    assert 0.6 < np.percentile(width, 5) / 160 < np.percentile(width, 95) / 160 < 1.4
