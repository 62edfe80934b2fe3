from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from blob_model import blob_card, blob_image
from decoder_model import decoder_model
from toy import write_video

from engines import load, load_decoder
from engines.geometry import Roi, to_frame
from train.decoder_config import DecoderConfig
from train.posed import PosedClip
from train.repose_eval import ReposeEvaluation, evaluate_decoder, pairs

CARD = replace(blob_card("mouse4", kind="decoder"), name="mover", margin=4.0)


@pytest.fixture(scope="module")
def result(blob_path: Path, tmp_path_factory: pytest.TempPathFactory) -> ReposeEvaluation:
    """A decoder that shifts the picture, on a disc that is shifted: it cannot be better."""
    folder = tmp_path_factory.mktemp("re-posed")
    images = [blob_image(160, 120, 60 + n, 60, 12) for n in range(8)]
    video = write_video(folder / "disc.avi", images)
    decoder = load_decoder(decoder_model(folder / "mover.onnx", CARD))
    return evaluate_decoder(decoder, load(blob_path, "cpu"), [video])


def test_who_knows_the_motion_beats_who_copies(result: ReposeEvaluation) -> None:
    table = result.to_dict()["all_pairs"]
    assert table["decoder"]["l1"] < 0.5 * table["copy"]["l1"]
    assert table["decoder"]["ssim"] > table["copy"]["ssim"]
    assert table["decoder"]["psnr_db"] > table["copy"]["psnr_db"]
    assert table["decoder"]["keypoints"] < 0.3 * table["copy"]["keypoints"]
    assert table["thin_plate"]["keypoints"] < 0.3 * table["copy"]["keypoints"]
    assert table["frame"]["keypoints"] < 0.03


def test_a_copys_keypoint_error_is_how_far_the_pose_moved(result: ReposeEvaluation) -> None:
    """4 pixels, half the clip away, over the 12 of the ring of keypoints."""
    assert result.moved.all()
    assert result.values["copy"]["keypoints"].mean() == pytest.approx(4 / 12, rel=0.2)


def test_the_table_says_what_was_measured(result: ReposeEvaluation) -> None:
    text = result.to_text()
    assert "8 pairs of 1 clips" in text
    assert "mover by blob-mouse4" in text
    figures = result.figures("discs")
    assert figures["discs ssim moved, decoder"] > figures["discs ssim moved, copy"]
    assert len(figures) == 6


@pytest.mark.parametrize(("count", "apart"), [(2, 1), (3, 1), (5, 2)])
def test_each_frame_is_made_of_the_one_half_the_clip_away(count: int, apart: int) -> None:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (64, 64, 3), np.uint8) for _ in range(count)]
    roi = Roi(32, 32, 32)
    points = np.stack([to_frame(rng.uniform(-0.5, 0.5, (4, 2)), roi) for _ in images])
    for still in (True, False):
        made = pairs(PosedClip("a", images, points, still), DecoderConfig(size=32))
        assert len(made) == count
        for number, pair in enumerate(made):
            other = made[(number + apart) % count]
            if not still:
                np.testing.assert_array_equal(pair.reference, other.frame)
            assert pair.pose.shape == pair.keypoints.shape == (4, 2)
            same = pairs(
                PosedClip("a", images[:1] * 2, points[:1].repeat(2, 0), still), DecoderConfig()
            )
            assert same[0].moved == 0
            np.testing.assert_array_equal(same[0].frame, same[0].reference)
