"""Latencies as text, for people."""

from collections.abc import Mapping

from realtime.timing import Percentiles


def latency_table(stages: Mapping[str, Percentiles], age: Percentiles | None) -> str:
    """One line per stage, milliseconds, and the age of frames once they are drawn.

    Stages are nested: "loop" is a whole turn of the loop and holds all the others.
    """
    rows = dict(stages) if age is None else {**stages, "age": age}
    if not rows:
        return "too few frames to time any after the warm-up"
    lines = [f"{'ms':<10}{'p50':>8}{'p90':>8}{'p99':>8}{'frames':>9}"]
    lines += [
        f"{name:<10}{row.p50_ms:>8.2f}{row.p90_ms:>8.2f}{row.p99_ms:>8.2f}{row.n:>9}"
        for name, row in rows.items()
    ]
    return "\n".join(lines)


def throughput_table(engines: Mapping[str, Mapping[int, tuple[float, float]]]) -> str:
    """One line per engine: crops a second at each batch, and the share of the machine's peak."""
    batches = sorted({batch for rows in engines.values() for batch in rows})
    wide = max([len("crops per second"), *map(len, engines)])
    head = "".join(f"{f'batch {batch}':>16}" for batch in batches)
    lines = [f"{'crops per second':<{wide}}{head}"]
    for name, rows in engines.items():
        cells = (f"{rate:.0f} ({share:.0%})" for rate, share in (rows[b] for b in batches))
        lines.append(f"{name:<{wide}}" + "".join(f"{cell:>16}" for cell in cells))
    return "\n".join([*lines, "in brackets: of the machine's measured fp32 peak of one thread"])
