import sys

import pytest
from click.testing import CliRunner
from made_session import made_session

from engines import DataError
from realtime.cli import main
from realtime.export import tables
from realtime.export.files import fresh
from realtime.export.formats import FORMATS, export
from realtime.session import SessionError


@pytest.fixture
def session(tmp_path, mouse_skeleton):
    return made_session(tmp_path / "s", mouse_skeleton)


def entries(folder):
    return sorted(path.name for path in folder.iterdir())


def test_files_are_named_after_the_session(session, tmp_path):
    assert export(session, "csv") == [tmp_path / "s.csv"]
    assert export(session, "dlc") == [
        tmp_path / "sDLC_made-up.csv",
        tmp_path / "sDLC_made-up_timestamps.csv",
    ]
    assert export(session, "coco", tmp_path / "a.json") == [
        tmp_path / "a.json",
        tmp_path / "a_results.json",
    ]


@pytest.mark.parametrize(("to", "output"), [("csvv", None), ("csv", "a.json"), ("dlc-h5", "a.csv")])
def test_unknown_formats_and_wrong_endings_are_refused(session, to, output):
    with pytest.raises(DataError, match=r"no format|named \*\."):
        export(session, to, output)


def test_what_fails_leaves_nothing_and_keeps_what_was_there(session, tmp_path, monkeypatch):
    (tmp_path / "s.csv").write_text("mine")

    def fail(rows, path):
        path.write_text("half")
        raise ZeroDivisionError

    monkeypatch.setattr(tables, "write_long", fail)
    with pytest.raises(ZeroDivisionError):
        export(session, "csv")
    assert (tmp_path / "s.csv").read_text() == "mine"
    assert entries(tmp_path) == ["s", "s.csv"]


def test_a_folder_that_is_not_there(session, tmp_path):
    with pytest.raises(SessionError, match=r"cannot be written.*choose another -o"):
        export(session, "csv", tmp_path / "none" / "a.csv")


def test_several_files_appear_together(tmp_path):
    one, two = tmp_path / "one.txt", tmp_path / "two.txt"
    with fresh([one, two]) as parts:
        for part in parts:
            part.write_text(part.suffix)
        assert not one.exists()
    assert (one.read_text(), two.read_text()) == (".txt", ".txt")
    assert entries(tmp_path) == ["one.txt", "two.txt"]


def test_the_command_names_what_it_wrote(session, tmp_path):
    done = CliRunner().invoke(main, ["export", str(session), "--to", "dlc", "--raw"])
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        str(tmp_path / "sDLC_made-up.csv"),
        str(tmp_path / "sDLC_made-up_timestamps.csv"),
    ]
    assert ",10.50,40.25,0.625," in (tmp_path / "sDLC_made-up.csv").read_text()


@pytest.mark.parametrize("to", ["dlc-h5", "sleap", "slp", "nwb", "parquet", "rrd"])
def test_a_missing_package_is_one_line_with_the_extra(session, monkeypatch, to):
    for name in ("h5py", "pandas", "sleap_io", "pynwb", "ndx_pose", "pyarrow", "rerun"):
        monkeypatch.setitem(sys.modules, name, None)
    done = CliRunner().invoke(main, ["export", str(session), "--to", to])
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert f'pip install "keycam[{"slp" if to == "slp" else "export"}]"' in line
    assert entries(session.parent) == ["s"]


def test_every_format_is_offered() -> None:
    text = CliRunner().invoke(main, ["export", "--help"]).stdout
    assert all(name in text for name in FORMATS)
