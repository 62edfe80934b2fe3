import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from test_subject import walk
from toy import TRIANGLE, dotted, found_dots

from engines import Card, DataError, Prediction, Roi, Skeleton
from engines.fake import FakeEngine
from engines.geometry import to_crop
from train.evaluate import Evaluation, evaluate

SIDE = 64
MIDDLE = np.array([[20.0, 40.0], [44.0, 40.0], [32.0, 20.0]])  # pixels
CARD = Card(
    kind="tracker",
    name="toy",
    skeleton=TRIANGLE,
    size=32,
    margin=1.5,
    data="",
    licence="",
    method="",
    errors={},
    run="",
)


class Oracle(FakeEngine):
    """Knows each picture by its grey and says where the points are, whatever the crop: the roi is
    read off the ramp that every picture shows."""

    def __init__(self, answers: list[np.ndarray], card: Card = CARD) -> None:
        super().__init__(card, self.look)
        self.answers = answers

    def look(self, crops: np.ndarray) -> Prediction:
        (crop,) = crops.astype(np.float64)
        number = round(float(crop[..., 0].mean()) / 20)
        # green is 3x + 9 and red 3y + 9 inside the frame: a straight line finds the roi
        line = (2 * np.arange(32) + 1) / 32 - 1
        places = []
        for channel, axis in ((1, 0), (2, 1)):
            values = crop[..., channel].mean(axis=axis) / 3 - 3
            inside = (values > 0.5) & (values < SIDE - 1.5)
            places.append(np.polyfit(line[inside], values[inside], 1))
        (half_x, x), (_, y) = places
        roi = Roi(x, y, 2 * half_x)
        points = to_crop(self.answers[number].astype(np.float32), roi)
        return Prediction(points[None], np.ones((1, 3), np.float32))


def picture(number: int) -> np.ndarray:
    image = np.empty((SIDE, SIDE, 3), np.uint8)
    image[..., 0] = 20 * number
    image[..., 1] = 3 * np.arange(SIDE) + 9
    image[..., 2] = (3 * np.arange(SIDE) + 9)[:, None]
    return image


def labelled(folder: Path, labels: list[np.ndarray], skeleton: Skeleton = TRIANGLE) -> Path:
    names = [f"{name}_{axis}" for name in skeleton.keypoints for axis in "xy"]
    rows = [",".join(["image", *names])]
    for number, label in enumerate(labels):
        cv2.imwrite(str(folder / f"{number}.png"), picture(number))
        cells = ["" if np.isnan(v) else f"{v}" for v in label.ravel()]
        rows.append(",".join([f"{number}.png", *cells]))
    file = folder / "labels.csv"
    file.write_text("\n".join(rows) + "\n")
    return file


def answered(offsets: list[list[float]]) -> list[np.ndarray]:
    """The labels, each keypoint k of picture n moved by offsets[n][k] pixels to the right."""
    return [MIDDLE + np.stack([o, np.zeros(3)], axis=1) for o in np.array(offsets)]


OFFSETS = [[0.0, 0.0, 3.0], [1.0, 1.0, 1.0], [2.0, 4.0, 6.0]]


def test_known_offsets_give_exact_figures(tmp_path: Path) -> None:
    file = labelled(tmp_path, [MIDDLE] * 3)
    engine = Oracle(answered(OFFSETS))
    table = evaluate(engine, file, norm=("left", "right")).to_dict()
    assert list(table) == ["frames", "error_px", "nme", "searched", "per_keypoint", "model"]
    assert table["frames"] == 3
    assert table["error_px"] == pytest.approx(
        {"mean": 2.0, "median": 1.0, "swap_forgiving_mean": 2.0}, abs=0.1
    )
    assert table["nme"] == pytest.approx(
        {"mean": 2 / 24, "median": 1 / 24, "swap_forgiving_mean": 2 / 24}, abs=0.005
    )
    assert table["per_keypoint"] == pytest.approx(
        {"left": 1.0, "right": 5 / 3, "top": 10 / 3}, abs=0.1
    )
    assert (table["model"]["name"], table["model"]["engine"]) == ("toy", "fake")
    assert engine.calls == 6  # each picture twice
    json.dumps(table, allow_nan=False)


