"""What `session.json` says, and the check that it says so.

schema    SCHEMA
keycam    version of the recorder
model     card, file, sha256, engine (what ran, and on which device), precision; {} if unknown
source    name, live, size [width, height], fps or null, camera: id, index, mode; or null
skeleton  as in a skeleton file
clock     the same moment on both clocks: monotonic_ns and wall (ISO 8601 with its zone)
options   of the command that recorded
video     file, codec, lossless; null without one
end       only once the recording was closed: frames (lines of poses), lost (processed and not
          recorded), dropped (by the source), captured (the sum of the three), clock, gaps (if the
          camera was lost: count, and seconds until the frames that ended them), video
          (frames in it; lost: recorded without one), error (what stopped it, if anything did)
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engines.errors import DataError
from realtime.record import check_keys, whole

SCHEMA = "keycam.session/1"
MAX_FACTS_BYTES = 1 << 20
MAX_SIDE = 1 << 16  # pixels
MAX_FPS = 1e6

_FACTS = frozenset({"schema", "keycam", "model", "source", "skeleton", "clock", "options"})
_OPTIONAL = frozenset({"video", "end"})
_SOURCE = frozenset({"name", "live", "size", "fps"})
_CLOCK = frozenset({"monotonic_ns", "wall"})
_VIDEO = frozenset({"file", "codec", "lossless"})
_END = frozenset({"frames", "lost", "dropped", "captured", "clock"})


def check_facts(facts: Mapping[str, Any]) -> None:
    """Refuse what is missing, unknown or ill-typed, by name; the skeleton is not looked into.

    Raises:
        DataError: the facts are not as above.
    """
    if facts.get("schema") != SCHEMA:
        raise DataError(f"its schema is not {SCHEMA}; read it with the keycam it came from")
    check_keys(facts, _FACTS, _OPTIONAL)
    _typed(facts, "facts", keycam=str, model=dict, options=dict, skeleton=dict)
    _check_source(_table(facts, "source"))
    _check_clock(_table(facts, "clock"))
    if facts.get("video") is not None:
        video = _table(facts, "video")
        check_keys(video, _VIDEO)
        _typed(video, "video", file=str, codec=str, lossless=bool)
    if "end" in facts:
        _check_end(_table(facts, "end"))


def _check_source(source: Mapping[str, Any]) -> None:
    check_keys(source, _SOURCE, frozenset({"camera"}))
    _typed(source, "source", name=str, live=bool, size=list)
    sides = source["size"]
    if len(sides) != 2 or not all(type(side) is int and 0 < side <= MAX_SIDE for side in sides):
        raise DataError("the source's size is not a width and a height")
    fps = source["fps"]
    if fps is not None and not (type(fps) in (int, float) and 0 < fps <= MAX_FPS):
        raise DataError("the source's fps is not a number of frames per second")
    if source.get("camera") is not None:
        _table(source, "camera")


def _check_clock(clock: Mapping[str, Any]) -> None:
    check_keys(clock, _CLOCK)
    _typed(clock, "clock", wall=str)
    _count(clock, "monotonic_ns")
    try:
        zoned = datetime.fromisoformat(clock["wall"]).tzinfo is not None
    except ValueError:
        zoned = False
    if not zoned:
        raise DataError("the clock's wall time is not an ISO 8601 time with its zone")


def _check_end(end: Mapping[str, Any]) -> None:
    check_keys(end, _END, frozenset({"gaps", "video", "error"}))
    for name in ("frames", "lost", "dropped", "captured"):
        _count(end, name)
    _check_clock(_table(end, "clock"))
    if "error" in end:
        _typed(end, "end", error=str)
    if "gaps" in end:
        gaps = _table(end, "gaps")
        check_keys(gaps, frozenset({"count", "seconds"}))
        _count(gaps, "count")
        _typed(gaps, "gaps", seconds=float)
    if "video" in end:
        video = _table(end, "video")
        check_keys(video, frozenset({"frames", "lost"}), frozenset({"error"}))
        for name in ("frames", "lost"):
            _count(video, name)
        if "error" in video:
            _typed(video, "video", error=str)


def _table(table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    _typed(table, "facts", **{name: dict})
    inner: Mapping[str, Any] = table[name]
    return inner


def _typed(table: Mapping[str, Any], where: str, **kinds: type) -> None:
    for name, kind in kinds.items():
        if type(table[name]) is not kind:
            raise DataError(f"'{name}' in {where} is {type(table[name]).__name__}, not {kind}")


def _count(table: Mapping[str, Any], name: str) -> None:
    try:
        whole(table[name])
    except ValueError as error:
        raise DataError(f"'{name}': {error}") from error
