import math
import time
from uuid import uuid4

import numpy as np
import pytest
from streaming import HERE, MOUSE, NOWHERE, POINTS, stream_to, until

from realtime.frame import Frame
from realtime.stream.lsl import clock_difference
from realtime.timing import Timings

pylsl = pytest.importorskip("pylsl")

IMAGE = np.zeros((48, 64, 3), np.uint8)


@pytest.fixture
def streamed():
    """A stream, and inlets of its poses and its events that are connected."""
    name = f"keycam-{uuid4().hex}"
    stream = stream_to(f"lsl:{name}", source=name)
    inlets = []
    for own in (name, f"{name}-events"):
        (found,) = pylsl.resolve_byprop("name", own, timeout=30)
        inlets.append(pylsl.StreamInlet(found, recover=False))
        inlets[-1].open_stream(timeout=30)
    yield stream, *inlets
    for inlet in inlets:
        inlet.close_stream()
    stream.close()


def take(stream, number, pose, time_ns):
    stream.take(Frame(IMAGE, number, time_ns), pose, Timings())
    until(lambda: stream.sender.sent == stream.sender.taken)


def test_poses_come_with_their_capture_time_on_the_clock_of_lsl(streamed):
    stream, poses, _ = streamed
    captured_ns = time.monotonic_ns() - 250_000_000  # a quarter of a second ago
    captured_s = pylsl.local_clock() - 0.25
    take(stream, 0, HERE, captured_ns)
    take(stream, 1, NOWHERE, captured_ns + 40_000_000)
    values, stamp_s = poses.pull_sample(timeout=30)
    assert stamp_s == pytest.approx(captured_s, abs=0.1)
    np.testing.assert_allclose(np.reshape(values, (4, 3))[:, :2], POINTS)
    np.testing.assert_allclose(np.reshape(values, (4, 3))[:, 2], np.linspace(0.5, 1, 4))
    nothing, later_s = poses.pull_sample(timeout=30)
    assert later_s - stamp_s == pytest.approx(0.04, abs=1e-6)
    assert [math.isnan(value) for value in nothing] == [True, True, False] * 4
    assert nothing[2::3] == [0.0] * 4


def test_found_lost_and_gaps_are_markers(streamed):
    stream, _, events = streamed
    now_ns = time.monotonic_ns()
    for number, pose in enumerate((NOWHERE, HERE, HERE, NOWHERE)):
        take(stream, number, pose, now_ns + number * 40_000_000)
    take(stream, 4, NOWHERE, now_ns + 2_000_000_000)
    texts = [events.pull_sample(timeout=30)[0][0] for _ in range(3)]
    assert texts[:2] == ["found", "lost"]
    assert texts[2].startswith("gap 1.880 s")


def test_the_stream_says_what_its_channels_are(streamed):
    _, poses, _ = streamed
    info = poses.info(timeout=30)
    assert (info.type(), info.nominal_srate(), info.channel_count()) == ("MoCap", 0.0, 12)
    assert info.source_id().startswith("keycam ")
    channel = info.desc().child("channels").child("channel")
    told = []
    while not channel.empty():
        told.append([channel.child_value(key) for key in ("label", "marker", "type", "unit")])
        channel = channel.next_sibling()
    snout = MOUSE.keypoints[0]
    assert told[:3] == [
        [f"{snout}_x", snout, "PositionX", "pixels"],
        [f"{snout}_y", snout, "PositionY", "pixels"],
        [f"{snout}_c", snout, "Confidence", "normalized"],
    ]
    assert [row[1] for row in told[::3]] == list(MOUSE.keypoints)
    assert info.desc().child("acquisition").child_value("model") == "made up"


def test_the_difference_of_the_clocks_is_steady():
    readings = [clock_difference() for _ in range(5)]
    assert max(readings) - min(readings) < 0.02
