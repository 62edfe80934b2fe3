import re
from html.parser import HTMLParser

import numpy as np
from toy import TRIANGLE, triangles

from engines import Skeleton
from train import svg


def points(drawn: str) -> np.ndarray:
    (text,) = re.findall(r'class="line s0" points="([^"]*)"', drawn)
    return np.array([[float(v) for v in pair.split(",")] for pair in text.split()])


def test_a_curve_runs_from_edge_to_edge_in_proportion() -> None:
    x = np.array([0.0, 50, 100])
    drawn = svg.curves({"a": (x, np.array([1.0, 3, 2]))}, label="a", x_label="step")
    (x0, y0), (x1, y1), (x2, y2) = points(drawn)
    assert (x0, x2) == (svg.LEFT, svg.WIDTH - svg.RIGHT)
    assert x1 - x0 == x2 - x1
    assert y0 - y1 == 2 * (y2 - y1)  # up is more


def test_a_wide_range_is_logarithmic() -> None:
    x = np.arange(3.0)
    spots = points(svg.curves({"a": (x, 10.0**-x * 100)}, label="", x_label=""))
    np.testing.assert_allclose(np.diff(spots[:, 1], 2), 0, atol=0.11)


def test_what_is_not_finite_or_not_there_is_left_out() -> None:
    x, y = np.arange(4.0), np.array([1, np.nan, np.inf, 2])
    assert len(points(svg.curves({"a": (x, y)}, label="", x_label=""))) == 2
    assert svg.curves({"a": (x[:0], y[:0])}, label="", x_label="") == ""
    assert "line" in svg.curves({"a": (x, np.ones(4))}, label="", x_label="")  # no range at all


def test_text_is_escaped_and_tags_are_closed() -> None:
    bad = "<b onload=alert(1)>&"
    x = np.arange(3.0)
    text = svg.curves({bad: (x, x)}, label=bad, x_label=bad) + svg.legend([bad])

    class Tags(HTMLParser):
        depth = 0
        seen: set[str] = set()  # noqa: RUF012

        def handle_starttag(self, tag, attrs):
            self.depth += 1
            self.seen.add(tag)

        def handle_startendtag(self, tag, attrs):
            self.seen.add(tag)

        def handle_endtag(self, tag):
            self.depth -= 1

    tags = Tags()
    tags.feed(text)
    assert tags.depth == 0
    assert "b" not in tags.seen


def test_each_pose_is_drawn_in_its_limbs_colours_and_its_own_cell(
    face_skeleton: Skeleton,
) -> None:
    shapes = triangles(5, np.random.default_rng(0))
    drawn = svg.poses(shapes, TRIANGLE, columns=3, label="found")
    assert drawn.count("<rect") == drawn.count("<polygon") == 5
    assert drawn.count('stroke="#ffffff"') == 5
    assert f'viewBox="0 0 {3 * svg.CELL} {2 * svg.CELL}"' in drawn
    first = re.findall(r'<polygon points="([\d., ]+)"', drawn)[0]
    spots = np.array([[float(v) for v in pair.split(",")] for pair in first.split()])
    np.testing.assert_allclose(spots, (shapes[0] + 1) * svg.CELL / 2, atol=0.06)
    faces = np.zeros((1, 68, 2))
    drawn = svg.poses(faces, face_skeleton, columns=3, label="")
    assert {limb.color for limb in face_skeleton.limbs} <= set(
        re.findall(r'stroke="(#\w+)"', drawn)
    )
