import numpy as np
import pytest

from realtime.puppet import SHAPE, Head, Puppet
from realtime.source import SourceError
from realtime.synthetic import Synthetic, open_synthetic


def still(**changes):
    rest = {"yaw": 0, "pitch": 0, "roll": 0, "blink": 0, "mouth": 0, "smile": 0, "brow": 0}
    return Head(x=320, y=240, scale=90, gaze=(0, 0), **{**rest, **changes})


def test_the_same_seed_gives_the_same_frames_and_truth():
    first, second = open_synthetic("synthetic:seed=3"), open_synthetic("synthetic:seed=3")
    for index in (0, 17):
        assert np.array_equal(first.frame(index).image, second.frame(index).image)
        assert np.array_equal(first.truth(index), second.truth(index))
    other = open_synthetic("synthetic:seed=4")
    assert not np.array_equal(first.frame(0).image, other.frame(0).image)


def test_a_frame_does_not_depend_on_those_drawn_before():
    jumped = Synthetic(1, frames=9)
    walked = list(Synthetic(1, frames=9))
    assert np.array_equal(jumped.frame(8).image, walked[8].image)


def test_frames_are_what_was_asked_for():
    with open_synthetic("synthetic:frames=4,size=320x200,fps=10") as source:
        frames = list(source)
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    assert {frame.image.shape for frame in frames} == {(200, 320, 3)}
    assert np.all(np.diff([frame.time_ns for frame in frames]) == 10**8)
    assert (source.size, source.fps, source.live, source.dropped) == ((320, 200), 10.0, False, 0)


def test_it_has_no_end_unless_told_and_closing_ends_it():
    source = open_synthetic("synthetic:size=64x64")
    taken = []
    for frame in source:
        taken.append(frame.index)
        if len(taken) == 50:
            source.close()
    assert taken == list(range(50))


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (1280, 720), (64, 64), (400, 64)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_face_is_always_whole_and_in_the_frame(size, seed):
    puppet = Puppet(seed, size)
    for second in np.arange(0, 60, 0.5):
        points = puppet.truth(second)
        assert points.shape == (68, 2)
        assert points.dtype == np.float32
        assert (points >= 0).all()
        assert (points <= (size[0] - 1, size[1] - 1)).all()
        head = puppet.head(second)
        along = points[:17] @ (np.cos(head.roll), np.sin(head.roll))
        assert (np.diff(along) > 0).all()  # a turned head does not fold


def test_the_drawing_is_where_the_truth_says():
    """At the true points, lashes are dark and the lip is redder than the skin above it."""
    checked = 0
    for seed in range(4):
        source = Synthetic(seed)
        for index in range(0, 300, 50):
            if source._puppet.head(index / 30).blink > 0:
                continue
            checked += 1
            points, image = source.truth(index), source.frame(index).image.astype(float)

            def patch(x, y, image=image):
                return image[round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2].mean((0, 1))

            lid = points[[37, 38]].mean(0)
            assert patch(*lid).mean() < 110
            lip, skin = patch(*points[[51, 62]].mean(0)), patch(*(points[33] * 2 - points[30]))
            assert lip[2] / lip[1] > skin[2] / skin[1]
    assert checked > 10


def test_a_mirrored_head_is_the_mirrored_face(face_skeleton):
    left = still(yaw=-0.4, roll=-0.1).project(SHAPE)
    right = still(yaw=0.4, roll=0.1).project(SHAPE)[list(face_skeleton.flipped)]
    assert np.allclose(left * (-1, 1) + (640, 0), right, atol=1e-3)


def test_turning_moves_the_nose_where_it_should():
    tip = still().project(SHAPE)[30]
    assert np.allclose(tip[0], 320)
    assert still(yaw=0.3).project(SHAPE)[30, 0] > 330
    assert still(pitch=0.3).project(SHAPE)[30, 1] > tip[1] + 5
    rolled = still(roll=0.3).project(SHAPE)
    assert rolled[45, 1] > rolled[36, 1]  # clockwise: the right of the picture goes down


def test_expressions_move_only_what_they_mean():
    rest = still().face()
    eyes, mouth, brows = list(range(36, 48)), list(range(48, 68)), list(range(17, 27))
    for change, moved in (({"blink": 1}, eyes), ({"smile": 1}, mouth), ({"brow": 1}, brows)):
        others = [i for i in range(68) if i not in moved]
        face = still(**change).face()
        assert np.array_equal(face[others], rest[others])
        assert not np.array_equal(face[moved], rest[moved])
    opened = still(mouth=1).face()
    assert opened[66, 1] - opened[62, 1] > 0.2
    assert np.array_equal(opened[36:48], rest[36:48])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("sed=3", "no option 'sed'"),
        ("seed=x", "seed=x is not a whole number"),
        ("frames=0", "frames=0 is not"),
        ("fps=0", "fps=0 is not"),
        ("size=640", "size=640 is not WIDTHxHEIGHT"),
        ("size=8x8", "sides from 64"),
        ("seed=1,", "no option ''"),
    ],
)
def test_wrong_options_are_refused_by_name(options, message):
    with pytest.raises(SourceError, match=message):
        open_synthetic(f"synthetic:{options}")
