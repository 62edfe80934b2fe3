"""What the user may do while the loop runs, whoever asks: a key, a page in the browser, a program.

Anyone calls `ask`, from any thread; nothing happens there and then. The loop's thread acts once per
frame, between two frames, so whatever an action touches needs no lock. `state` can be read from any
thread at any time and never changes under its reader.

    PAUSE      the picture stands still. A camera's frames go on being taken, tracked, recorded and
               sent, so nothing is missing and nothing ages; a file stands still as a whole
    RECORD     start or end a recording, each in a session folder of its own (`realtime.deck`)
    SNAPSHOT   write the picture as it is shown and the frame as it came (`realtime.snapshot`)
    MARK       note an event in the recordings that run, with a text if there is one
    MIRROR     show the picture as in a mirror; recordings and streams are never mirrored
    RAW        draw keypoints as found instead of smoothed; both are always recorded
    TRAILS     draw where the keypoints have just been
    STYLE      draw in another style: the next one, or the one named as for `--style`
    HELP       show the keys
    REFERENCE  re-pose another picture: the next one, or the one named
    CALIBRATE  take the present pose as the neutral one
    QUIT       end the loop
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from threading import Event, Lock
from time import monotonic
from typing import Any, TypeAlias

from engines.errors import DataError
from realtime.event import MAX_TEXT
from realtime.frame import Frame, Pose
from realtime.style import Style
from realtime.timing import Timings

WAITING = 64  # askings kept until the loop comes to them; older ones are forgotten
SAID_S = 3.0  # for which what was done is shown


class Action(StrEnum):
    PAUSE = "pause"
    RECORD = "record"
    SNAPSHOT = "snapshot"
    MARK = "mark"
    MIRROR = "mirror"
    RAW = "raw"
    TRAILS = "trails"
    STYLE = "style"
    HELP = "help"
    REFERENCE = "reference"
    CALIBRATE = "calibrate"
    QUIT = "quit"


FLAGS = {  # of the settings
    Action.PAUSE: "paused",
    Action.MIRROR: "mirrored",
    Action.RAW: "raw",
    Action.HELP: "help",
}
SWITCHES = frozenset({*FLAGS, Action.RECORD, Action.TRAILS})  # true or false sets, none turns over
NAMED = frozenset({Action.MARK, Action.STYLE, Action.REFERENCE})  # a value may be a text

Value: TypeAlias = str | bool | None
Handler: TypeAlias = Callable[[Frame, Value], None]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the controls are set to.

    Attributes:
        recording: folder of the recording that runs; None without one.
    """

    paused: bool = False
    mirrored: bool = False
    raw: bool = False
    help: bool = False
    style: Style = Style()  # noqa: RUF009 (frozen)
    recording: Path | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON; the style as for `--style`, the recording by its folder's name."""
        return {
            "paused": self.paused,
            "mirrored": self.mirrored,
            "raw": self.raw,
            "help": self.help,
            "trails": self.style.trails,
            "style": str(self.style),
            "recording": self.recording and self.recording.name,
        }


class Controls:
    """The switchboard of one loop, and its first sink: there it acts.

    Whoever can do RECORD, SNAPSHOT, MARK, REFERENCE or CALIBRATE says so by `on`, before the loop
    starts; all other actions are done here.
    """

    def __init__(self, stop: Event, settings: Settings | None = None) -> None:
        """
        Args:
            stop: what ends the loop; QUIT sets it at once, so that a loop that waits for a frame
                that never comes ends as well.
        """
        self._stop = stop
        self._lock = Lock()
        self._asked: deque[tuple[Action, Value]] = deque(maxlen=WAITING)
        self._handlers: dict[Action, list[Handler]] = {}
        self._state = settings or Settings()
        self._said, self._said_s = "", 0.0
        self._noticed = ""  # what of it the picture was told

    @property
    def state(self) -> Settings:
        return self._state

    @property
    def stopping(self) -> bool:
        """Whether the loop is to end."""
        return self._stop.is_set()

    @property
    def actions(self) -> frozenset[Action]:
        """What has an effect here."""
        own = set(Action) - {Action.RECORD, Action.SNAPSHOT, Action.MARK}
        return frozenset((own - {Action.REFERENCE, Action.CALIBRATE}) | set(self._handlers))

    @property
    def said(self) -> str:
        """What was done last, for people; "" once it is old."""
        return self._said if monotonic() - self._said_s < SAID_S else ""

    def on(self, action: Action, handler: Handler) -> None:
        """Let `handler(frame, value)` be called for `action`, after those already there.

        It runs on the loop's thread with the frame that came last. Of a switch, the value is
        what it is to be, or None to turn it over.
        """
        self._handlers.setdefault(action, []).append(handler)

    def ask(self, action: Action | str, value: Value = None) -> None:
        """Have something done before the next frame is shown; safe from any thread.

        Raises:
            DataError: there is no such action, or it takes no such value.
        """
        wanted = checked(action, value)
        if wanted[0] is Action.QUIT:
            self._stop.set()
        with self._lock:
            self._asked.append(wanted)

    def say(self, text: str) -> None:
        """Let the user see `text` for a moment."""
        self._said, self._said_s = text, monotonic()

    def recording(self, folder: Path | None) -> None:
        """Note that a recording runs in `folder`, or none; for whoever records."""
        self._state = replace(self._state, recording=folder)

    def act(self, frame: Frame) -> None:
        """Do what was asked for since the last call; on the loop's thread."""
        with self._lock:
            asked = list(self._asked)
            self._asked.clear()
        for action, value in asked:
            if action in self.actions:
                self._do(action, value)
                for handler in self._handlers.get(action, ()):
                    handler(frame, value)
            else:
                self.say(f"nothing here to {action}")

    def take(self, frame: Frame, pose: Pose, stats: Timings) -> None:  # noqa: ARG002 (a sink)
        self.act(frame)
        if stats.notice in ("", self._noticed):  # another's goes first
            stats.notice = self._noticed = self.said

    def close(self) -> None:
        pass

    def _do(self, action: Action, value: Value) -> None:
        state = self._state
        if action in FLAGS:
            on = not getattr(state, FLAGS[action]) if value is None else bool(value)
            changed: Any = {FLAGS[action]: on}
            self._state = replace(state, **changed)
        elif action is Action.TRAILS:
            on = not state.style.trails if value is None else bool(value)
            self._state = replace(state, style=replace(state.style, trails=on))
        elif action is Action.STYLE:
            style = state.style.next() if value is None else Style.parse(str(value))
            self._state = replace(state, style=style)


def checked(action: Action | str, value: Value) -> tuple[Action, Value]:
    """The action with its value, if it can be asked for.

    Raises:
        DataError: there is no such action, or it takes no such value.
    """
    try:
        known = Action(action)
    except ValueError as error:
        every = ", ".join(Action)
        raise DataError(f"no action {str(action)[:40]!r}; there are {every}") from error
    fits = (
        value is None
        or (type(value) is bool and known in SWITCHES)
        or (isinstance(value, str) and known in NAMED and len(value) <= MAX_TEXT)
    )
    if not fits:
        raise DataError(f"{known} takes no value {str(value)[:40]!r}")
    if known is Action.STYLE and isinstance(value, str):
        Style.parse(value)
    return known, value
