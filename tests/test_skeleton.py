import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from engines import DataError, Skeleton

BUILTIN = ("face68", "h36m17", "mouse4")


def chain(first: int, last: int, closed: bool = False) -> list[tuple[int, int]]:
    ends = [(last, first)] if closed else []
    return [*pairwise(range(first, last + 1)), *ends]


def table(**changes: Any) -> dict[str, Any]:
    """A small valid skeleton, with some of its entries replaced; None takes one away."""
    limb = {"name": "back", "color": "#ff8800", "path": ["snout", "tail"]}
    plain = {"name": "rat", "keypoints": ["snout", "ear", "tail"], "limbs": [limb]}
    return {key: value for key, value in {**plain, **changes}.items() if value is not None}


def limb(**changes: Any) -> dict[str, Any]:
    return table(limbs=[{"name": "back", "color": "#ff8800", "path": [0, 2], **changes}])


def as_toml(skeleton: Skeleton) -> str:
    plain = skeleton.to_dict()
    limbs = plain.pop("limbs")
    lines = [f"{key} = {json.dumps(value)}" for key, value in plain.items()]
    for entry in limbs:
        lines.append("[[limbs]]")
        lines.extend(f"{key} = {json.dumps(value)}" for key, value in entry.items())
    return "\n".join(lines)


def test_builtin_names() -> None:
    assert sorted(Skeleton.builtin_names()) == sorted(BUILTIN)


def test_face68_edges() -> None:
    face = Skeleton.load("face68")
    expected = [
        *chain(0, 16),  # jaw
        *chain(17, 21),  # brows
        *chain(22, 26),
        *chain(27, 30),  # nose bridge
        *chain(31, 35),  # nostrils
        *chain(36, 41, closed=True),  # eyes
        *chain(42, 47, closed=True),
        *chain(48, 59, closed=True),  # lips
        *chain(60, 67, closed=True),
    ]
    assert len(face.keypoints) == 68
    assert len(face.edges) == 63
    assert list(face.edges) == expected


def test_face68_mirror() -> None:
    expected = {(i, 16 - i) for i in range(8)} | {(17 + i, 26 - i) for i in range(5)}
    expected |= {(31, 35), (32, 34)}
    expected |= {(36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)}
    expected |= {(48, 54), (49, 53), (50, 52), (55, 59), (56, 58)}
    expected |= {(60, 64), (61, 63), (65, 67)}
    face = Skeleton.load("face68")
    assert {(min(pair), max(pair)) for pair in face.mirror} == expected
    unpaired = set(range(68)) - {end for pair in expected for end in pair}
    assert unpaired == {8, 27, 28, 29, 30, 33, 51, 57, 62, 66}
    assert face.rotation == "upright"


def test_mouse4() -> None:
    mouse = Skeleton.load("mouse4")
    assert mouse.keypoints == ("snout", "leftear", "rightear", "tailbase")
    assert mouse.mirror == ((1, 2),)
    assert set(mouse.edges) == {(0, 1), (0, 2), (1, 2), (1, 3), (2, 3)}
    assert mouse.rotation == "any"
    assert mouse.forward == (3, 0)


def test_h36m17_is_a_tree() -> None:
    body = Skeleton.load("h36m17")
    assert len(body.keypoints) == 17
    assert len(body.edges) == 16
    reached = {0}
    for _ in body.edges:
        reached |= {end for edge in body.edges if reached & set(edge) for end in edge}
    assert reached == set(range(17))


def test_h36m17_mirror_changes_left_and_right() -> None:
    body = Skeleton.load("h36m17")
    swap = {"l": "r", "r": "l"}
    for name, old in zip(body.keypoints, body.flipped, strict=True):
        side, dash, joint = name.partition("_")
        assert body.keypoints[old] == (swap[side] + dash + joint if dash else name)


@pytest.mark.parametrize("name", BUILTIN)
def test_mirrored_edges_are_edges(name: str) -> None:
    skeleton = Skeleton.load(name)
    edges = {frozenset(edge) for edge in skeleton.edges}
    flipped = {frozenset(skeleton.flipped[end] for end in edge) for edge in edges}
    assert flipped == edges


@pytest.mark.parametrize("name", BUILTIN)
def test_flipping_twice_changes_nothing(name: str) -> None:
    flipped = Skeleton.load(name).flipped
    assert [flipped[i] for i in flipped] == list(range(len(flipped)))


@pytest.mark.parametrize("name", BUILTIN)
def test_json_round_trip(name: str) -> None:
    skeleton = Skeleton.load(name)
    assert Skeleton.from_dict(json.loads(json.dumps(skeleton.to_dict()))) == skeleton


@pytest.mark.parametrize("name", BUILTIN)
def test_toml_round_trip(name: str, tmp_path: Path) -> None:
    skeleton = Skeleton.load(name)
    path = tmp_path / "copy.toml"
    path.write_text(as_toml(skeleton), "utf-8")
    assert Skeleton.load(path) == skeleton
    assert Skeleton.load(str(path)) == skeleton


def test_names_and_indices_mean_the_same() -> None:
    by_index = table(mirror=[[0, 2]], forward=[2, 1])
    by_name = table(mirror=[["snout", "tail"]], forward=["tail", "ear"])
    assert Skeleton.from_dict(by_index) == Skeleton.from_dict(by_name)
    assert Skeleton.from_dict(limb()) == Skeleton.from_dict(limb(path=["snout", "tail"]))


