import logging

import pytest

from engines import DataError
from train.finding import Finding, Hearing, named, stop_if_needed


def test_a_finding_is_one_line_with_its_remedy() -> None:
    told = Finding(where="a.mp4", what="too dark", remedy="add light")
    assert str(told) == "a.mp4: too dark; add light"
    assert str(Finding(what="a.mp4: ends early")) == "a.mp4: ends early"
    assert Finding.from_dict(vars(told)) == told
    with pytest.raises(DataError, match="not a finding"):
        Finding.from_dict({"what": "x", "colour": "red"})


def test_only_what_leaves_nothing_stops() -> None:
    stop_if_needed([Finding(what="dark")])
    with pytest.raises(DataError, match="all frames are alike; film again"):
        stop_if_needed(
            [
                Finding(what="x"),
                Finding(severity="stop", what="all frames are alike", remedy="film again"),
            ]
        )


def test_many_names_are_cut_short() -> None:
    assert named(["a", "b"]) == "a, b"
    assert named(list("abcde")) == "a, b, c and 2 more"


def test_warnings_of_the_package_are_heard_and_gathered() -> None:
    log = logging.getLogger("train.videos")
    with Hearing() as hearing:
        for n in range(5):
            log.warning("%s: not a readable picture", f"{n}.png")
        for _ in range(2):
            log.warning("%s: ends early", "a.mp4")
        log.info("nothing")
    log.warning("%s: said too late", "b.mp4")
    assert [finding.what for finding in hearing.findings] == [
        "0.png: not a readable picture",
        "1.png: not a readable picture",
        "2.png: not a readable picture",
        "and 2 more of the same kind",
        "a.mp4: ends early",
    ]
