from pathlib import Path

import pytest

from engines import DataError
from realtime import filename
from realtime.filename import by_time, check_writable


def test_a_name_that_is_taken_in_part_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Noon(filename.datetime):
        @classmethod
        def now(cls) -> "Noon":
            return cls(2026, 11, 22, 12, 0, 0)

    monkeypatch.setattr(filename, "datetime", Noon)
    first = by_time(tmp_path, ".png", "-frame.png")
    assert [path.name for path in first] == [
        "keycam-20261122-120000.png",
        "keycam-20261122-120000-frame.png",
    ]
    first[1].touch()
    second = by_time(tmp_path, ".png", "-frame.png")
    assert second[0].name == "keycam-20261122-120000-2.png"
    second[0].symlink_to("nowhere")
    assert by_time(tmp_path, ".png", "-frame.png")[0].name == "keycam-20261122-120000-3.png"


def test_a_file_is_no_folder_to_record_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="file: cannot be written"):
        check_writable(tmp_path / "file")
    check_writable(tmp_path)
    check_writable(tmp_path / "to be made")
