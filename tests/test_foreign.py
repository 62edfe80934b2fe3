"""Files written by the real clients, and by ourselves, read as poses."""

import io
import json
import pickle
import sys
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from blob_model import blob_image, blob_offsets
from click.testing import CliRunner
from made_session import EMPTY, LOST, made_session, truth

from engines import DataError, Skeleton, load
from realtime.cli import main
from realtime.export.formats import FORMATS, export
from train.evaluate import evaluate
from train.foreign import read_poses

POINTS = np.arange(24, dtype=np.float64).reshape(3, 4, 2) + 0.5
POINTS[1, 2] = np.nan
NAMES = ("tailbase", "snout", "rightear", "leftear")  # not in the skeleton's order
ORDER = [1, 3, 2, 0]


def same(table, points):
    np.testing.assert_allclose(table.points, points, atol=0.006)
    assert table.points.dtype == np.float32


NEEDS = {  # packages to write and read a format
    "dlc-h5": "tables", "sleap": "h5py", "slp": "sleap_io", "nwb": "ndx_pose",
    "parquet": "pyarrow", "rrd": "rerun.chunk",
}  # fmt: skip
BY_FRAME = ("slp", "coco", "csv", "csv-wide", "parquet")  # the others: subject by subject


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("subjects", [(0,), (0, 3)])
def test_what_we_export_is_read_back(tmp_path, mouse_skeleton, to, subjects):
    if to == "nwb" and len(subjects) > 1:
        pytest.skip("an NWB file holds one subject")
    pytest.importorskip(NEEDS.get(to, "json"))
    session = made_session(tmp_path / "s", mouse_skeleton, subjects=subjects)
    path = export(session, to)[0]
    table = read_poses(path, mouse_skeleton)
    there = [n for n in range(30) if n not in {*LOST, *EMPTY}]
    every = [truth(mouse_skeleton, subject=subject)[0][there] for subject in subjects]
    grouped = to in BY_FRAME
    points = np.stack(every, 1).reshape(-1, 4, 2) if grouped else np.concatenate(every)
    same(table, points)
    numbers = np.repeat(there, len(subjects)) if grouped else there * len(subjects)
    if to == "coco":
        assert table.images == [f"{n:08d}.png" for n in numbers]
    else:
        assert table.frames == list(numbers)
    if to in ("coco", "parquet"):
        assert table.sizes.tolist() == [[64, 48]] * len(points)
    else:
        assert table.sizes is None
    with pytest.raises(DataError, match="keypoint"):
        read_poses(path, Skeleton.load("face68"))


def test_keypoint_tables_are_read_as_ever(tmp_path, mouse_skeleton):
    file = tmp_path / "t.csv"
    columns = ",".join(f"{name}_{axis}" for name in mouse_skeleton.keypoints for axis in "xy")
    file.write_text(f"width,height,{columns}\n64,48,1,2,3,4,5,6,7,8\n")
    table = read_poses(file, mouse_skeleton)
    assert table.sizes.tolist() == [[64, 48]]
    with pytest.raises(DataError, match="no such file"):
        read_poses(tmp_path / "none.h5", mouse_skeleton)


def labels(pandas, index, names=NAMES):
    columns = pandas.MultiIndex.from_product(
        [["me"], names, ["x", "y"]], names=["scorer", "bodyparts", "coords"]
    )
    return pandas.DataFrame(POINTS.reshape(3, -1), columns=columns, index=index)


@pytest.mark.parametrize("kind", ["csv", "csv-parts", "table", "fixed", "fixed-parts"])
def test_labels_that_pandas_wrote(tmp_path, mouse_skeleton, kind):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("h5py")
    parts = [("labeled-data", "clip", f"img{n}.png") for n in range(3)]
    index = (
        pandas.MultiIndex.from_tuples(parts) if "parts" in kind else ["/".join(p) for p in parts]
    )
    frame = labels(pandas, index)
    if kind.startswith("csv"):
        path = tmp_path / "labels.csv"
        frame.to_csv(path)
    else:
        pytest.importorskip("tables")
        path = tmp_path / "labels.h5"
        frame.to_hdf(path, key="df_with_missing", format=kind.partition("-")[0], mode="w")
    table = read_poses(path, mouse_skeleton)
    same(table, POINTS[:, ORDER])
    assert table.images == [f"labeled-data/clip/img{n}.png" for n in range(3)]
    (tmp_path / "img1.png").touch()
    assert read_poses(path, mouse_skeleton).images[1] == "img1.png"


