import json
import sys
from dataclasses import replace
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from made_session import COUNT, EMPTY, LOST, made_session, made_time_ns, truth

from engines import DataError
from realtime.cli import main
from realtime.export import story as module
from realtime.export.panels import over_time
from realtime.export.plot import KINDS, plot
from realtime.export.rows import Rows
from realtime.export.story import Story
from realtime.session import open_session


@pytest.fixture
def session(tmp_path, mouse_skeleton):
    return made_session(tmp_path / "s", mouse_skeleton)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_a_picture_with_something_on_it(session, tmp_path, kind):
    pytest.importorskip("matplotlib")
    path = plot(session, tmp_path / "a.png", kind=kind)
    image = cv2.imread(str(path))
    assert min(image.shape[:2]) > 500
    colours = np.unique(image.reshape(-1, 3), axis=0)
    assert len(colours) > 50


def test_svg_says_in_words_what_it_shows(session, tmp_path):
    pytest.importorskip("matplotlib")
    done = CliRunner().invoke(main, ["plot", str(session), "-o", str(tmp_path / "a.svg")])
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == str(tmp_path / "a.svg")
    text = " ".join(ElementTree.parse(tmp_path / "a.svg").getroot().itertext())
    assert "Ledger: 30 captured = 25 processed + 5 lost" in text
    assert "5 dropped by the source, 0 not recorded" in text
    for word in ("snout", "tailbase", "nothing found", "frames lost", "p99 7.0 ms"):
        assert word in text


@pytest.mark.parametrize("kind", ["all", "time", "trajectories"])
def test_points_are_named_wherever_they_are_drawn(session, tmp_path, kind):
    pytest.importorskip("matplotlib")
    path = plot(session, tmp_path / "a.svg", kind=kind)
    text = " ".join(ElementTree.parse(path).getroot().itertext())
    assert "snout" in text
    assert "tailbase" in text


def test_what_cannot_be_drawn_is_refused(session, tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"written as \.png or \.svg"):
        plot(session, tmp_path / "a.jpg")
    with pytest.raises(DataError, match="no plot 'pie'"):
        plot(session, tmp_path / "a.png", kind="pie")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = CliRunner().invoke(main, ["plot", str(session), "-o", str(tmp_path / "a.svg")])
    assert done.exit_code == 2
    assert 'plotting needs: pip install "keycam[plot]"' in done.stderr


@pytest.mark.parametrize("moments", [1000, 10, 7])
def test_the_story_is_the_session_made_short(session, mouse_skeleton, monkeypatch, moments):
    monkeypatch.setattr(module, "MOMENTS", moments)
    monkeypatch.setattr("realtime.export.rows.CHUNK", 4)
    story = Story.of(Rows.of(open_session(session)))
    stride = -(-COUNT // moments)
    points, confidence = truth(mouse_skeleton)
    assert np.allclose(story.points, points[::stride], atol=0.006, equal_nan=True)
    assert np.allclose(story.confidence, confidence[::stride], equal_nan=True)
    assert len(story.edges_s) == len(story.points) + 1
    assert (np.diff(story.edges_s) > 0).all()
    first = (made_time_ns(stride) - made_time_ns(1)) / 1e9
    assert stride in LOST or story.edges_s[1] == pytest.approx(first)
    assert story.kinds.sum(axis=1).tolist()[:-1] == [stride] * (len(story.kinds) - 1)
    assert story.captured == (COUNT - len(LOST) - len(EMPTY), len(EMPTY), len(LOST))
    assert story.dropped == len(LOST)
    assert len(story.latency_ms) == COUNT - len(LOST)


def test_a_pause_of_the_camera_is_told_from_lost_frames(tmp_path, mouse_skeleton):
    session = made_session(tmp_path / "s", mouse_skeleton, count=60)
    lines = [json.loads(line) for line in (session / "poses.jsonl").read_text().splitlines()]
    for line in lines:
        line["t"] += 2_000_000_000 * (line["frame"] >= 40) + 10**9 * (line["frame"] >= 22)
    (session / "poses.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    story = Story.of(Rows.of(open_session(session)))
    times = {line["frame"]: (line["t"] - lines[0]["t"]) / 1e9 for line in lines}
    assert np.allclose(story.pauses_s, [[times[39], times[40]]])  # frame 21 is lost, not paused
    assert story.dropped == len(LOST)


def test_the_line_of_a_point_is_broken_at_a_pause(tmp_path, mouse_skeleton):
    figure = pytest.importorskip("matplotlib.figure").Figure()
    story = Story.of(Rows.of(open_session(made_session(tmp_path / "s", mouse_skeleton))))
    paused = replace(story, pauses_s=np.array([[story.edges_s[15], story.edges_s[16]]]))
    three = figure.subplots(3)
    over_time(three, paused)
    times, values = three[0].lines[0].get_data()
    assert len(times) == COUNT + 1
    assert np.isnan(times[16])
    assert np.isnan(values[16])
    assert np.allclose(np.delete(values, 16), story.points[:, 0, 0], equal_nan=True)
