import pytest

from engines import DataError
from realtime.filtering import LAG_MS, Filtering, as_recorded, told
from realtime.smoothing import Smoothing


def test_options_mean_what_they_say() -> None:
    assert Filtering.of() == Filtering()
    assert Filtering.of(tune_smoothing=True).lag_ms == LAG_MS
    assert Filtering.of(lag=50.0).lag_ms == 50.0
    assert Filtering.of(smoothing="0.5,20").smoothing == Smoothing(min_cutoff_hz=0.5, beta=20)
    assert Filtering.of(predict=0.0) == Filtering(predict=True)
    assert Filtering.of(predict=40.0) == Filtering(predict=True, ahead_ms=40.0)


@pytest.mark.parametrize("text", ["", "1", "1,2,3", "a,b", "0,1", "-1,1", "1,-1", "nan,1", "1,inf"])
def test_smoothing_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="smoothing"):
        Filtering.of(smoothing=text)


def test_a_replay_smooths_as_was_recorded_unless_it_is_told_otherwise() -> None:
    options = {"smoothing": "0.5,20"}
    own = Smoothing(min_cutoff_hz=0.5, beta=20)
    assert as_recorded(Filtering(), options) == Filtering(smoothing=own)
    assert as_recorded(Filtering(), {}) == Filtering()  # of an older recording
    other = Filtering(smoothing=Smoothing(beta=1))
    assert as_recorded(other, options) == other
    with pytest.raises(DataError):
        as_recorded(Filtering(), {"smoothing": ["hostile"]})


def test_what_was_found_is_told() -> None:
    assert told({}) == []
    (line,) = told({"tuned": {"smoothing": "0.5,20"}})
    assert "--smoothing 0.5,20" in line
