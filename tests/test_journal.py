import errno

import pytest

from realtime.journal import Journal


class Disk:
    """A raw file on a disk with room for so many bytes; it takes few at a time."""

    def __init__(self, file, room):
        self._file, self._room = file, room

    def write(self, data):
        if not self._room:
            raise OSError(errno.ENOSPC, "No space left on device")
        part = data[: min(self._room, 7)]
        self._room -= len(part)
        return self._file.write(part)

    def __getattr__(self, name):
        return getattr(self._file, name)


def test_lines_are_on_disk_after_a_flush(tmp_path):
    journal = Journal(tmp_path / "j")
    journal.write(b"one\n")
    journal.write(b"two\n")
    assert (journal.lines, (tmp_path / "j").read_bytes()) == (0, b"")
    journal.flush()
    assert (journal.lines, (tmp_path / "j").read_bytes()) == (2, b"one\ntwo\n")
    journal.close()


@pytest.mark.parametrize("room", range(13))
def test_a_full_disk_leaves_whole_lines(tmp_path, room):
    journal = Journal(tmp_path / "j")
    journal._file = Disk(journal._file, room)
    for line in (b"first\n", b"second\n"):
        journal.write(line)
    if room < 13:
        with pytest.raises(OSError, match="No space"):
            journal.flush()
    assert (tmp_path / "j").read_bytes() == (b"first\n" if room >= 6 else b"")
    assert journal.lines == (room >= 6)
    journal.close()


def test_a_deleted_file_is_noticed(tmp_path):
    journal = Journal(tmp_path / "j")
    journal.check_there()
    (tmp_path / "j").unlink()
    with pytest.raises(FileNotFoundError, match="deleted"):
        journal.check_there()
    journal.close()
