"""The check of one session, part by part."""

from collections.abc import Mapping
from typing import Any

from engines.errors import DataError
from realtime.event import Event, Kind
from realtime.record import Record
from realtime.reel import Reel
from realtime.session import Session, SessionError

REPAIR = "`keycam validate --repair` cuts it away"


class Check:
    """Reads a session through once. The first bad line of a file ends the reading of that file.

    Attributes:
        problems, notes: what is wrong, and what is allowed but worth knowing.
        frames, lost, dropped: counted in the poses, or as the end notes them.
        first_ns, last_ns: times of the first and the last pose; 0 without one.
        events: how many of each kind.
        reel: the video.
    """

    def __init__(self, session: Session) -> None:
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.frames = self.lost = self.dropped = 0
        self.first_ns = self.last_ns = 0
        self.events = dict.fromkeys(Kind, 0)
        self.reel = Reel(session)
        self._session = session
        self._filmed = 0  # poses that name a frame of the video
        self._film_ns = 0  # time of the first of them

    def all(self) -> None:
        """Do the whole check."""
        if not self._session.closed:
            self.notes.append("the recording was not closed: it goes on, or was killed")
        try:
            self._check_poses()
            self._check_end()
        except SessionError as error:
            self.problems.append(str(error))
        try:
            self._check_events()
            self._check_gaps()
        except SessionError as error:
            self.problems.append(str(error))

    def _check_poses(self) -> None:
        with self.reel:
            for number, record in enumerate(self._session, start=1):
                try:
                    self._count(record)
                    if record.video is not None:
                        self._compare(record)
                except DataError as error:
                    raise SessionError(f"line {number} of the poses: {error}") from error
            if self._session.truncated:
                self.problems.append(f"the last line of the poses is cut off; {REPAIR}")
            self.reel.skip_rest()

    def _count(self, record: Record) -> None:
        """Times and numbers rise, and no frame is unaccounted for."""
        if self.frames == 0:
            self.first_ns = record.time_ns
        elif record.time_ns <= self.last_ns:
            raise DataError("its time is not after that of the line before")
        self.last_ns = record.time_ns
        self.frames += 1
        self.lost += record.lost
        self.dropped += record.dropped
        known = self.frames + self.lost + self.dropped
        if record.frame + 1 != known:
            raise DataError(
                f"frame {record.frame} makes {record.frame + 1} captured, but up to here there are "
                f"{self.frames} recorded + {self.lost} lost + {self.dropped} dropped = {known}"
            )

    def _compare(self, record: Record) -> None:
        """The frame of the video it names is the next one, and has the same time."""
        if record.video != self._filmed:
            raise DataError(f"names frame {record.video} of the video; {self._filmed} is next")
        if self._filmed == 0:
            self._film_ns = record.time_ns
        self._filmed += 1
        time_s = self.reel.next()
        due_s = (record.time_ns - self._film_ns) / 1e9
        if time_s is not None and abs(time_s - due_s) > 2 * self.reel.tick_s:
            raise DataError(
                f"captured {due_s:.6f} s after the first frame of the video, which shows it "
                f"after {time_s:.6f} s"
            )

    def _check_end(self) -> None:
        """What the recorder noted at its end is what is there."""
        end = self._session.facts.get("end")
        if end is not None:
            self._agree("poses", end["frames"], self.frames)
            if end["captured"] != end["frames"] + end["lost"] + end["dropped"]:
                self.problems.append("the end: captured is not frames + lost + dropped")
            if end["lost"] < self.lost or end["dropped"] < self.dropped:
                self.problems.append("the end: less lost or dropped than in the poses")
            if end["lost"] == self.lost:  # nothing after the last line
                self._agree("dropped", end["dropped"], self.dropped)
            if "error" in end:
                self.notes.append(f"the recording stopped: {end['error'][:200]}")
            self.lost, self.dropped = end["lost"], end["dropped"]
        if self._session.facts.get("video"):
            self._check_video_end(end)
        elif self._filmed:
            self.problems.append(f"{self._filmed} poses name frames of a video there is not")

    def _check_video_end(self, end: Mapping[str, Any] | None) -> None:
        noted = (end or {}).get("video")
        if self.reel.cut_off:
            self.problems.append(f"the last fragment of the video is cut off; {REPAIR}")
        if noted is not None:
            self._agree("frames of the video", noted["frames"], self.reel.frames)
            if "error" in noted:
                self.notes.append(f"the video stopped: {noted['error'][:200]}")
        if self.reel.frames != self._filmed:
            whole = end is not None and "error" not in end and "error" not in (noted or {})
            has = f"has {self.reel.frames} frames" if self.reel.there else "never began"
            text = f"the video {has}, {self._filmed} poses name one"
            (self.problems if whole else self.notes).append(text)

    def _check_events(self) -> None:
        last: Event | None = None
        for number, event in enumerate(self._session.events(), start=1):
            if last is not None and (event.time_ns, event.frame) < (last.time_ns, last.frame):
                raise SessionError(f"line {number} of the events: earlier than the one before")
            last = event
            self.events[event.kind] += 1
        if self._session.truncated:
            self.problems.append(f"the last line of the events is cut off; {REPAIR}")

    def _check_gaps(self) -> None:
        """A gap begins with each loss of the camera that the end counts."""
        end = self._session.facts.get("end")
        if end is not None and "error" not in end:
            noted = end.get("gaps", {"count": 0})["count"]
            self._agree("losses of the camera", noted, self.events[Kind.LOST_CAMERA])

    def _agree(self, what: str, noted: int, found: int) -> None:
        if noted != found:
            self.problems.append(f"the end notes {noted} {what}, there are {found}")
