"""Recordings that are killed: a few here; `python tests/kills.py` does two hundred, and times."""

import sys

import pytest
from kills import figures, kill_many


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_kill_leaves_a_session_that_opens_and_a_video_that_plays() -> None:
    table = figures(kill_many(12, seed=1))
    assert table["right"] == table["valid_after_repair"] == 12
    assert table["videos_that_play"] == table["with_video"] >= 9  # none before the second frame