def test_slp_labels_by_hand_go_before_predictions(tmp_path, mouse_skeleton):
    sleap_io = pytest.importorskip("sleap_io")
    skeleton = sleap_io.Skeleton(nodes=list(NAMES), name="m")
    pictures = [str(tmp_path / name) for name in ("a.png", "b.png")]
    for picture in pictures:
        cv2.imwrite(picture, np.zeros((48, 64, 3), np.uint8))
    video = sleap_io.Video(filename=pictures)
    by_hand = sleap_io.Instance.from_numpy(POINTS[0], skeleton=skeleton)
    guessed = sleap_io.PredictedInstance.from_numpy(POINTS[2], skeleton=skeleton, score=1.0)
    frames = [
        sleap_io.LabeledFrame(video=video, frame_idx=0, instances=[by_hand, guessed]),
        sleap_io.LabeledFrame(video=video, frame_idx=1, instances=[guessed]),
    ]
    path = tmp_path / "a.slp"
    sleap_io.Labels(frames).save(str(path), embed=False, verbose=False)
    table = read_poses(path, mouse_skeleton)
    same(table, POINTS[[0, 2]][:, ORDER])
    assert table.images == pictures
    assert table.sizes.tolist() == [[64, 48]] * 2


def test_nwb_that_pynwb_wrote(tmp_path, mouse_skeleton):
    """Of two subjects, with keypoints in another order, rates for times and scaled values."""
    pynwb, ndx_pose = pytest.importorskip("pynwb"), pytest.importorskip("ndx_pose")
    skeleton = ndx_pose.Skeleton(name="m", nodes=list(NAMES))
    file = pynwb.NWBFile("poses", "1", datetime(2026, 1, 1, tzinfo=UTC))
    behavior = file.create_processing_module("behavior", "poses")
    behavior.add(ndx_pose.Skeletons(skeletons=[skeleton]))
    for subject in range(2):
        series = [
            ndx_pose.PoseEstimationSeries(
                name=name,
                data=POINTS[:, k] * 10 + subject,
                conversion=0.1,
                confidence=np.ones(3),
                reference_frame="top left",
                unit="pixels",
                rate=30.0,
            )
            for k, name in enumerate(NAMES)
        ]
        name = f"subject{subject}"
        behavior.add(
            ndx_pose.PoseEstimation(name=name, pose_estimation_series=series, skeleton=skeleton)
        )
    with pynwb.NWBHDF5IO(tmp_path / "a.nwb", "w") as io:
        io.write(file)
    table = read_poses(tmp_path / "a.nwb", mouse_skeleton)
    same(table, np.concatenate([POINTS, POINTS + 0.1])[:, ORDER])
    assert table.frames == [0, 1, 2] * 2


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("snout", "leftear", "rightear", "tail"), "has no keypoint 'tailbase'"),
        ((*NAMES, "nose"), "keypoint 'nose' is not one of the skeleton's"),
    ],
)
def test_other_keypoints_are_named(tmp_path, mouse_skeleton, names, message):
    cells = [f"{name},{name}" for name in names]
    path = tmp_path / "a.csv"
    path.write_text(
        f"scorer{',me' * 2 * len(names)}\nbodyparts,{','.join(cells)}\n"
        f"coords{',x,y' * len(names)}\n0{',1' * 2 * len(names)}\n"
    )
    with pytest.raises(DataError, match=message):
        read_poses(path, mouse_skeleton)
    category = {"id": 1, "name": "m", "keypoints": list(names)}
    coco = tmp_path / "a.json"
    coco.write_text(json.dumps({"categories": [category], "images": [], "annotations": []}))
    with pytest.raises(DataError, match=message):
        read_poses(coco, mouse_skeleton)


@pytest.mark.parametrize(
    "text",
    [
        "scorer,a\n",
        "scorer,a\nbodyparts,b\ncoords,z\n0,1\n",
        "scorer,a,a\nbodyparts,b\ncoords,x,y\n0,1,1\n",
        "scorer,a,a\nbodyparts,snout,snout\ncoords,x,y\n0,one,1\n",
        "scorer,a,a\nbodyparts,snout,snout\ncoords,x,y\n",
        "scorer,\xe9",
    ],
)
def test_damaged_csv(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=r"a\.csv"):
        read_poses(path, Skeleton.load("mouse4"))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "[" * 100_000, '{"categories": [{"keypoints": 3, "id": 1}]}', '{"a": 1e999}'],
)
def test_damaged_json(tmp_path, text, mouse_skeleton):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"a\.json"):
        read_poses(path, mouse_skeleton)


@pytest.mark.parametrize("ending", [".h5", ".slp"])
def test_damaged_hdf5(tmp_path, mouse_skeleton, ending):
    h5py = pytest.importorskip("h5py")
    pytest.importorskip("sleap_io")
    path = tmp_path / f"a{ending}"
    path.write_bytes(b"no HDF5")
    with pytest.raises(DataError, match=r"a\.(h5|slp)"):
        read_poses(path, mouse_skeleton)
    with h5py.File(path, "w") as file:
        file["tracks"], file["node_names"] = np.zeros((1, 2)), [b"snout"]
    with pytest.raises(DataError, match=r"a\.(h5|slp)"):
        read_poses(path, mouse_skeleton)


