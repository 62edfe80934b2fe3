"""The search: over the whole frame for a subject nobody follows, a few squares in each frame.

A sweep goes from coarse squares to fine ones and is spread over several frames. Where subjects have
an up, the squares of the second and third of three sweeps are turned, so that together they find
what lies any way but upside down, and the closer look finds that, too.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import pi

from engines.geometry import Image, Roi
from engines.search import search_rois
from realtime.assign import SAME
from realtime.follower import ENTER, LEAVE, SURE, agree, perturbed
from realtime.look import Look, Looker

SEARCH_CROPS = 8  # squares per frame and inference while nothing is followed,
ASIDE_CROPS = 2  # while something is
REFINEMENTS = 5  # closer looks at the best of them, at most
SWEEPS = (0.0, 1.0, -1.0)  # radians: turns of the squares of one sweep after another
QUARTERS = (pi / 2, pi, -pi / 2)


class Searcher:
    """Searches one frame after another; at most SEARCH_CROPS + REFINEMENTS crops in each."""

    def __init__(self, looker: Looker) -> None:
        self._looker = looker
        self._skeleton = looker.engine.card.skeleton
        self._turns = SWEEPS if looker.upright else (0.0,)
        self.reset()

    def reset(self) -> None:
        """Begin the sweeps anew."""
        self._swept = 0  # squares of the sweeps looked at since the search began
        self._hint: Roi | None = None  # a promising square of the frame before

    @property
    def batches(self) -> set[int]:
        """How many squares are looked in at once."""
        return {1, ASIDE_CROPS, SEARCH_CROPS} | ({len(QUARTERS)} if self._looker.upright else set())

    def search(self, image: Image, taken: Sequence[Roi]) -> Look | None:
        """The next few squares of the sweeps, then closer looks at the best of them.

        What the closer look finds is looked at once more in a square that lies otherwise. What is
        promising, and no more, is the first square of the next frame.

        Args:
            taken: the squares round those that are followed; they are not found again.
        """
        hint, left = self._hint, REFINEMENTS
        rois = self._squares(image, ASIDE_CROPS if taken else SEARCH_CROPS)
        self._hint = None
        for look in sorted(self._looker.look(image, rois), key=lambda look: -look.score):
            if look.score < LEAVE or not left:
                break
            if _known(look, taken):
                continue
            closer, left = self._closer(image, look.own, left)
            if _known(closer, taken):
                continue
            if closer.score >= ENTER and self._looker.fills(closer, image) and left:
                again, left = self._looker.look(image, [perturbed(closer.own, left)])[0], left - 1
                if agree(closer, again, self._skeleton):
                    return closer
            elif closer.score >= LEAVE and look.roi is not hint:
                self._hint = closer.own
        return None

    def _closer(self, image: Image, roi: Roi, left: int) -> tuple[Look, int]:
        """What is found in `roi`, and how many of `left` looks are left.

        The network reads an upright pose into what lies on its side or upside down, too, but is not
        sure of it; then the other quarter turns are looked at, as far as that can be done.
        """
        closer, left = self._looker.look(image, [roi])[0], left - 1
        unsure = self._looker.upright and LEAVE <= closer.score < SURE
        if not unsure or left < len(QUARTERS):
            return closer, left
        rois = [replace(roi, angle=roi.angle + turn) for turn in QUARTERS]
        looks = [closer, *self._looker.look(image, rois)]
        return max(looks, key=lambda look: look.score), left - len(rois)

    def _squares(self, image: Image, count: int) -> list[Roi]:
        """The hint, if there is one, and the next squares of the sweeps."""
        height, width = image.shape[:2]
        rois = [] if self._hint is None else [self._hint]
        while len(rois) < count:
            number, at = divmod(self._swept, len(search_rois(width, height)))
            rois.append(search_rois(width, height, self._turns[number % len(self._turns)])[at])
            self._swept += 1
        return rois


def _known(look: Look, taken: Sequence[Roi]) -> bool:
    return any(look.own.overlap(own) >= SAME for own in taken)
