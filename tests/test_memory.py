import pytest
from doubles import number_of, numbered

from realtime.memory import Memory
from realtime.source import SourceError
from realtime.synthetic import open_synthetic


def test_pictures_repeat_with_rising_index_and_time():
    source = Memory([numbered(0), numbered(1)], fps=100, repeat=3)
    frames = list(source)
    assert [number_of(frame.image) for frame in frames] == [0, 1] * 3
    assert [frame.index for frame in frames] == list(range(6))
    assert [frame.time_ns - frames[0].time_ns for frame in frames] == [i * 10**7 for i in range(6)]
    assert source.size == (64, 48)


def test_a_source_is_read_ahead():
    with open_synthetic("synthetic:size=64x64,fps=10") as endless:
        source = Memory.ahead(endless, 3)
    assert (len(list(source)), source.fps, source.name) == (3, 10.0, endless.name)


def test_closing_ends_the_iteration():
    source = Memory([numbered(0)], repeat=9)
    arriving = iter(source)
    next(arriving)
    source.close()
    assert list(arriving) == []


def test_no_pictures():
    with pytest.raises(SourceError, match="no pictures"):
        Memory([])
