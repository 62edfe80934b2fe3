"""Files that are nearly right: readers answer with our own errors and nothing else.

A few hundred inputs each; as many as KEYCAM_FUZZ says, in all, if that is set.
"""

import io
import json
import os
from contextlib import suppress
from itertools import islice

import numpy as np
import pytest
from doubles import POINTS, FakeTracker, frames
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engines.errors import KeycamError
from engines.skeleton import Skeleton
from realtime.event import Event, Kind
from realtime.film import Film
from realtime.fragments import Fragments
from realtime.memory import Memory
from realtime.record import Record
from realtime.recorder import Recorder
from realtime.session import open_session
from realtime.timing import Timings
from realtime.verdict import validate

MANY = int(os.environ.get("KEYCAM_FUZZ", "1200"))
SHARES = {"record": 0.3, "event": 0.2, "fragments": 0.25, "facts": 0.15, "folder": 0.1}


def share(name):
    checks = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    count = round(MANY * SHARES[name])
    return settings(max_examples=count, deadline=None, suppress_health_check=checks)


numbers = st.one_of(
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.sampled_from([0, 1, -1, 10**400, 1e308, 2**63, 2**63 - 1, True, None]),
)
values = st.recursive(
    st.one_of(numbers, st.text(max_size=8)),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=12,
)


@st.composite
def changed(draw, table):
    """A JSON value with a few of its parts replaced, removed or doubled, at any depth."""
    text = json.dumps(table)
    for _ in range(draw(st.integers(0, 3))):
        table = json.loads(text)
        _change(draw, table)
        text = _dump(table)
    return _spoil(draw, text.encode("utf-8", "replace"))


def _dump(table):
    try:
        return json.dumps(table)
    except ValueError:  # a number with too many digits to be printed
        return "[" + "9" * 5000 + "]"


def _change(draw, table):
    at = table
    while isinstance(at, dict | list) and at:
        keys = sorted(at) if isinstance(at, dict) else range(len(at))
        key = draw(st.sampled_from(keys))
        if isinstance(at[key], dict | list) and at[key] and draw(st.booleans()):
            at = at[key]
            continue
        match draw(st.integers(0, 2)):
            case 0:
                at[key] = draw(values)
            case 1:
                del at[key]
            case _:
                at[key] = [at[key], at[key]]
        return


def _spoil(draw, data):
    """The bytes, sometimes with a few overwritten or left out."""
    data = bytearray(data)
    for _ in range(draw(st.integers(0, 3)) if draw(st.booleans()) else 0):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        data[at : at + draw(st.integers(0, 4))] = draw(st.binary(max_size=4))
    return bytes(data)


def ours(read, *arguments):
    """Read; our own errors are fine, and so is none."""
    with suppress(KeycamError):
        read(*arguments)


LINE = json.loads(Record.of(frames(1)[0], FakeTracker().pose, 1.5, lost=2, video=3).to_line())
EVENT = json.loads(Event(5, 3, Kind.MARK, "text").to_line())


@share("record")
@given(changed(LINE))
def test_poses(line):
    ours(Record.from_line, line, POINTS)


@share("event")
@given(changed(EVENT))
def test_events(line):
    ours(Event.from_line, line)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "v.mp4"
    film = Film((64, 48), 30.0, lossless=False, waits=True)
    film.start(path)
    for frame in frames(12):
        film.put(frame)
    film.close()
    return path.read_bytes()


@share("fragments")
@given(st.data())
def test_fragments(film, data):
    spoilt = bytearray(film)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(film) - 1))
        part = data.draw(st.sampled_from([b"\0\0\0\0", b"\xff\xff\xff\xff", b""]) | st.binary())
        spoilt[at : at + len(part)] = part
    cut = data.draw(st.integers(0, len(spoilt)) | st.just(len(spoilt)))

    def read():
        fragments = Fragments(io.BytesIO(bytes(spoilt[:cut])))
        for fragment in islice(fragments, 1000):
            assert len(fragment.times) <= fragment.end <= cut

    ours(read)


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    path = tmp_path_factory.mktemp("fuzz") / "s"
    picture = np.zeros((48, 64, 3), np.uint8)
    recorder = Recorder(path, Memory([picture]), Skeleton.load("mouse4"), video="lossy")
    for frame in frames(4):
        recorder.take(frame, FakeTracker().pose, Timings())
    recorder.close()
    return path


@share("facts")
@given(st.data())
def test_facts(session, data):
    file = session / "session.json"
    good = file.read_bytes()
    file.write_bytes(data.draw(changed(json.loads(good))))
    try:
        ours(lambda: open_session(session).video)
    finally:
        file.write_bytes(good)


@share("folder")
@given(st.data())
def test_whole_sessions(session, data):
    names = ["session.json", "poses.jsonl", "events.jsonl", "video.mp4"]
    good = {name: (session / name).read_bytes() for name in names}
    name = data.draw(st.sampled_from(names))
    if name == "video.mp4":
        spoilt = _spoil(data.draw, good[name])
    else:
        lines = good[name].splitlines(keepends=True) if name != "session.json" else [good[name]]
        at = data.draw(st.integers(0, len(lines) - 1))
        lines[at] = data.draw(changed(json.loads(lines[at]))) + b"\n"
        spoilt = b"".join(lines)
    (session / name).write_bytes(spoilt)
    try:
        verdict = validate(session)
        assert verdict.valid == (verdict.problems == [])
        assert verdict.to_text()
    finally:
        (session / name).write_bytes(good[name])