def test_the_figures_are_exactly_those_of_the_distances() -> None:
    distance = np.array([[1.0, 2.0, 3.0], [4.0, np.nan, 8.0]])
    own = Evaluation(Oracle([]), distance, np.array([1.0, 2.0]), np.array([4.0, 2.0]))
    table = own.to_dict()
    assert table["error_px"] == {"mean": 4.0, "median": 4.0, "swap_forgiving_mean": 1.5}
    assert table["nme"] == {
        "mean": (2 / 4 + 6 / 2) / 2,
        "median": (2 / 4 + 6 / 2) / 2,
        "swap_forgiving_mean": (1 / 4 + 2 / 2) / 2,
    }
    assert table["per_keypoint"] == {"left": 2.5, "right": 2.0, "top": 5.5}
    assert "mean 4.00 px" in own.to_text()
    assert "1.50 px" in own.to_text()
    assert "1.7500" in own.to_text()


def test_nme_only_with_a_norm(tmp_path: Path) -> None:
    result = evaluate(Oracle(answered(OFFSETS[:1])), labelled(tmp_path, [MIDDLE]))
    assert list(result.to_dict()) == ["frames", "error_px", "searched", "per_keypoint", "model"]
    assert "normalised" not in result.to_text()


def test_a_swap_is_forgiven_and_only_there(tmp_path: Path) -> None:
    swapped = MIDDLE[[1, 0, 2]]
    table = evaluate(Oracle([swapped]), labelled(tmp_path, [MIDDLE])).to_dict()
    assert table["error_px"]["mean"] == pytest.approx(2 * 24 / 3, abs=0.2)
    assert table["error_px"]["swap_forgiving_mean"] == pytest.approx(0, abs=0.2)


def test_missing_labels_are_left_out_of_every_figure(tmp_path: Path) -> None:
    label = MIDDLE.copy()
    label[2] = np.nan
    table = evaluate(Oracle(answered([[1.0, 3.0, 9.0]])), labelled(tmp_path, [label])).to_dict()
    assert table["error_px"]["mean"] == pytest.approx(2.0, abs=0.1)
    assert table["error_px"]["swap_forgiving_mean"] == pytest.approx(2.0, abs=0.1)
    assert table["per_keypoint"]["top"] is None
    json.dumps(table, allow_nan=False)


def test_pictures_may_lie_elsewhere(tmp_path: Path) -> None:
    file = labelled(tmp_path, [MIDDLE])
    there = tmp_path / "there"
    there.mkdir()
    (tmp_path / "0.png").rename(there / "0.png")
    assert len(evaluate(Oracle([MIDDLE]), file, images=there).forgiven_px) == 1
    with pytest.raises(DataError, match=r"0\.png: no readable picture"):
        evaluate(Oracle([MIDDLE]), file)


def test_motion_looks_where_something_moves(tmp_path: Path, mouse_skeleton: Skeleton) -> None:
    frames, places = walk(12)
    names = [f"{name}_{axis}" for name in mouse_skeleton.keypoints for axis in "xy"]
    rows = [",".join(["image", *names])]
    for number, (frame, place) in enumerate(zip(frames, places, strict=True)):
        cv2.imwrite(str(tmp_path / f"{number}.png"), frame)
        label = place + np.array([[20, 0], [0, 5], [0, -5], [-20, 0]])
        rows.append(",".join([f"{number}.png", *(f"{v:.3f}" for v in label.ravel())]))
    file = tmp_path / "labels.csv"
    file.write_text("\n".join(rows) + "\n")
    seen = []

    def look(crops: np.ndarray) -> Prediction:
        seen.append(crops[0])
        points = np.array([[[0.4, 0], [0, 0.1], [0, -0.1], [-0.4, 0]]], np.float32)
        return Prediction(points, np.ones((1, 4), np.float32))

    card = replace(CARD, skeleton=mouse_skeleton, margin=2.5)
    result = evaluate(FakeEngine(card, look), file, roi="motion")
    centre = np.linalg.norm(result.distance_px, axis=1)
    assert len(centre) == 12
    for first in seen[::2]:
        assert first[14:18, 14:18].max() < 60  # the dark subject in the middle
        assert first[:2].min() > 60
    assert result.distance_px[:, 1:3].max() < 4  # of a 320-pixel frame


