import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines import DataError
from realtime.style import LOOKS, Style

byte = st.integers(0, 255)
styles = st.builds(
    Style,
    limbs=st.booleans(),
    joints=st.booleans(),
    trails=st.booleans(),
    black=st.booleans(),
    names=st.booleans(),
    square=st.booleans(),
    hud=st.booleans(),
    limb_px=st.integers(1, 640).map(lambda tenths: tenths / 10),
    joint_px=st.none() | st.integers(1, 640).map(lambda tenths: tenths / 10),
    color=st.none() | st.tuples(byte, byte, byte),
    by_subject=st.booleans(),
)


@given(styles)
def test_its_text_reads_back(style: Style) -> None:
    assert Style.parse(str(style)) == style


def test_words_and_settings_combine() -> None:
    style = Style.parse(" points, black,joint=8 ,color=#FF8001,limb=1.5")
    assert style == Style(limbs=False, black=True, joint_px=8, color=(1, 128, 255), limb_px=1.5)
    assert Style.parse("") == Style.parse("skeleton") == Style()


@pytest.mark.parametrize(
    "text", ["glitter", "limb", "limb=", "limb=0", "limb=-1", "joint=nan", "joint=1e9", "color=red",
             "color=#12345", "black=1", "skeleton=2"]
)  # fmt: skip
def test_what_there_is_not_is_refused_by_name(text: str) -> None:
    with pytest.raises(DataError, match=text.partition("=")[0]):
        Style.parse(f"points,{text}")


@given(styles)
def test_the_next_look_changes_the_look_alone_and_comes_back(style: Style) -> None:
    first = once = style.next()
    seen = set()
    for _ in LOOKS:
        seen.add((once.limbs, once.joints, once.black))
        assert (once.trails, once.names, once.color) == (style.trails, style.names, style.color)
        once = once.next()
    assert once == first
    assert len(seen) == len(LOOKS)