def test_closed_limb_joins_its_ends() -> None:
    skeleton = Skeleton.from_dict(limb(path=[0, 1, 2], closed=True))
    assert skeleton.edges == ((0, 1), (1, 2), (2, 0))
    assert skeleton.limbs[0].rgb == (255, 136, 0)


REFUSED = [
    (table(name=None), "'name' is missing"),
    (table(keypoints=None), "'keypoints' is missing"),
    (table(limbs=None), "'limbs' is missing"),
    (table(edges=[]), "unknown key 'edges'"),
    (table(name="two words"), "name 'two words' must be a word"),
    (table(name=7), "name 7 must be a word"),
    (table(keypoints="snout"), "'keypoints' must be a list"),
    (table(keypoints=[]), "'keypoints' must be a list of 1 to 512 names"),
    (table(keypoints=[f"k{i}" for i in range(513)]), "1 to 512 names"),
    (table(keypoints=["snout", 1, "tail"]), "keypoint name 1 must be a word"),
    (table(keypoints=["snout", "tail", "tail"]), "keypoint 'tail' is named twice"),
    (table(limbs=[]), "'limbs' is empty"),
    (table(limbs={"name": "back"}), "'limbs' must be a list"),
    (table(limbs=["back"]), "a table was expected"),
    (limb(width=2), "unknown key 'width'"),
    (limb(name=""), "limb name '' must be a word"),
    (limb(color="orange"), "limb 'back': color 'orange'"),
    (limb(color=0xFF8800), "limb 'back': color"),
    (limb(closed="yes"), "limb 'back': closed must be true or false"),
    (limb(path=[0, 3]), "limb 'back': index 3 is out of range 0..2"),
    (limb(path=[-1, 0]), "limb 'back': index -1 is out of range 0..2"),
    (limb(path=[0, "whisker"]), "limb 'back': there is no keypoint 'whisker'"),
    (limb(path=[0, 1.0]), "limb 'back': there is no keypoint 1.0"),
    (limb(path=[0, True]), "limb 'back': there is no keypoint True"),
    (limb(path="snout"), "'path' must be a list"),
    (limb(path=[0]), "limb 'back': a path needs at least 2 keypoints"),
    (limb(path=[0, 1], closed=True), "limb 'back': a path needs at least 3 keypoints"),
    (limb(path=[0, 1, 1]), "limb 'back': the path steps from a keypoint to itself"),
    (limb(path=[0, 1, 0], closed=True), "limb 'back': the path steps from a keypoint to itself"),
    (table(mirror="snout"), "'mirror' must be a list"),
    (table(mirror=[["snout", "ear", "tail"]]), "mirror: ['snout', 'ear', 'tail'] is not a pair"),
    (table(mirror=[["snout", "snout"]]), "mirror: ['snout', 'snout'] joins a keypoint to itself"),
    (table(mirror=[[0, 1], [1, 2]]), "mirror: 'ear' is in two pairs"),
    (table(mirror=[[0, 9]]), "mirror: index 9 is out of range 0..2"),
    (table(rotation="some"), "rotation is 'some'"),
    (table(rotation=["any"]), "rotation is ['any']"),
    (table(forward=["tail"]), "forward: ['tail'] is not a pair"),
    (table(forward=[0, 5]), "forward: index 5 is out of range 0..2"),
]


@pytest.mark.parametrize(("wrong", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_refusals_name_the_entry(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        Skeleton.from_dict(wrong, where="rat.toml")
    assert str(caught.value).startswith("rat.toml: ")
    assert message in str(caught.value)


def test_a_table_was_expected() -> None:
    with pytest.raises(DataError, match="a table was expected"):
        Skeleton.from_dict(["snout"])  # type: ignore[arg-type]


def test_control_characters_stay_out_of_messages() -> None:
    with pytest.raises(DataError) as caught:
        Skeleton.from_dict(table(**{"a\nb\x1b[2J": 1}))
    assert str(caught.value).isprintable()


def test_a_hundred_thousand_mirror_pairs_are_refused() -> None:
    with pytest.raises(DataError, match="in two pairs"):
        Skeleton.from_dict(table(mirror=[[0, 1]] * 100_000))


BROKEN_FILES = [
    (b"\xff\xfe\x00\x01" * 64, "not a readable TOML skeleton"),
    (b"just words\n", "not a readable TOML skeleton"),
    (b"x = " + b"[" * 50_000, "not a readable TOML skeleton"),
    (b"x = " + b"9" * 10_000, "not a readable TOML skeleton"),
    (b"# " + b"x" * (1 << 20), "too large"),
    (b"", "'keypoints' is missing"),
]


@pytest.mark.parametrize(
    ("content", "message"),
    BROKEN_FILES,
    ids=["binary", "text", "deep nesting", "huge number", "huge file", "empty"],
)
def test_broken_files(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        Skeleton.load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["face69", "no/such/file.toml", "."])
def test_no_such_skeleton_lists_the_builtin_ones(name: str) -> None:
    with pytest.raises(DataError, match=r"face68, h36m17, mouse4") as caught:
        Skeleton.load(name)
    assert f"'{name}'" in str(caught.value)
