"""Decoder engines on the CPU, with toy files; and those that are shipped."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from blob_model import blob_card, blob_model
from decoder_model import decoder_model, shifted

from engines import Decoder, Engine, EngineError, Roi, crop, load, load_decoder, to_crop, to_frame
from engines.engine import shipped_decoders, shipped_models
from engines.geometry import Image, Points
from engines.kinds import pose_pairs
from engines.probes import probes
from realtime.synthetic import Synthetic

CARD = replace(blob_card("mouse4", kind="decoder"), name="mover")
POSE = np.float32([[-0.3, 0], [0.3, 0], [0, 0.3], [0, -0.3]])


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return decoder_model(tmp_path_factory.mktemp("models") / "mover.onnx", CARD)


@pytest.fixture
def decoder(path: Path) -> Decoder:
    own = load_decoder(path)
    own.prepare(probes(64, 1)[0], POSE)
    return own


def test_it_keeps_the_protocol(decoder: Decoder) -> None:
    assert isinstance(decoder, Decoder)
    assert decoder.card == CARD
    assert decoder.name.startswith("onnxruntime")
    assert decoder.precision == "fp32"
    decoder.close()
    decoder.close()


def test_one_pose_gives_one_picture_and_many_give_many(decoder: Decoder) -> None:
    moves = np.float32([[0, 0], [0.25, 0], [-0.5, 0.125]])
    wanted = [shifted(probes(64, 1)[0], move) for move in moves]
    pictures = decoder.draw(POSE + moves[:, None])
    np.testing.assert_array_equal(pictures, wanted)
    for move, picture in zip(moves, wanted, strict=True):
        np.testing.assert_array_equal(decoder.draw(POSE + move), picture)


def test_another_reference_takes_its_place_and_the_first_may_change(decoder: Decoder) -> None:
    second = probes(64, 2)[1].copy()
    decoder.prepare(second, POSE)
    wanted = second.copy()
    second[:] = 0
    np.testing.assert_array_equal(decoder.draw(POSE), wanted)


def test_pictures_belong_to_the_caller(decoder: Decoder) -> None:
    first = decoder.draw(POSE)
    kept = first.copy()
    decoder.draw(POSE + 0.5)
    np.testing.assert_array_equal(first, kept)


def test_nothing_is_drawn_before_there_is_a_reference(path: Path) -> None:
    with pytest.raises(EngineError, match="no reference"):
        load_decoder(path).draw(POSE)


@pytest.mark.parametrize(
    ("reference", "pose", "words"),
    [
        (np.zeros((64, 63, 3), np.uint8), POSE, "reference must be"),
        (np.zeros((64, 64, 3), np.float32), POSE, "reference must be"),
        (np.zeros((64, 64, 3), np.uint8), POSE[:3], "keypoints must be"),
        (np.zeros((64, 64, 3), np.uint8), POSE * np.nan, "not a finite number"),
    ],
)
def test_unfit_references_are_refused(decoder: Decoder, reference, pose, words: str) -> None:
    with pytest.raises(EngineError, match=words):
        decoder.prepare(reference, pose)


@pytest.mark.parametrize(
    "poses", [POSE[0], POSE[:3], POSE[None, :, :1], np.zeros((0, 4, 2), "f"), POSE + np.inf]
)
def test_unfit_poses_are_refused(decoder: Decoder, poses: np.ndarray) -> None:
    with pytest.raises(EngineError, match=r"keypoints|keypoint is not"):
        decoder.draw(poses)


def test_files_of_another_kind_are_refused(path: Path, blob_path: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="a tracker file, where a decoder file is needed"):
        load_decoder(blob_path)
    with pytest.raises(EngineError, match="a decoder file, where a tracker file is needed"):
        load(path, "cpu")
    lying = blob_model(tmp_path / "lying.onnx", kind="decoder")
    with pytest.raises(EngineError, match="does not match its card"):
        load_decoder(lying)
    with pytest.raises(EngineError, match="no model file 'nobody'"):
        load_decoder("nobody")


def test_devices_are_those_of_trackers(path: Path) -> None:
    assert load_decoder(path, "openvino").name.startswith("onnxruntime")
    with pytest.raises(EngineError, match="no device 'tpu'"):
        load_decoder(path, "tpu")


def test_decoders_are_no_trackers() -> None:
    assert not set(shipped_models()) & set(shipped_decoders())
    assert "face68" in shipped_models()


@pytest.mark.parametrize("name", shipped_decoders())
def test_shipped_decoders_draw_the_same_every_time(name: str) -> None:
    decoder = load_decoder(name)
    assert decoder.card.licence
    reference = probes(decoder.card.size, 1)[0]
    ((pose, other),) = pose_pairs(decoder.card, 1)
    decoder.prepare(reference, pose)
    first = decoder.draw(np.stack([pose, other]))
    assert (first.shape, first.dtype) == ((2, *reference.shape), np.uint8)
    np.testing.assert_array_equal(decoder.draw(np.stack([pose, other])), first)
    near = np.abs(decoder.draw(other).astype(int) - first[1])
    assert near.max() <= 1  # one by one as together, but for rounding
    assert np.abs(first[0].astype(float) - reference).mean() < 20  # it is still that picture
    assert np.abs(first[0].astype(float) - first[1]).mean() > 2


@pytest.mark.parametrize("name", shipped_decoders())
def test_shipped_decoders_follow_the_pose(name: str) -> None:
    """A drawn head turned, moved and made smaller is found there by the tracker it was made for."""
    decoder, tracker = load_decoder(name), load(name.removesuffix("-decoder"), "cpu")
    drawn = Synthetic(seed=3)
    roi = Roi.around(drawn.truth(0), decoder.card.margin)
    reference = crop(drawn.frame(0).image, roi, decoder.card.size)
    pose = found(tracker, reference)
    decoder.prepare(reference, pose)
    turn = 0.9 * np.array([[np.cos(0.2), np.sin(0.2)], [-np.sin(0.2), np.cos(0.2)]])
    wanted = (pose @ turn + (0.12, 0.08)).astype(np.float32)
    size = np.ptp(wanted, axis=0).max()
    again = found(tracker, decoder.draw(wanted))
    assert np.linalg.norm(pose - wanted, axis=-1).mean() > 0.1 * size
    assert np.linalg.norm(again - wanted, axis=-1).mean() < 0.04 * size


def found(tracker: Engine, picture: Image) -> Points:
    """The keypoints of a picture in crop space, looked at twice."""
    whole = roi = Roi.of_frame(len(picture), len(picture))
    for _ in range(2):
        seen = crop(picture, roi, tracker.card.size)[None]
        points = to_frame(tracker.run(seen).keypoints[0], roi)
        roi = Roi.around(points, tracker.card.margin)
    return to_crop(points, whole)
