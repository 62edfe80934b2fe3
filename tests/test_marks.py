import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines import DataError, Skeleton
from train.marks import read_marks, to_toml, trails

SIZES = [(64, 48), (64, 48), (100, 80)]
MARKED = {
    "name": "lamp",
    "rotation": "any",
    "keypoints": ["foot", "knee", "left", "right"],
    "mirror": [[2, 3]],
    "forward": [0, 1],
    "limbs": [
        {"name": "arm", "color": "#8ecae6", "edges": [[0, 1]]},
        {"name": "head", "color": "#fb8500", "edges": [[1, 2], [2, 3], [3, 1]]},
    ],
    "poses": [
        {"frame": 2, "points": [[1, 2], [3.5, 4], [5, 6], [7, 8]]},
        {"frame": 0, "points": [[1, 2], None, [5, 6], [7, 8]]},
    ],
}


def sent(**changes: object) -> bytes:
    return json.dumps(MARKED | changes).encode()


def test_what_was_marked_becomes_a_skeleton_and_its_complete_poses() -> None:
    marks = read_marks(sent(), SIZES)
    assert marks.skeleton.keypoints == ("foot", "knee", "left", "right")
    assert marks.skeleton.mirror == ((2, 3),)
    assert (marks.skeleton.rotation, marks.skeleton.forward) == ("any", (0, 1))
    assert [(limb.name, limb.path) for limb in marks.skeleton.limbs] == [
        ("arm", (0, 1)),
        ("head", (1, 2, 3, 1)),
    ]
    np.testing.assert_array_equal(marks.poses, [[[1, 2], [3.5, 4], [5, 6], [7, 8]]])
    np.testing.assert_array_equal(marks.sizes, [[100, 80]])
    assert read_marks(sent(forward=None), SIZES).skeleton.forward is None


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda e: e[0] != e[1])))
def test_every_edge_is_in_one_path_once(edges: list[tuple[int, int]]) -> None:
    wanted = {frozenset(edge) for edge in edges}
    walked = [frozenset(step) for path in trails(edges) for step in pairwise(path)]
    assert len(walked) == len(wanted)
    assert set(walked) == wanted


def test_a_chain_is_one_path_however_it_was_clicked() -> None:
    assert trails([(2, 1), (3, 2), (0, 1)]) in ([[0, 1, 2, 3]], [[3, 2, 1, 0]])
    assert trails([(0, 1), (0, 1), (1, 0)]) == [[0, 1]]
    assert len(trails([(0, 1), (2, 3)])) == 2


@pytest.mark.parametrize("name", ["face68", "mouse4", "h36m17"])
def test_toml_gives_the_same_skeleton_again(name: str, tmp_path: Path) -> None:
    skeleton = Skeleton.load(name)
    file = tmp_path / "s.toml"
    file.write_text(to_toml(skeleton))
    assert Skeleton.load(file) == skeleton


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"keypoints": ["foot", "knee", "left", "left"]}, "'left' is named twice"),
        ({"keypoints": ["foot", "kn ee", "left", "right"]}, "kn ee"),
        ({"keypoints": ['a"]', "knee", "left", "right"]}, "must be a word"),
        ({"keypoints": []}, "1 to 512 names"),
        ({"limbs": []}, "at least one edge"),
        ({"limbs": [{"name": "x", "color": "red", "edges": [[0, 1]]}]}, "color"),
        ({"limbs": [{"name": "x", "color": "#000000", "edges": [[0, 9]]}]}, "out of range"),
        ({"limbs": [{"name": "x", "color": "#000000", "edges": [[0, 0]]}]}, "no edge"),
        ({"limbs": [{"name": "x", "color": "#000000", "edges": [[0, True]]}]}, "no edge"),
        ({"limbs": [{"name": {}, "color": "#000000", "edges": [[0, 1]]}]}, "must be a word"),
        ({"limbs": [{"name": "x", "color": "#000000", "edges": [[0, 1]] * 9999}]}, "9999 edges"),
        ({"limbs": 7}, "cannot be read"),
        ({"forward": [0, 0]}, "to itself"),
        ({"mirror": [[0, 1], [1, 2]]}, "two pairs"),
        ({"rotation": "sideways"}, "rotation"),
        ({"poses": MARKED["poses"][1:]}, "no frame has all 4"),
        ({"poses": []}, "no frame has all 4"),
        ({"poses": [{"frame": 3, "points": [[1, 2]] * 4}]}, "no frame 3"),
        ({"poses": [{"frame": -1, "points": [[1, 2]] * 4}]}, "no frame -1"),
        ({"poses": [{"frame": 0, "points": [[1, 2]] * 3}]}, "a pose of 3 points"),
        ({"poses": [{"frame": 0, "points": [[1, float("nan")]] * 4}]}, "no place"),
        ({"poses": [{"frame": 0, "points": [[1, 1e300]] * 4}]}, "no place"),
        ({"poses": [{"frame": 0, "points": [[1, 2, 3]] * 4}]}, "cannot be read"),
        ({"poses": [{"frame": 0, "points": [["x", 2]] * 4}]}, "cannot be read"),
    ],
)
def test_what_is_no_skeleton_is_refused(changes: dict, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_marks(sent(**changes), SIZES)


@pytest.mark.parametrize(
    "data", [b"", b"null", b"[1]", b"{}", b"\xff", b"[" * 100_000, b'{"limbs": []}', b"7"]
)
def test_what_is_no_json_of_the_page_is_refused(data: bytes) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_marks(data, SIZES)
