import numpy as np
import pytest
from doubles import FakeLive

from realtime.frame import Frame
from realtime.gap import Gap
from realtime.memory import Memory
from realtime.source import SourceError
from realtime.turned import Turned

PICTURE = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize(("rotate", "quarters"), [(0, 0), (90, -1), (180, 2), (270, 1)])
def test_pictures_are_turned_clockwise_and_then_flipped(flip, rotate, quarters):
    expected = np.rot90(PICTURE, quarters)
    expected = expected[:, ::-1] if flip else expected
    with Turned(Memory([PICTURE]), flip=flip, rotate=rotate) as source:
        [frame] = source
    assert source.size == (expected.shape[1], expected.shape[0])
    np.testing.assert_array_equal(frame.image, expected)
    assert frame.image.flags.c_contiguous


def test_all_else_is_as_it_was():
    class Gappy(FakeLive):
        def beats(self):
            self.dropped = 4
            yield Frame(PICTURE, 4, 11, 4)
            yield Gap(since_ns=11, reason="unplugged")
            raise SourceError("gone")

    inner = Gappy()
    inner.camera = {"id": "x"}
    source = Turned(inner, rotate=180)
    assert (source.live, source.fps, source.name) == (True, inner.fps, inner.name)
    assert source.camera == {"id": "x"}
    beats = source.beats()
    frame = next(beats)
    assert (frame.index, frame.time_ns, frame.dropped, source.dropped) == (4, 11, 4, 4)
    assert next(beats).reason == "unplugged"
    with pytest.raises(SourceError, match="gone"):
        next(beats)
    source.close()
    assert inner._closed.is_set()
