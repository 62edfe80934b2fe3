from pathlib import Path

import cv2
import numpy as np
import pytest
from command_line import keycam, refused

from realtime.bench import Bench, Run
from realtime.timing import Percentiles


def run_of(engine: str, scale: float) -> Run:
    rng = np.random.default_rng(0)
    middles = {"crop": 0.2, "infer": 1.3, "track": 0.2, "draw": 0.5, "loop": 2.3, "age": 2.3}
    samples = {
        name: (scale * middle * rng.lognormal(0, 0.2, 300)).tolist()
        for name, middle in middles.items()
    }
    rows = {name: Percentiles.of(values) for name, values in samples.items()}
    age = rows.pop("age")
    return Run(
        engine=engine,
        device="cpu",
        precision="fp32",
        stages=rows,
        age=age,
        noise=dict.fromkeys(rows, 0.01),
        samples=samples,
        fps=1.0,
        drops=0,
        tracked=1.0,
        throughput={},
    )


@pytest.mark.parametrize("engines", [["one"], ["one", "other", "third"]])
def test_a_picture_with_a_row_per_engine(engines: list[str], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from realtime.histogram import draw

    runs = [run_of(engine, 1 + i) for i, engine in enumerate(engines)]
    bench = Bench(source="clip", size=(640, 480), model={"name": "m"}, peak_gflops=90.0, runs=runs)
    path = draw(bench, tmp_path / "plot.png")
    picture = cv2.imread(str(path))
    assert picture.shape[1] == 1650
    blue = (np.abs(picture.astype(int) - (230, 202, 142)).max(axis=2) < 12).any(axis=1)
    assert np.diff(blue.astype(int)).tolist().count(1) >= len(engines)
    assert [own.name for own in tmp_path.iterdir()] == ["plot.png"]


def test_a_plot_that_could_not_be_written_is_refused_first(blob_path: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    refused(keycam("bench", "-m", blob_path, "--plot", tmp_path / "plot.txt"), "plot.txt", ".png")
    missing = tmp_path / "none" / "plot.png"
    refused(keycam("bench", "-m", blob_path, "--plot", missing), "no such folder")