@pytest.mark.parametrize("to", ["nwb", "parquet", "rrd"])
def test_damaged_exports(tmp_path, mouse_skeleton, to):
    pytest.importorskip(NEEDS[to])
    path = export(made_session(tmp_path / "s", mouse_skeleton), to)[0]
    whole = path.read_bytes()
    for damaged in (b"", b"nothing of the kind", whole[: len(whole) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=rf"s\.{to}: not a"):
            read_poses(path, mouse_skeleton)


def test_hdf5_without_poses_is_no_nwb(tmp_path, mouse_skeleton):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.nwb", "w") as file:
        file["data"] = np.zeros(3)
    with pytest.raises(DataError, match=r"a\.nwb: has no PoseEstimation"):
        read_poses(tmp_path / "a.nwb", mouse_skeleton)


@pytest.mark.parametrize("to", ["csv", "csv-wide"])
def test_damaged_tables_of_sessions(tmp_path, mouse_skeleton, to):
    path = export(made_session(tmp_path / "s", mouse_skeleton), to)[0]
    header, *rows = path.read_text().splitlines()
    first = "\n".join(rows[4:8] if to == "csv" else rows[1:2])  # the frame 1
    for damaged, message in (
        (f"{header}\n{first},1", "not of one length"),
        (f"{header}\n{first.replace('.', 'x')}", "not a number"),
        (f"{header.replace('confidence', 'sure')}\n{first}", "its columns are not those"),
        (header, "no"),
    ):
        path.write_text(damaged)
        with pytest.raises(DataError, match=rf"s\.csv: .*{message}"):
            read_poses(path, mouse_skeleton)


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [
        ("a.nwb", "h5py", "export"),
        ("a.parquet", "pyarrow", "export"),
        ("a.rrd", "rerun.chunk", "export"),
        ("a.h5", "h5py", "export"),
        ("a.slp", "sleap_io", "slp"),
    ],
)
def test_a_missing_package_is_one_line_with_the_extra(tmp_path, monkeypatch, name, package, extra):
    (tmp_path / name).touch()
    monkeypatch.setitem(sys.modules, package, None)
    command = ["prior", str(tmp_path / name), "--skeleton", "mouse4", "-o", str(tmp_path / "a.npz")]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert f'is not installed; this format needs: pip install "keycam[{extra}]"' in line


def test_a_pickle_in_a_file_is_never_run(tmp_path, mouse_skeleton):
    h5py = pytest.importorskip("h5py")
    mark = tmp_path / "was run"
    path = tmp_path / "evil.h5"

    class Evil:
        def __reduce__(self):
            return Path.touch, (mark,)

    row = np.dtype([("index", "i8"), ("values_block_0", "f8", (2,))])
    with h5py.File(path, "w") as file:
        group = file.create_group("df_with_missing")
        group.attrs["pandas_type"] = b"frame_table"
        group["table"] = np.zeros(3, row)
        group["table"].attrs["values_block_0_kind"] = np.bytes_(pickle.dumps(Evil(), 0))
    with pytest.raises(DataError, match="it wants to run"):
        read_poses(path, mouse_skeleton)
    assert not mark.exists()


@pytest.fixture
def filmed(tmp_path, blob_path, mouse_skeleton):
    """A video of a disc, and DeepLabCut predictions that say where its points are."""
    film, table = tmp_path / "clip.avi", io.StringIO()
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (96, 96))
    names = mouse_skeleton.keypoints
    table.write("scorer" + ",me" * 8 + "\nbodyparts," + ",".join(f"{n},{n}" for n in names) + "\n")
    table.write("coords" + ",x,y" * 4 + "\n")
    for number in range(5):
        centre = np.array([40 + 2 * number, 50])
        writer.write(blob_image(96, 96, *centre, 9))
        points = centre + blob_offsets(4) * 48
        table.write(f"{number}," + ",".join(f"{v:.2f}" for v in points.ravel()) + "\n")
    writer.release()
    (tmp_path / "clip.csv").write_text(table.getvalue())
    return film, tmp_path / "clip.csv"


def test_a_model_is_measured_against_a_film_and_its_labels(filmed, blob_path):
    film, table = filmed
    with pytest.raises(DataError, match="name that with --images"):
        evaluate(load(blob_path), table)
    result = evaluate(load(blob_path), table, images=film).to_dict()
    assert result["frames"] == 5
    assert result["error_px"]["mean"] < 1
    lines = table.read_text().splitlines()
    table.write_text("\n".join([*lines, "9" + lines[-1][1:]]))
    with pytest.raises(DataError, match=r"clip\.avi: has no frame 9"):
        evaluate(load(blob_path), table, images=film)


def test_a_prior_from_labels_needs_the_size_of_their_frames(filmed, tmp_path):
    out = tmp_path / "prior.npz"
    command = ["prior", str(filmed[1]), "--skeleton", "mouse4", "-o", str(out)]
    refused = CliRunner().invoke(main, command)
    assert refused.exit_code == 2
    assert "--size WIDTHxHEIGHT" in refused.stderr
    assert CliRunner().invoke(main, [*command, "--size", "96"]).exit_code == 2
    done = CliRunner().invoke(main, [*command, "--size", "96x80"])
    assert done.exit_code == 0, done.output
    with np.load(out) as stored:
        assert stored["points"].shape == (5, 4, 2)
        assert stored["sizes"].tolist() == [[96, 80]] * 5
