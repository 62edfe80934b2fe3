"""COCO keypoints, read with pycocotools."""

import contextlib
import io
import json

import numpy as np
import pytest
from made_session import COUNT, EMPTY, LOST, made_session, truth

from realtime.export.formats import export


@pytest.fixture(params=[(0,), (0, 3)], ids=["one", "two"])
def exported(request, tmp_path, mouse_skeleton):
    session = made_session(tmp_path / "s", mouse_skeleton, subjects=request.param)
    return (*export(session, "coco"), request.param)


def test_the_data_set_is_what_the_session_holds(exported, mouse_skeleton):
    path, _, subjects = exported
    table = json.loads(path.read_text())
    assert [image["id"] for image in table["images"]] == list(range(COUNT))
    assert table["images"][3]["file_name"] == "00000003.png"
    (category,) = table["categories"]
    assert category["keypoints"] == list(mouse_skeleton.keypoints)
    edges = [(a - 1, b - 1) for a, b in category["skeleton"]]
    assert edges == list(mouse_skeleton.edges)
    seen = {number: [] for number in range(COUNT)}
    for own in table["annotations"]:
        seen[own["image_id"]].append(own["track_id"])
        points, confidence = truth(mouse_skeleton, subject=own["track_id"])
        x, y, flags = np.array(own["keypoints"]).reshape(-1, 3).T
        found = np.isfinite(confidence[own["image_id"]])
        assert flags.tolist() == np.where(found, 2, 0).tolist()
        assert own["num_keypoints"] == found.sum()
        true = points[own["image_id"]][found]
        assert np.allclose(np.stack([x, y], -1)[found], true, atol=0.006)
        sure = np.nan_to_num(confidence[own["image_id"]])
        assert np.allclose(own["keypoint_scores"], sure, atol=0.0006)
        left, top, width, height = own["bbox"]
        assert np.allclose([left, top], true.min(axis=0), atol=0.006)
        assert np.allclose([left + width, top + height], true.max(axis=0) + 1, atol=0.02)
    nobody = [number for number, tracks in seen.items() if not tracks]
    assert nobody == sorted({*LOST, *EMPTY})
    assert all(tracks in ([], list(subjects)) for tracks in seen.values())


def test_evaluated_against_itself_it_is_perfect(exported):
    pytest.importorskip("pycocotools")
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    path, results, _ = exported
    with contextlib.redirect_stdout(io.StringIO()):
        truths = COCO(str(path))
        found = truths.loadRes(str(results))
        judge = COCOeval(truths, found, "keypoints")
        judge.params.kpt_oks_sigmas = np.full(4, 0.05)
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    # The frames here are small: what COCO calls medium and large subjects are not there.
    assert judge.stats[:3].tolist() == pytest.approx([1, 1, 1])
    assert judge.stats[5] == pytest.approx(1)
