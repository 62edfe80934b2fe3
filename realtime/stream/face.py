"""What the 68 points of a face say to an avatar: the head's roll, the mouth, the eyes.

Points are those of skeleton `face68`, (68, 2) frame pixels, as a camera sees a subject that looks
at it: its right eye lies on the picture's left.
"""

from math import atan2

import numpy as np

from engines.geometry import Points

SHUT, OPEN = 0.15, 0.30  # eye aspect ratio of a shut and of an open eye
WIDE = 0.6  # gap of a wide-open mouth over its width
RIGHT_EYE, LEFT_EYE = 36, 42  # first of the six points of each


def roll(points: Points) -> float:
    """The head's turn in the picture plane, radians; positive towards the subject's left."""
    right, left = (points[eye : eye + 6].mean(axis=0) for eye in (RIGHT_EYE, LEFT_EYE))
    across, down = (left - right).tolist()
    return atan2(down, across)


def mouth(points: Points) -> float:
    """From 0, shut, to 1, wide open: the gap between the inner lips over their width."""
    return _share(_length(points, 62, 66), WIDE * _length(points, 60, 64))


def blink(points: Points, eye: int) -> float:
    """From 0, open, to 1, shut, by the eye aspect ratio (Soukupová and Čech, 2016).

    Args:
        eye: RIGHT_EYE or LEFT_EYE.
    """
    heights = _length(points, eye + 1, eye + 5) + _length(points, eye + 2, eye + 4)
    width = 2 * _length(points, eye, eye + 3)
    return 1 - _share(heights - SHUT * width, (OPEN - SHUT) * width)


def _length(points: Points, a: int, b: int) -> float:
    return float(np.hypot(*(points[a] - points[b])))


def _share(part: float, whole: float) -> float:
    """`part / whole` kept within 0 and 1; 0 of nothing."""
    return min(max(part / whole, 0.0), 1.0) if whole > 0 else 0.0
