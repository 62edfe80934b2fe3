import numpy as np
import pytest
from made_session import COUNT, LOST, made_records, made_session, made_time_ns, truth

from realtime.export import rows as module
from realtime.export.rows import Rows
from realtime.session import SessionError, open_session


def joined(rows: Rows, name: str) -> np.ndarray:
    return np.concatenate([getattr(chunk, name) for chunk in rows])


@pytest.fixture
def session(tmp_path, mouse_skeleton):
    return open_session(made_session(tmp_path / "s", mouse_skeleton))


@pytest.mark.parametrize("chunk", [1, 2, 7, 1000])
@pytest.mark.parametrize("raw", [False, True])
def test_every_frame_of_the_source_is_a_row(session, mouse_skeleton, monkeypatch, chunk, raw):
    monkeypatch.setattr(module, "CHUNK", chunk)
    rows = Rows.of(session, raw=raw)
    points, confidence = truth(mouse_skeleton, raw=raw)
    for _ in range(2):
        assert np.allclose(joined(rows, "points")[:, 0], points, atol=0.006, equal_nan=True)
    assert np.allclose(joined(rows, "confidence")[:, 0], confidence, equal_nan=True)
    assert [number for part in rows for number in part.numbers] == list(range(COUNT))
    assert np.flatnonzero(joined(rows, "lost")).tolist() == list(LOST)
    assert (rows.count, rows.lost, rows.subjects) == (COUNT, len(LOST), (0,))
    assert (rows.model, rows.shown) == ("made up", "memory")


def test_times_are_the_captures_and_rise_where_nothing_was_captured(session):
    rows = Rows.of(session)
    times = joined(rows, "time_ns")
    there = sorted(set(range(COUNT)) - set(LOST))
    assert times[there].tolist() == [made_time_ns(number) for number in there]
    assert (np.diff(times) > 0).all()
    assert times[8] == (times[6] + times[10]) // 2
    assert times[0] == rows.first_ns - rows.period_ns


def test_subjects_come_and_go(tmp_path, mouse_skeleton):
    path = made_session(tmp_path / "s", mouse_skeleton, subjects=(7, 2))
    rows = Rows.of(open_session(path))
    assert (rows.subjects, rows.names) == ((2, 7), ["id_2", "id_7"])
    for column, subject in enumerate(rows.subjects):
        points, _ = truth(mouse_skeleton, subject=subject)
        assert np.allclose(joined(rows, "points")[:, column], points, atol=0.006, equal_nan=True)


def test_mean_confidence_of_what_was_found(session):
    rows = Rows.of(session)
    scores, sure = joined(rows, "scores")[:, 0], joined(rows, "confidence")[:, 0]
    assert np.isnan(scores[list(LOST)]).all()
    assert scores[5] == pytest.approx(sure[5, [0, 2, 3]].mean())


def spoil(session, lines):
    (session.path / "poses.jsonl").write_bytes(b"".join(lines))


def test_what_cannot_be_shown_is_refused(session, mouse_skeleton):
    records = list(made_records(mouse_skeleton, COUNT, (0,)))
    lines = [record.to_line() for record in records]
    spoil(session, [])
    with pytest.raises(SessionError, match="no frame in it"):
        Rows.of(session)
    spoil(session, [lines[1], lines[0]])
    with pytest.raises(SessionError, match="frame 1 comes after 2"):
        Rows.of(session)
    spoil(session, [lines[0], lines[1].replace(b"5068600000", b"1")])
    with pytest.raises(SessionError, match="time of frame 2 does not rise"):
        Rows.of(session)
    spoil(session, [lines[0], lines[1].replace(b'"frame":2', b'"frame":%d' % 10**15)])
    with pytest.raises(SessionError, match="beyond"):
        Rows.of(session)


def test_too_many_subjects_are_refused(session, mouse_skeleton, monkeypatch):
    monkeypatch.setattr(module, "MAX_SUBJECTS", 2)
    spoil(session, [r.to_line() for r in made_records(mouse_skeleton, 3, (1, 2, 3))])
    with pytest.raises(SessionError, match="more than 2 subjects"):
        Rows.of(session)
