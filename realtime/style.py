"""How poses are drawn, and how that is said in a word or two."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from engines.errors import DataError
from realtime.strokes import Color

PARTS = {  # word: (limbs, joints)
    "skeleton": (True, True),
    "points": (False, True),
    "lines": (True, False),
    "nothing": (False, False),
}
SWITCHES = {  # word: the attribute it sets, and to what
    "trails": ("trails", True),
    "black": ("black", True),
    "names": ("names", True),
    "subjects": ("by_subject", True),
    "nosquare": ("square", False),
    "nohud": ("hud", False),
}
WIDTHS = {"limb": "limb_px", "joint": "joint_px"}
WIDEST = 64.0
LOOKS = (  # what `next` goes through: limbs, joints, black
    (True, True, False),
    (False, True, False),
    (True, False, False),
    (True, True, True),
    (False, True, True),
)
_COLOR = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True, kw_only=True)
class Style:
    """What is drawn of a pose. Widths are meant for 640 x 480 and grow with the picture.

    Attributes:
        limbs, joints: draw them.
        trails: draw where the keypoints have just been.
        black: on black instead of the frame.
        names: write each keypoint's name beside it.
        square: draw the corners of the square the tracker looked in.
        hud: print the state and the numbers on top of the picture.
        limb_px: width of the limbs.
        joint_px: diameter of the joints; None chooses by the number of keypoints.
        color: of all limbs, BGR; None for those of the skeleton's file.
        by_subject: each subject's limbs have a colour of its own.
    """

    limbs: bool = True
    joints: bool = True
    trails: bool = False
    black: bool = False
    names: bool = False
    square: bool = True
    hud: bool = True
    limb_px: float = 2.0
    joint_px: float | None = None
    color: Color | None = None
    by_subject: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read words and settings as in `points,black,joint=8`.

        Raises:
            DataError: one that there is not; the message lists them all.
        """
        values: dict[str, object] = {}
        for entry in filter(None, (own.strip().lower() for own in text.split(","))):
            name, equals, value = entry.partition("=")
            if entry in PARTS:
                values["limbs"], values["joints"] = PARTS[entry]
            elif entry in SWITCHES:
                attribute, on = SWITCHES[entry]
                values[attribute] = on
            elif equals and name in WIDTHS:
                values[WIDTHS[name]] = _width(entry, value)
            elif name == "color" and _COLOR.fullmatch(value):
                number = int(value[1:], 16)
                values["color"] = (number & 255, number >> 8 & 255, number >> 16)
            else:
                raise DataError(
                    f"no style {entry[:40]!r}; there are {', '.join([*PARTS, *SWITCHES])}, "
                    "limb=PIXELS, joint=PIXELS and color=#RRGGBB"
                )
        return cls(**values)  # type: ignore[arg-type]  # each is checked above

    def __str__(self) -> str:
        """What `parse` reads."""
        parts = [word for word, own in PARTS.items() if own == (self.limbs, self.joints)]
        parts += [word for word, (name, on) in SWITCHES.items() if getattr(self, name) is on]
        plain: Mapping[str, object] = vars(Style())
        for word, name in WIDTHS.items():
            if (width := getattr(self, name)) != plain[name]:
                parts.append(f"{word}={width:g}")
        if self.color is not None:
            blue, green, red = self.color
            parts.append(f"color=#{red:02x}{green:02x}{blue:02x}")
        return ",".join(parts)

    def next(self) -> Self:
        """The look after this one, in a circle; all that is not part of it stays."""
        own = (self.limbs, self.joints, self.black)
        at = LOOKS.index(own) if own in LOOKS else -1
        limbs, joints, black = LOOKS[(at + 1) % len(LOOKS)]
        return replace(self, limbs=limbs, joints=joints, black=black)


def _width(entry: str, value: str) -> float:
    try:
        width = float(value)
    except ValueError:
        width = 0.0
    if not 0 < width <= WIDEST:
        raise DataError(f"style {entry[:40]!r}: a width is a number of pixels up to {WIDEST:g}")
    return width
