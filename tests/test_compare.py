import json
from pathlib import Path
from typing import Any

import pytest
from command_line import keycam, refused

from engines import DataError
from realtime.compare import compare, read_bench


def result(engine: str = "onnxruntime 1.28.0 cpu", infer_ms: float = 2.0) -> dict[str, Any]:
    def row(p50_ms: float) -> dict[str, float]:
        return {"p50_ms": p50_ms, "p90_ms": 1.2 * p50_ms, "p99_ms": 2 * p50_ms, "n": 1000}

    run = {
        "engine": engine,
        "precision": "fp32",
        "stages": {"infer": row(infer_ms), "loop": row(4.0)},
        "noise": {"infer": 0.03, "loop": 0.04},
    }
    return {
        "machine": {"cpu": "a", "cores": 2},
        "versions": {"numpy": "2.0"},
        "model": {"sha256": "f"},
        "runs": [run],
    }


def row_of(text: str, stage: str) -> list[str]:
    return next(line.split() for line in text.splitlines() if line.startswith(stage))


def test_ratio_noise_and_verdict_by_stage() -> None:
    text = compare(result(), result(infer_ms=1.0))
    assert row_of(text, "infer") == ["infer", "2.000", "1.000", "0.50", "±4.2%", "faster"]
    assert row_of(text, "loop") == ["loop", "4.000", "4.000", "1.00", "±5.7%"]
    assert row_of(compare(result(infer_ms=1.0), result()), "infer")[-1] == "slower"


def test_within_the_noise_nothing_is_claimed() -> None:
    assert row_of(compare(result(infer_ms=2.0), result(infer_ms=2.1)), "infer")[-1] == "±4.2%"


def test_engines_belong_together_whatever_their_version() -> None:
    text = compare(result(), result("onnxruntime 1.40.0 cpu"))
    assert "infer" in text
    assert "not in the old file" in compare(result(), result("openvino 1"))


def test_other_machines_and_models_are_named() -> None:
    old = result()
    old["machine"]["cpu"], old["versions"]["numpy"], old["model"]["sha256"] = "b", "1.0", "e"
    lines = compare(old, result()).splitlines()
    assert lines[:3] == [
        "machine: cpu was b, is a",
        "versions: numpy was 1.0, is 2.0",
        "model: sha256 was e, is f",
    ]


def test_files_without_their_own_noise_are_read_too() -> None:
    old = result()
    del old["runs"][0]["noise"]
    expected = ((1.2533 * 0.2 / 1.2816 / 1000**0.5) ** 2 + 0.03**2) ** 0.5
    assert row_of(compare(old, result()), "infer")[4] == f"±{expected:.1%}"


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"runs": 3}', '{"runs": []}', '{"runs": [{}]}', "[" * 99_999, "null"],
)
def test_foreign_files_are_refused(text: str, tmp_path: Path, blob_path: Path) -> None:
    path = tmp_path / "old.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"old\.json"):
        read_bench(path)
    refused(keycam("bench", "-m", blob_path, "--compare", path), "old.json")


@pytest.mark.parametrize("value", ["fast", None, -1.0, 0, [1]])
def test_damaged_numbers_are_refused(value: object, tmp_path: Path) -> None:
    table = result()
    table["runs"][0]["stages"]["infer"]["p50_ms"] = value
    path = tmp_path / "old.json"
    path.write_text(json.dumps(table))
    with pytest.raises(DataError, match="no result of"):
        read_bench(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_bench(tmp_path / "none.json")


def test_the_command_compares_with_its_own_file(blob_path: Path, tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    short = ["--source", "synthetic:size=96x72", "-m", blob_path, "--frames", 5]
    assert keycam("bench", *short, "--json", file).exit_code == 0
    again = keycam("bench", *short, "--compare", file)
    assert again.exit_code == 0, again.output
    assert "ratio" in again.stdout
