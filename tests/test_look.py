from dataclasses import replace
from math import pi

import numpy as np
import pytest
from blob_model import blob_card

from engines import Prediction, Roi
from engines.fake import FakeEngine
from engines.geometry import Image
from realtime.look import TAUGHT, Looker

CARD = replace(blob_card("face68", size=32), margin=2.0)
POSE = np.random.default_rng(0).uniform(-0.5, 0.5, (68, 2)).astype(np.float32)
BLANK = np.zeros((48, 64, 3), np.uint8)


def answer(crops: Image) -> Prediction:
    keypoints = np.repeat(POSE[None], len(crops), axis=0)
    return Prediction(keypoints, np.full((len(crops), 68), 0.8, np.float32))


def looker() -> Looker:
    return Looker(FakeEngine(CARD, answer), 4)


def test_all_squares_are_looked_in_by_one_run() -> None:
    engine = FakeEngine(CARD, answer)
    own = Looker(engine, 4)
    rois = [Roi(20, 20, 16), Roi(40, 20, 32), Roi(30, 30, 8, 0.5)]
    looks = own.look(BLANK, rois)
    assert engine.calls == 1
    assert [look.roi for look in looks] == rois
    assert {round(look.score, 6) for look in looks} == {0.8}
    assert own.stages["crop"] > 0 < own.stages["infer"]
    own.begin()
    assert set(own.stages.values()) == {0.0}


def test_what_is_about_upright_is_cut_upright_and_the_rest_is_turned_by_what_is_beyond() -> None:
    own = looker()
    for turn in (0.0, 0.1, -0.1, TAUGHT, -TAUGHT):
        assert own.around(POSE, turn).angle == 0
    assert own.around(POSE, 1.0).angle == pytest.approx(1 - TAUGHT)
    assert own.around(POSE, -1.0).angle == pytest.approx(TAUGHT - 1)
    assert own.around(POSE, 1.0 + 4 * pi).angle == pytest.approx(1 - TAUGHT)


def test_the_square_never_jumps_as_its_subject_turns_all_the_way_round() -> None:
    own = looker()
    turns = np.linspace(-pi, 3 * pi, 2000)
    angles = np.array([own.around(POSE, float(turn)).angle for turn in turns])
    steps = np.abs(np.angle(np.exp(1j * np.diff(angles))))
    assert steps.max() < 3 * (turns[1] - turns[0])


def test_the_own_square_is_turned_with_the_pose_in_the_frame() -> None:
    upright = looker().look(BLANK, [Roi(30, 20, 20)])[0].own
    turned = looker().look(BLANK, [Roi(30, 20, 20, 2.0)])[0].own
    beyond = turned.angle - upright.angle
    assert beyond == pytest.approx(2.0, abs=2 * TAUGHT + 1e-6)
