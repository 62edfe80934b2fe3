"""How the pictures are shown at first, and where what is made on demand goes."""

from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Self

from realtime.controls import Controls, Settings
from realtime.filename import check_writable
from realtime.style import Style


@dataclass(frozen=True, kw_only=True)
class Viewing:
    """What a user may wish for the pictures; keys change the first two while the loop runs.

    Attributes:
        record_to: folder for recordings and snapshots on demand.
        record_video: recordings on demand hold the frames, too.
    """

    style: Style = Style()  # noqa: RUF009 (frozen)
    mirrored: bool = False
    record_to: Path = Path()
    record_video: bool = False

    @classmethod
    def of(
        cls,
        *,
        style: str = "",
        mirror: bool = False,
        record_to: Path | None = None,
        record_video: bool = False,
    ) -> Self:
        """From the options of a command.

        Raises:
            DataError: there is no such style, or `record_to` cannot be written.
        """
        if record_to is not None:
            check_writable(record_to)
        return cls(
            style=Style.parse(style),
            mirrored=mirror,
            record_to=record_to or Path(),
            record_video=record_video,
        )

    def controls(self, stop: Event) -> Controls:
        """Controls set to this."""
        return Controls(stop, Settings(style=self.style, mirrored=self.mirrored))
