from threading import Event

import numpy as np
import pytest
from reposing import MOUSE, WarpDecoder, blob, home, pose, reference

from engines import DataError, Skeleton, load
from realtime.controls import Action, Controls, Settings
from realtime.frame import Frame
from realtime.loop import run
from realtime.memory import Memory
from realtime.overlay import Overlay
from realtime.repose import stage as module
from realtime.repose.layout import Arrangement
from realtime.repose.plan import Plan
from realtime.repose.reposer import Reposer
from realtime.repose.stage import Stage, open_stage
from realtime.screen import Screen
from realtime.timing import Timings

DRIVER = (640, 480)


def made(layout="beside", references=("one", "two"), **options):
    decoder = WarpDecoder()
    pictures = [reference(name, seed=number) for number, name in enumerate(references)]
    reposer = Reposer(decoder, pictures, **options)
    overlay = Overlay(Skeleton.load("mouse4"))
    return Stage(reposer, decoder, overlay, Arrangement(layout, reposer.size, DRIVER)), decoder


def frame(number=0):
    return Frame(np.full((480, 640, 3), 90, np.uint8), number, number * 33_000_000)


class Fixed:
    """A tracker that finds the same pose in every frame."""

    def track(self, own):
        return pose(MOUSE * 3)

    def reset(self):
        pass


class Last:
    picture = None

    def show(self, picture, own):
        self.picture = picture

    def close(self):
        pass


@pytest.mark.parametrize(
    ("layout", "size"), [("beside", (320, 120)), ("inset", (160, 120)), ("alone", (160, 120))]
)
def test_every_picture_has_the_size_that_was_promised(layout, size):
    stage, _ = made(layout)
    assert stage.size == size
    picture = stage.draw(frame(), pose(MOUSE * 3), Timings())
    assert picture.shape[1::-1] == size


def test_the_loop_times_decoding_and_pasting_apart_from_drawing_and_closes_the_decoder():
    stage, decoder = made()
    last = Last()
    source = Memory([frame().image] * 5)
    report = run(source, Fixed(), [Screen(stage, [last])], warmup=0)
    assert [report.stages[name].n for name in ("decode", "paste", "draw")] == [5, 5, 5]
    assert report.stages["draw"].p50_ms >= 0
    assert last.picture.shape == (120, 320, 3)
    assert decoder.closed == 1


def test_a_pose_is_decoded_once_however_often_it_is_drawn():
    stage, decoder = made()
    before, one = len(decoder.drawn), pose(MOUSE * 3)
    plain = stage.draw(frame(), one, Timings())
    again = stage.draw(frame(), one, Timings(), Settings())
    mirrored = stage.draw(frame(), one, Timings(), Settings(mirrored=True))
    assert len(decoder.drawn) == before + 1
    np.testing.assert_array_equal(plain, again)
    top = slice(0, 60)  # above the mark, which is not mirrored
    np.testing.assert_array_equal(mirrored[top, 160:], plain[top, 160:][:, ::-1])
    again[:] = 0  # whoever gets a picture may draw on it
    np.testing.assert_array_equal(plain, stage.draw(frame(), one, Timings()))


def test_keys_change_the_reference_and_calibrate():
    stage, decoder = made()
    controls = Controls(Event())
    assert not {Action.REFERENCE, Action.CALIBRATE} & controls.actions
    stage.obey(controls)
    assert {Action.REFERENCE, Action.CALIBRATE} <= controls.actions
    for number in range(3):
        stage.draw(frame(number * 20), pose(MOUSE * 3), Timings())
    stage.draw(frame(61), pose(MOUSE * 3 + np.array([6, 0])), Timings())
    own = home(stage.reposer.reference, decoder)
    assert np.abs(decoder.drawn[-1] - own).max() > 0.01
    controls.ask(Action.CALIBRATE)
    controls.act(frame())
    stage.draw(frame(62), pose(MOUSE * 3 + np.array([6, 0])), Timings())
    np.testing.assert_allclose(decoder.drawn[-1], own, atol=1e-6)
    controls.ask(Action.REFERENCE)
    controls.act(frame())
    assert (stage.reposer.reference.name, controls.said) == ("two", "two")
    controls.ask(Action.REFERENCE, "none")
    controls.act(frame())
    assert stage.reposer.reference.name == "two"
    assert "no reference 'none'" in controls.said
    controls.ask(Action.REFERENCE, "one")
    controls.act(frame())
    assert stage.reposer.reference.name == "one"


def test_a_decoder_of_another_skeleton_is_refused_and_closed(blob_path, monkeypatch):
    decoder = WarpDecoder("face68")
    monkeypatch.setattr(module, "load_decoder", lambda *_: decoder)
    engine = load(blob_path, "cpu")
    overlay = Overlay(engine.card.skeleton)
    with pytest.raises(DataError, match=r"points of mouse4, warp redraws those of face68"):
        open_stage(Plan(), engine, overlay, DRIVER)
    assert decoder.closed == 1


def test_opening_reads_the_references_with_the_trackers_engine(blob_path, tmp_path, monkeypatch):
    import cv2

    decoder = WarpDecoder(margin=4.0)
    monkeypatch.setattr(module, "load_decoder", lambda *_: decoder)
    cv2.imwrite(str(tmp_path / "a.png"), blob((500, 400), 40))
    plan = Plan(references=(str(tmp_path / "a.png"),), layout="alone")
    stage = open_stage(plan, load(blob_path, "cpu"), Overlay(Skeleton.load("mouse4")), DRIVER)
    assert stage.size == (500, 400)
    stage.close()
    assert decoder.closed == 1