FULL = "image,left_x,left_y,right_x,right_y,top_x,top_y\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (FULL + "none.png,1,2,3,4,5,6\n", r"none\.png: no readable picture.*labels\.csv"),
        (FULL + "text.png,1,2,3,4,5,6\n", r"text\.png: no readable picture"),
        (FULL + "0.png,,,,,,\n", "no labelled keypoint"),
        (FULL + "0.png,1,,,2,,\n", "no labelled keypoint"),
        (FULL.replace("image", "width,height") + "9,9,1,2,3,4,5,6\n", "column 'image'"),
    ],
)
def test_unusable_labels_are_refused(text: str, words: str, tmp_path: Path) -> None:
    file = labelled(tmp_path, [MIDDLE])
    (tmp_path / "text.png").write_text("no picture")
    file.write_text(text)
    with pytest.raises(DataError, match=words):
        evaluate(Oracle([MIDDLE]), file)


def test_unusable_norms_are_refused(tmp_path: Path) -> None:
    label = MIDDLE.copy()
    file = labelled(tmp_path, [label])
    for norm, words in ((("left", "nose"), "no keypoint 'nose'"), (("top", "top"), "not both")):
        with pytest.raises(DataError, match=words):
            evaluate(Oracle([MIDDLE]), file, norm=norm)
    label[0] = np.nan
    file = labelled(tmp_path, [label])
    with pytest.raises(DataError, match="not both labelled"):
        evaluate(Oracle([MIDDLE]), file, norm=("left", "right"))


def test_the_command_prints_and_writes_the_same(
    tmp_path: Path, blob_path: Path, mouse_skeleton: Skeleton
) -> None:
    from realtime.cli import main

    names = [f"{name}_{axis}" for name in mouse_skeleton.keypoints for axis in "xy"]
    image = np.zeros((80, 80, 3), np.uint8)
    cv2.circle(image, (40, 30), 8, (255, 255, 255), -1)
    cv2.imwrite(str(tmp_path / "a.png"), image)
    file, result = tmp_path / "labels.csv", tmp_path / "out.json"
    ring = np.array([40, 30]) + 10.0 * np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])
    file.write_text(",".join(["image", *names]) + "\na.png," + ",".join(map(str, ring.ravel())))
    command = ["eval", str(blob_path), "--labels", str(file), "--json", str(result)]
    ran = CliRunner().invoke(main, [*command, "--norm", "snout, tailbase"])
    assert ran.exit_code == 0, ran.output
    table = json.loads(result.read_text())
    assert table["frames"] == 1
    assert set(table["nme"]) == {"mean", "median", "swap_forgiving_mean"}
    assert f"mean {table['error_px']['mean']:.2f} px" in ran.stdout
    assert table["error_px"]["mean"] < 3
    assert list(table["per_keypoint"]) == list(mouse_skeleton.keypoints)
    for more, words in (
        (["--norm", "snout"], "write two keypoint names"),
        (["--norm", "snout,nose"], "no keypoint 'nose'"),
        (["--json", str(tmp_path / "none" / "x.json")], "cannot be written"),
    ):
        ran = CliRunner().invoke(main, [*command, *more])
        assert ran.exit_code == 2
        assert words in ran.stderr
        assert len(ran.stderr.splitlines()) == 1
        assert ran.stdout == ""


def near_sighted(crops: np.ndarray) -> Prediction:
    """Sees three dots, but only where they fill a good part of the crop."""
    (own,) = crops
    lit = np.argwhere(own.max(axis=2) > 100)
    if not (own.max(axis=(0, 1)) > 100).all() or np.ptp(lit, axis=0).max() < 0.4 * len(own):
        return Prediction(np.zeros((1, 3, 2), np.float32), np.full((1, 3), 0.1, np.float32))
    return Prediction(found_dots(own)[None].astype(np.float32), np.full((1, 3), 0.9, np.float32))


@pytest.mark.parametrize("there", [True, False])
def test_a_subject_too_small_for_the_first_look_is_searched_for(
    tmp_path: Path, there: bool
) -> None:
    label = np.array([[150.0, 60.0], [180.0, 60.0], [165.0, 35.0]])
    file = labelled(tmp_path, [label])
    shown = dotted(label if there else label + 1000, (200, 200))
    cv2.imwrite(str(tmp_path / "0.png"), shown)

    result = evaluate(FakeEngine(CARD, near_sighted), file)

    assert result.searched == there
    assert (result.distance_px.max() < 2) == there
    assert ("searched for    in 1 frames" in result.to_text()) == there
