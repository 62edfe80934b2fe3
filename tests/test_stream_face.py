from math import cos, radians, sin

import numpy as np
import pytest

from engines.geometry import Points
from realtime.stream.face import LEFT_EYE, RIGHT_EYE, blink, mouth, roll


def drawn_face(*, eyes: float = 0.3, gap: float = 0.0, turn: float = 0.0) -> Points:
    """A face looking at the camera; eye heights and the gap of the mouth as shares of the widths.

    `turn` is in degrees, clockwise in the picture.
    """
    points = np.zeros((68, 2))
    for first, x in ((RIGHT_EYE, -30), (LEFT_EYE, 30)):  # its right eye is on the picture's left
        high = eyes * 20 / 2
        outline = [(-10, 0), (-4, -high), (4, -high), (10, 0), (4, high), (-4, high)]
        points[first : first + 6] = np.add(outline, (x, -20))
    points[60], points[64] = (-20, 40), (20, 40)
    points[62], points[66] = (0, 40 - gap * 20), (0, 40 + gap * 20)
    angle = radians(turn)
    spin = np.array([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]])
    return (points @ spin.T + (100, 80)).astype(np.float32)


@pytest.mark.parametrize("degrees", [-40.0, 0.0, 25.0])
def test_roll_is_the_turn_in_the_picture(degrees: float) -> None:
    assert roll(drawn_face(turn=degrees)) == pytest.approx(radians(degrees), abs=1e-5)


@pytest.mark.parametrize(("gap", "wide"), [(0.0, 0.0), (0.3, 0.5), (0.6, 1.0), (0.9, 1.0)])
def test_mouth_goes_from_shut_to_wide(gap: float, wide: float) -> None:
    assert mouth(drawn_face(gap=gap, turn=20)) == pytest.approx(wide, abs=1e-5)


@pytest.mark.parametrize(("eyes", "shut"), [(0.0, 1.0), (0.15, 1.0), (0.225, 0.5), (0.3, 0.0)])
def test_blink_follows_the_eye_aspect_ratio(eyes: float, shut: float) -> None:
    for eye in (RIGHT_EYE, LEFT_EYE):
        assert blink(drawn_face(eyes=eyes, turn=-15), eye) == pytest.approx(shut, abs=1e-4)


def test_each_eye_has_its_own() -> None:
    points = drawn_face(eyes=0.3)
    points[LEFT_EYE : LEFT_EYE + 6] = drawn_face(eyes=0)[LEFT_EYE : LEFT_EYE + 6]
    assert blink(points, RIGHT_EYE) == pytest.approx(0, abs=1e-4)
    assert blink(points, LEFT_EYE) == pytest.approx(1)


def test_a_collapsed_face_is_no_number_too_large() -> None:
    flat = np.full((68, 2), 7, np.float32)
    assert (roll(flat), mouth(flat), blink(flat, LEFT_EYE)) == (0.0, 0.0, 1.0)
