from realtime.table import latency_table, throughput_table
from realtime.timing import Percentiles


def test_a_line_per_stage_and_one_for_the_age() -> None:
    rows = {"crop": Percentiles(0.1, 0.2, 0.3, 50), "loop": Percentiles(1234.5, 2e3, 3e3, 50)}
    head, crop, loop, age = latency_table(rows, Percentiles(1, 2, 3, 50)).splitlines()
    assert head.split() == ["ms", "p50", "p90", "p99", "frames"]
    assert crop.split() == ["crop", "0.10", "0.20", "0.30", "50"]
    assert loop.split() == ["loop", "1234.50", "2000.00", "3000.00", "50"]
    assert age.split() == ["age", "1.00", "2.00", "3.00", "50"]
    assert len({len(line) for line in (head, crop, loop, age)}) == 1


def test_a_run_that_ended_in_the_warm_up_says_so() -> None:
    assert "warm-up" in latency_table({}, None)


def test_throughput_has_a_line_per_engine_and_a_column_per_batch() -> None:
    text = throughput_table({"one": {1: (640.4, 0.5)}, "another": {1: (64.0, 0.05)}})
    head, one, other, note = text.splitlines()
    assert head.split() == ["crops", "per", "second", "batch", "1"]
    assert one.split() == ["one", "640", "(50%)"]
    assert other.split() == ["another", "64", "(5%)"]
    assert len({len(line) for line in (head, one, other)}) == 1
    assert "peak" in note
