import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines import Card, DataError, Limb, Skeleton
from engines.card import SCHEMA

words = st.text("abcxyz019_.+-", min_size=1, max_size=8)
colors = st.integers(0, 0xFFFFFF).map("#{:06x}".format)


@st.composite
def skeletons(draw: st.DrawFn) -> Skeleton:
    keypoints = tuple(draw(st.lists(words, min_size=2, max_size=9, unique=True)))
    indices = draw(st.permutations(range(len(keypoints))))
    closed = len(keypoints) > 2 and draw(st.booleans())
    return Skeleton(
        name=draw(words),
        keypoints=keypoints,
        limbs=(Limb(draw(words), draw(colors), tuple(indices), closed),),
        mirror=draw(st.sampled_from([(), ((indices[0], indices[1]),)])),
        rotation=draw(st.sampled_from(["upright", "any"])),
        forward=draw(st.sampled_from([None, (indices[1], indices[0])])),
    )


cards = st.builds(
    Card,
    kind=st.sampled_from(["tracker", "decoder"]),
    name=st.text(),
    skeleton=skeletons(),
    size=st.integers(16, 2048),
    margin=st.floats(0.5, 20),
    data=st.text(),
    licence=st.text(),
    method=st.text(),
    errors=st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False)),
    run=st.text("0123456789abcdef", min_size=64, max_size=64),
)


def changed(card: Card, **changes: Any) -> str:
    """The card's JSON with some entries replaced; None takes one away."""
    table = {**json.loads(card.to_json()), **changes}
    return json.dumps({key: value for key, value in table.items() if value is not None})


@given(cards)
def test_json_round_trip(card: Card) -> None:
    assert Card.from_json(card.to_json()) == card


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_only_numbers_are_written(mouse_card: Card, number: float) -> None:
    table = {**vars(mouse_card), "errors": {"faces": number}}
    with pytest.raises(ValueError, match="JSON"):
        Card(**table).to_json()


def test_facts_are_plain(face_card: Card) -> None:
    facts = json.loads(json.dumps(face_card.facts()))
    assert facts["skeleton"] == "face68"
    assert facts["size"] == face_card.size
    assert facts["errors"] == dict(face_card.errors)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"schema": None}, "schema is not keycam.model/1"),
    ({"schema": "keycam.model/2"}, "schema is not keycam.model/1"),
    ({"licence": None}, "lacks 'licence'"),
    ({"skeleton": None}, "lacks 'skeleton'"),
    ({"colour": 1}, "unknown entry 'colour'"),
    ({"kind": "renderer"}, "kind 'renderer' is neither tracker nor decoder"),
    ({"kind": ["tracker"]}, "is neither tracker nor decoder"),
    ({"name": 7}, "'name' is not text"),
    ({"data": ["faces"]}, "'data' is not text"),
    ({"licence": False}, "'licence' is not text"),
    ({"method": {}}, "'method' is not text"),
    ({"run": 1.5}, "'run' is not text"),
    ({"size": 15}, "size 15 is not 16 to 2048"),
    ({"size": 2049}, "size 2049 is not 16 to 2048"),
    ({"size": 64.0}, "size 64.0 is not 16 to 2048"),
    ({"size": True}, "size True is not 16 to 2048"),
    ({"margin": 0.4}, "margin 0.4 is not 0.5 to 20"),
    ({"margin": 10**400}, "is not 0.5 to 20"),
    ({"margin": "2"}, "margin '2' is not 0.5 to 20"),
    ({"margin": True}, "margin True is not 0.5 to 20"),
    ({"errors": []}, "errors are not a table of numbers"),
    ({"errors": {"faces": "0.1"}}, "errors are not a table of numbers"),
    ({"errors": {"faces": True}}, "errors are not a table of numbers"),
    ({"errors": {"faces": 10**400}}, "errors are not a table of numbers"),
    ({"skeleton": "face68"}, "skeleton: a table was expected"),
    ({"skeleton": {}}, "skeleton: 'keypoints' is missing"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED, ids=[f"{key}" for key, _ in REFUSED])
def test_refusals_name_the_entry(mouse_card: Card, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        Card.from_json(changed(mouse_card, **changes), "m.onnx")
    assert str(caught.value).startswith("m.onnx: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["", "{", "tracker", "[" * 100_000, '{"schema": NaN}', '{"schema": ' + "9" * 5000 + "}"],
    ids=["empty", "cut off", "text", "deep nesting", "NaN", "huge number"],
)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="not valid JSON"):
        Card.from_json(text)


def test_an_infinity_in_disguise_is_refused(mouse_card: Card) -> None:
    text = changed(mouse_card, errors={"faces": 7}).replace("7}", "1e999}")
    assert "1e999" in text
    with pytest.raises(DataError, match="errors are not a table of numbers"):
        Card.from_json(text)


@pytest.mark.parametrize("text", ["[]", "1", "null", f'["{SCHEMA}"]'])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="not a JSON object"):
        Card.from_json(text)


def test_a_huge_card_is_refused(mouse_card: Card) -> None:
    with pytest.raises(DataError, match="larger than"):
        Card.from_json(changed(mouse_card, data="x" * (1 << 20)))


def test_an_edge_out_of_range_is_named(mouse_card: Card) -> None:
    skeleton = mouse_card.skeleton.to_dict()
    skeleton["limbs"][0]["path"] = [0, 4]
    with pytest.raises(DataError, match=r"skeleton: limb 'face_left': index 4 is out of range"):
        Card.from_json(changed(mouse_card, skeleton=skeleton))
