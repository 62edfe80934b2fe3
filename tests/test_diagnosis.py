import numpy as np
from toy import tiny_config, toy_prior, triangles

from engines import Roi
from train.diagnosis import diagnose
from train.evidence import Told
from train.prior import Prior

CONFIG = tiny_config(zoom=1.0)
SIDE = 100


def told(poses: np.ndarray, name: str = "a.mp4", **more) -> Told:
    """Poses (F, K, 2) in crop space as if found in square frames, without doubt."""
    count, keypoints = poses.shape[:2]
    known = {
        "confidence": np.full((count, keypoints), 0.9, np.float32),
        "doubt": np.full(count, 0.01, np.float32),
        "in_a_row": True,
    }
    return Told(
        name,
        [np.zeros((SIDE, SIDE, 3), np.uint8)] * count,
        [Roi.of_frame(SIDE, SIDE)] * count,
        ((poses + 1) * SIDE / 2 - 0.5).astype(np.float32),
        **(known | more),
    )


def good(count: int = 40) -> np.ndarray:
    rng = np.random.default_rng(1)
    return triangles(count, rng) + rng.normal(0, 0.1, (count, 1, 2))


def said(*own: Told, prior: Prior | None = None) -> list[str]:
    return [str(finding) for finding in diagnose(own, prior or toy_prior(40), CONFIG)]


def test_good_answers_are_passed_in_silence() -> None:
    assert said(told(good())) == []
    assert diagnose([], toy_prior(), CONFIG) == []
    assert diagnose([told(good())], None, CONFIG) == []


def test_the_average_pose_moved_about() -> None:
    moved = triangles(1, np.random.default_rng(1)) + np.linspace(-0.3, 0.3, 40)[:, None, None]
    (line,) = said(told(moved))
    assert "all keypoints move together" in line
    assert "train for longer" in line


def test_a_keypoint_that_stands_still_against_the_others(mouse_skeleton) -> None:
    rng = np.random.default_rng(0)
    square = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    prior = Prior((square + rng.normal(0, 0.08, (80, 4, 2))).astype(np.float32), mouse_skeleton)
    poses = square + rng.normal(0, 0.08, (40, 4, 2)) * np.array([1, 1, 1, 1])[:, None]
    stiff = poses.copy()
    lines = said(told(stiff), prior=prior)
    assert not any("hardly moves" in line for line in lines)
    spots = np.array([[x, y] for x in (-0.5, 0, 0.5) for y in (-0.5, 0.5)])
    wide = Prior((spots + rng.normal(0, 0.08, (80, 6, 2))).astype(np.float32), _six())
    loose = spots + rng.normal(0, 0.08, (60, 6, 2))
    assert said(told(loose), prior=wide) == []
    # the others' mean is what a keypoint can be tied to
    loose[:, 2] = loose[:, [0, 1, 3, 4, 5]].mean(axis=1) + spots[2] - spots[[0, 1, 3, 4, 5]].mean(0)
    loose[:, [0, 1, 3, 4, 5]] += 0
    (line,) = [own for own in said(told(loose), prior=_tied(wide)) if "hardly" in own]
    assert line.startswith("k2: ")


def _six():
    from engines import Skeleton

    names = [f"k{n}" for n in range(6)]
    limb = {"name": "all", "color": "#ffffff", "path": names}
    return Skeleton.from_dict({"name": "six", "keypoints": names, "limbs": [limb]})


def _tied(prior: Prior) -> Prior:
    """The same with the third keypoint moving much more."""
    poses = prior.poses.copy()
    poses[:, 2] += np.random.default_rng(5).normal(0, 0.3, (len(poses), 2))
    return Prior(poses, prior.skeleton)


def test_answers_that_do_not_follow_the_frame() -> None:
    poses = triangles(40, np.random.default_rng(1)) * 0.02 + 0.98 * triangles(
        1, np.random.default_rng(2)
    )
    assert any("at the same place and size" in line for line in said(told(poses)))


def test_low_confidence_is_named_by_keypoint() -> None:
    sure = np.tile(np.float32([0.9, 0.1, 0.8]), (40, 1))
    (line,) = said(told(good(), confidence=sure))
    assert line.startswith("right (0.10): low confidence")


def test_clips_in_which_the_teacher_wavers() -> None:
    doubt = np.where(np.arange(40) % 2, np.inf, 0.01).astype(np.float32)
    (line,) = said(told(good()), told(good(), "b.mp4", doubt=doubt))
    assert line.startswith("b.mp4 (50% of its frames): the teacher wavers")


def test_sides_that_change_places_between_frames() -> None:
    poses = np.cumsum(np.random.default_rng(0).normal(0, 0.01, (40, 1, 2)), axis=0) + good(1)
    poses = poses + np.random.default_rng(1).normal(0, 0.04, poses.shape)
    assert said(told(poses)) == []
    poses[10:20] = poses[10:20][:, [1, 0, 2]]
    poses[30:] = poses[30:][:, [1, 0, 2]]
    assert any("change places between frames (3 of 39 steps)" in line for line in said(told(poses)))


def test_seen_from_above_the_way_round_is_never_sure(mouse_skeleton) -> None:
    rng = np.random.default_rng(0)
    poses = rng.normal(0, 0.3, (40, 4, 2)).astype(np.float32)
    lines = said(told(poses), prior=Prior(poses, mouse_skeleton))
    assert any("wrong way round" in line for line in lines)
