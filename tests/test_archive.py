from pathlib import Path

import cv2
import pytest
from blob_model import blob_image

from engines import DataError
from realtime.archive import Options, do, plan, several
from realtime.session import open_session


def clip(path: Path, frames: int = 6, start: int = 40) -> Path:
    """A video of a disc on its way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (160, 120))
    for i in range(frames):
        writer.write(blob_image(160, 120, start + 2 * i, 50, 9))
    writer.release()
    return path


@pytest.fixture
def clips(tmp_path):
    folder = tmp_path / "clips"
    clip(folder / "a.avi")
    clip(folder / "deep" / "b.avi", start=60)
    (folder / "notes.txt").write_text("not a video")
    for number in range(3):
        (folder / "pictures").mkdir(exist_ok=True)
        cv2.imwrite(str(folder / "pictures" / f"{number}.png"), blob_image(96, 96, 40, 50))
    return folder


def names(jobs):
    return sorted(job.name for job in jobs)


def test_what_stands_for_many_files(clips, monkeypatch):
    monkeypatch.chdir(clips)
    assert several(["a.avi", "b.avi"])
    assert several([str(clips)])
    assert several(["*.avi"])
    assert not several(["a.avi"])
    assert not several([str(clips / "pictures")])
    assert not several(["rtsp://camera/[1]"])
    assert not several(["0"])
    Path("odd[1].avi").touch()
    assert not several(["odd[1].avi"])


def test_folders_patterns_and_files_are_found_once(clips, tmp_path):
    jobs = plan([str(clips), str(clips / "*.avi"), str(clips / "a.avi")], tmp_path, Options())
    assert names(jobs) == ["a", "b", "pictures"]
    assert all(Path(job.source).is_absolute() for job in jobs)
    assert names(plan([str(clips / "**" / "*.avi")], tmp_path, Options())) == ["a", "b"]


def test_names_grow_until_they_differ(clips, tmp_path):
    clip(clips / "deep" / "a.avi")
    clip(clips / "deep" / "b.mp4.avi")
    jobs = plan([str(clips)], tmp_path, Options())
    assert names(jobs) == ["b", "b.mp4", "clips-a-avi", "deep-a-avi", "pictures"]


@pytest.mark.parametrize("source", ["none.avi", "none*.avi"])
def test_what_names_nothing_is_refused(tmp_path, source):
    with pytest.raises(DataError, match="no video and no pictures there"):
        plan([str(tmp_path / source)], tmp_path, Options())
    with pytest.raises(DataError, match="no video and no pictures there"):
        plan([str(tmp_path)], tmp_path, Options())


@pytest.fixture
def job(clips, tmp_path, blob_path):
    return plan([str(clips / "a.avi")], tmp_path / "out", Options(model=str(blob_path)))[0]


def test_a_finished_file_is_skipped_until_it_changes(job, clips):
    first = do(job)
    assert (first.status, first.frames) == ("recorded", 6)
    assert [record.frame for record in open_session(first.session)] == list(range(6))
    second = do(job)
    assert (second.status, second.session, second.frames) == ("skipped", first.session, 6)
    (clips / "a.avi").rename(clips / "moved.avi")
    moved = plan([str(clips / "moved.avi")], Path(job.output), job.options)[0]
    assert do(moved).status == "skipped"
    clip(clips / "a.avi", frames=4)
    changed = do(job)
    assert changed.status == "failed"
    assert "made from another file or model" in changed.message


def test_a_session_that_was_taken_away_is_made_again(job):
    session = Path(do(job).session)
    session.rename(session.with_name("elsewhere"))
    assert do(job).status == "recorded"


def test_what_was_left_half_done_is_done_again(job):
    part = Path(job.output) / ".part" / job.name
    part.mkdir(parents=True)
    (part / "poses.jsonl").write_text("{")
    assert do(job).status == "recorded"
    assert not part.exists()
    receipts = list((Path(job.output) / ".finished").iterdir())
    receipts[0].write_text("[" * 10_000)
    assert "choose another -o" in do(job).message


def test_whatever_goes_wrong_is_the_outcome(job, clips, monkeypatch):
    (clips / "a.avi").write_bytes(b"RIFF" + bytes(100))
    damaged = do(job)
    assert damaged.status == "failed"
    assert "a.avi" in damaged.message

    def fail(*arguments, **options):
        raise ZeroDivisionError("by nought")

    monkeypatch.setattr("realtime.archive.watch", fail)
    assert do(job).message == "ZeroDivisionError: by nought"
    assert not (Path(job.output) / job.name).exists()


def test_an_interrupted_file_is_not_finished(job, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("realtime.tracker.Tracker.track", interrupt)
    outcome = do(job)
    assert (outcome.status, "start again" in outcome.message) == ("failed", True)
    monkeypatch.undo()
    assert do(job).status == "recorded"
