"""Whether a session is what it should be, and what is wrong with it if not."""

from dataclasses import dataclass, field
from pathlib import Path

from realtime.check import Check
from realtime.session import FACTS_FILE, SessionError, is_session, open_session


@dataclass(kw_only=True)
class Verdict:
    """What was found in a session.

    Attributes:
        valid: whether there are no problems.
        problems: what is wrong, one sentence each.
        notes: what is worth knowing, but allowed.
        closed: whether the recording was ended properly, not killed.
        captured: frames the source captured up to the last that was processed: the sum of frames
            (recorded), lost (processed and not recorded) and dropped (by the source).
        span_s: from the first recorded frame to the last.
        events: how many there are of each kind.
        video_frames: in whole fragments; None without a video.
    """

    session: str
    valid: bool = False
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    closed: bool = False
    captured: int = 0
    frames: int = 0
    lost: int = 0
    dropped: int = 0
    span_s: float = 0.0
    events: dict[str, int] = field(default_factory=dict)
    video_frames: int | None = None

    def to_text(self) -> str:
        events = ", ".join(f"{count} {kind}" for kind, count in self.events.items()) or "none"
        video = "none" if self.video_frames is None else f"{self.video_frames} frames"
        lines = [
            f"session   {self.session}",
            f"captured  {self.captured} = {self.frames} recorded + {self.lost} lost "
            f"+ {self.dropped} dropped, over {self.span_s:.3f} s",
            f"events    {events}",
            f"video     {video}",
            *(f"note      {note}" for note in self.notes),
            *(f"problem   {problem}" for problem in self.problems),
            "valid" if self.valid else "not valid",
        ]
        return "\n".join(lines)


def validate(path: str | Path) -> Verdict:
    """Check a session: its facts, lines, times, ledger, events and video.

    Files are read as streams and with bounds, so a hostile one costs little. Pictures of the video
    are counted and their times compared, not decoded.

    Raises:
        SessionError: there is no session at all.
    """
    if not is_session(Path(path)):
        raise SessionError(f"{path}: no session there (no {FACTS_FILE}); name a recorded folder")
    try:
        session = open_session(path)
    except SessionError as error:
        return Verdict(session=str(path), problems=[str(error)])
    check = Check(session)
    check.all()
    return Verdict(
        session=str(path),
        valid=not check.problems,
        problems=check.problems,
        notes=check.notes,
        closed=session.closed,
        captured=check.frames + check.lost + check.dropped,
        frames=check.frames,
        lost=check.lost,
        dropped=check.dropped,
        span_s=(check.last_ns - check.first_ns) / 1e9,
        events={kind.value: count for kind, count in check.events.items() if count},
        video_frames=check.reel.frames if check.reel.there else None,
    )
