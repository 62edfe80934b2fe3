"""What a large frame costs the live loop beside a small one: python examples/compare_sizes.py

    python examples/compare_sizes.py [ROUNDS [SIZE ...]]

They are measured in turns as by `keycam bench`: the built-in face, decoded ahead, drawn as for a
new window. "all" is the loop without "grab", the stand-in for a camera's decoder; the last column
is how many times the first size's "all" each takes. Sizes are 1280x720 and 3840x2160 unless others
are named. The best tenth of all frames says more than the median where the machine is busy.
"""

import sys

import numpy as np

from realtime.contest import Contestant, compete

FRAMES = 120  # of each size in a round

rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
sizes = sys.argv[2:] or ["1280x720", "3840x2160"]


def main() -> None:
    rows = {}
    contestants = [Contestant(f"synthetic:size={size}", "face68", "cpu") for size in sizes]
    try:
        done = compete(contestants, turns=rounds, frames=rounds * FRAMES, batches=())
    finally:
        for contestant in contestants:
            contestant.close()
    for size, turns in zip(sizes, done, strict=True):
        stages = {name: np.concatenate(own) for name, own in turns.samples.items()}
        rows[size] = {name: stages[name] for name in ("crop", "infer", "track", "draw")}
        rows[size]["all"] = np.sum(list(rows[size].values()), axis=0)
    for name, percent in (("median", 50), ("best tenth", 10)):
        middle = {
            size: {stage: float(np.percentile(own, percent)) for stage, own in row.items()}
            for size, row in rows.items()
        }
        print(f"{name + ', ms':<16}" + "".join(f"{stage:>8}" for stage in rows[sizes[0]]))
        for size, row in middle.items():
            times = row["all"] / middle[sizes[0]]["all"]
            print(f"{size:<16}" + "".join(f"{own:8.2f}" for own in row.values()) + f"{times:8.2f}")


if __name__ == "__main__":
    main()
