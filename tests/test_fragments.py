import io
import struct
from itertools import chain

import pytest
from doubles import frames

from engines import DataError
from realtime import fragments as module
from realtime.film import Film
from realtime.fragments import Fragments


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """The bytes of a video of thirty frames."""
    path = tmp_path_factory.mktemp("film") / "v.mp4"
    film = Film((64, 48), 30.0, lossless=False, waits=True)
    film.start(path)
    for frame in frames(30):
        film.put(frame)
    film.close()
    return path.read_bytes()


def box(kind, *content):
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def numbers(*values):
    return struct.pack(f">{len(values)}I", *values)


HEADER = box(b"ftyp") + box(
    b"moov", box(b"trak", box(b"mdia", box(b"mdhd", numbers(0, 0, 0, 1000, 0))))
)


def fragment(run, *, head=None, start=None, data=b"x" * 100):
    head = numbers(0x8, 1, 40) if head is None else head  # every frame lasts 40 ticks
    start = numbers(0, 120) if start is None else start
    track = box(b"traf", box(b"tfhd", head), box(b"tfdt", start), box(b"trun", run))
    return box(b"moof", track) + box(b"mdat", data)


def read(data):
    fragments = Fragments(io.BytesIO(data))
    return [list(fragment.times) for fragment in fragments], fragments


def test_every_cut_leaves_the_fragments_before_it(film):
    whole, fragments = read(film)
    assert list(chain(*whole)) == [i * 33_000 for i in range(30)]
    assert fragments.timescale == 1_000_000
    ends = [fragment.end for fragment in Fragments(io.BytesIO(film))]
    assert ends[-1] <= len(film)
    for cut in range(0, len(film), 7):
        times, cut_short = read(film[:cut])
        count = sum(end <= cut for end in ends)
        assert times == whole[:count]
        assert cut_short.end == ([0, *ends][count] or cut_short.end) <= cut
        assert (cut_short.cut_off or count == len(ends)) or cut in (0, cut_short.end)


def test_times_may_be_given_in_every_way_the_standard_has():
    assert read(HEADER + fragment(numbers(0, 3)))[0] == [[120, 160, 200]]
    assert read(HEADER + fragment(numbers(0x100, 2, 7, 9)))[0] == [[120, 127]]
    assert read(HEADER + fragment(numbers(0x305, 2, 0, 0, 7, 50, 9, 50)))[0] == [[120, 127]]
    wide = numbers(0x01000000, 1, 0)
    assert read(HEADER + fragment(numbers(0, 2), start=wide))[0] == [[1 << 32, (1 << 32) + 40]]
    head = numbers(0xB, 1, 0, 0, 0, 25)  # with an offset and a description before the duration
    assert read(HEADER + fragment(numbers(0, 2), head=head))[0] == [[120, 145]]


def test_a_large_box_has_a_wide_length():
    data = fragment(numbers(0, 3))
    at = data.index(b"mdat") - 4
    large = data[:at] + struct.pack(">I4sQ", 1, b"mdat", 16 + 100) + data[at + 8 :]
    assert read(HEADER + large)[0] == [[120, 160, 200]]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"plain text", "another kind of file"),
        (box(b"ftyp") + box(b"mdat"), "no header"),
        (box(b"ftyp") + box(b"free") * 1001, "no header"),
        (box(b"ftyp") + box(b"moov"), "0 boxes 'trak'"),
        (box(b"ftyp") + box(b"moov", bytes(module.MAX_TABLE_BYTES + 1)), "a table of"),
        (HEADER + struct.pack(">I4s", 7, b"moof"), "shorter than its own head"),
        (HEADER + struct.pack(">I4sQ", 1, b"moof", 15), "shorter than its own head"),
        (HEADER + box(b"free") * 1002, "boxes without end"),
        (HEADER + fragment(numbers(0, 101)), "more frames than data"),
        (HEADER + fragment(numbers(0, 2**32 - 1)), "too many"),
        (HEADER + fragment(numbers(0x800, 1, 5)), "out of order"),
        (HEADER + fragment(numbers(0x100, 2, 7)), "ends too early"),
        (HEADER + fragment(b""), "ends too early"),
        (HEADER + fragment(numbers(0, 1), start=b""), "ends too early"),
    ],
)
def test_what_keycam_did_not_write_is_refused(data, message):
    with pytest.raises(DataError, match=message):
        read(data)


def test_nothing_yet_is_no_mistake():
    for data in (b"", HEADER, HEADER[:20]):
        times, fragments = read(data)
        assert times == []
        assert fragments.cut_off == (data not in (b"", HEADER))
