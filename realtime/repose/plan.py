"""What is to be re-posed, and how: the options of the commands."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from realtime.repose.layout import Layout
from realtime.repose.mark import MARK
from realtime.repose.reference import BUILT_IN

DEFAULT_DECODER = "face68-decoder"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a reference is re-posed.

    Attributes:
        references: as for `open_references`; the first is shown.
        decoder: as for `engines.load_decoder`.
        relative: move the reference's own shape; otherwise take the driver's.
        layout: of the picture that is shown and written.
        mark: write "re-posed by keycam" into the pictures; files say so in any case.
    """

    references: tuple[str, ...] = (BUILT_IN,)
    decoder: str = DEFAULT_DECODER
    relative: bool = True
    layout: Layout = "beside"
    mark: bool = True

    @property
    def comment(self) -> str:
        """What a video file says about itself."""
        return f"{MARK} {version('keycam')}"

    def facts(self) -> Mapping[str, Any]:
        """Plain JSON for a session."""
        return {
            "by": MARK,
            "references": list(self.references),
            "decoder": self.decoder,
            "transfer": "relative" if self.relative else "absolute",
            "mark": self.mark,
        }
