from pathlib import Path
from threading import Event

import cv2
import numpy as np
import pytest
from doubles import frames

from realtime.controls import Action, Controls
from realtime.snapshot import Snapshots, write_png

(FRAME,) = frames(1)
SHOWN = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
CLEAN = 255 - SHOWN


def test_both_pictures_are_written_exactly_and_never_over_others(tmp_path: Path) -> None:
    controls = Controls(Event())
    snapshots = Snapshots(tmp_path / "new", lambda: (SHOWN, CLEAN), controls)
    controls.on(Action.SNAPSHOT, snapshots.snap)
    for _ in range(3):
        controls.ask(Action.SNAPSHOT)
    controls.act(FRAME)
    snapshots.close()
    made = sorted((tmp_path / "new").iterdir())
    clean = [path for path in made if path.stem.endswith("-frame")]
    assert (len(made), len(clean)) == (6, 3)
    for path in made:
        expected = CLEAN if path in clean else SHOWN
        np.testing.assert_array_equal(cv2.imread(str(path)), expected)
    assert controls.said.startswith("snapshot keycam-")


def test_a_folder_that_cannot_be_made_is_told_and_the_loop_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    controls = Controls(Event())
    snapshots = Snapshots(tmp_path / "file", lambda: (SHOWN, CLEAN), controls)
    snapshots.snap(FRAME, None)
    snapshots.close()
    assert "no snapshot" in controls.said
    assert "no snapshot" in caplog.text


def test_before_the_first_picture_there_is_none(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path, lambda: None, Controls(Event()))
    snapshots.snap(FRAME, None)
    snapshots.close()
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        write_png(tmp_path / "x.png", SHOWN)
    assert list(tmp_path.iterdir()) == []
