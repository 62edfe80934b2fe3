import errno
import json
import os
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import pytest

from engines import EngineError
from engines.plans import Fingerprint, NoPlan, Plan, Plans, cache_folder

HERE = Fingerprint(
    model="a" * 64,
    library="TensorRT 11.4.0",
    gpu="Fake 1000",
    capability="8.9",
    driver="580.95, CUDA 13.0",
    precision="fp16",
    batch=4,
)
PLAN = Plan(content=b"plan" * 99, precision="mixed", tried={"fp16": "moved", "mixed": "0.01 px"})


@pytest.fixture
def plans(tmp_path: Path) -> Plans:
    return Plans(tmp_path / "plans")


def why(plans: Plans, fingerprint: Fingerprint = HERE) -> str:
    with pytest.raises(NoPlan) as caught:
        plans.read(fingerprint)
    return str(caught.value)


def test_what_was_written_is_read(plans: Plans) -> None:
    assert why(plans) == "no plan of this model yet"
    path = plans.write(HERE, PLAN)
    assert plans.read(HERE) == PLAN
    assert path.read_bytes() == PLAN.content
    assert sorted(own.suffix for own in plans.folder.iterdir()) == [".json", ".plan"]
    other = replace(PLAN, content=b"new", tried={})
    plans.write(HERE, other)
    assert plans.read(HERE) == other


@pytest.mark.parametrize("field", [field.name for field in fields(Fingerprint)])
def test_every_field_makes_another_plan_and_is_named(plans: Plans, field: str) -> None:
    plans.write(HERE, PLAN)
    now: Any = 7 if type(getattr(HERE, field)) is int else "other"
    changed = replace(HERE, **{field: now})
    assert changed.key != HERE.key
    if field == "model":
        assert why(plans, changed) == "no plan of this model yet"
    else:
        assert why(plans, changed) == f"no plan fits: {field} was {getattr(HERE, field)}, is {now}"


def test_the_nearest_plan_is_compared(plans: Plans) -> None:
    plans.write(replace(HERE, driver="570", gpu="Fake 9", precision="fp32"), PLAN)
    plans.write(replace(HERE, driver="575"), PLAN)
    assert why(plans) == "no plan fits: driver was 575, is 580.95, CUDA 13.0"


@pytest.mark.parametrize("keep", [0, 1, 100, -1])
def test_a_plan_cut_off(plans: Plans, keep: int) -> None:
    path = plans.write(HERE, PLAN)
    path.write_bytes(PLAN.content[:keep])
    assert "damaged" in why(plans)


def test_a_flipped_bit_in_the_plan(plans: Plans) -> None:
    path = plans.write(HERE, PLAN)
    path.write_bytes(b"Q" + PLAN.content[1:])
    assert why(plans) == "the plan in the cache is damaged"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda table: table.pop("plan"),
        lambda table: table.pop("fingerprint"),
        lambda table: table["plan"].pop("sha256"),
        lambda table: table["plan"].update(tried=3),
        lambda table: table["fingerprint"].pop("driver"),
        lambda table: table["fingerprint"].update(colour="red"),
        lambda table: table.update(schema="keycam.plan/9"),
        lambda table: table.update(fingerprint=[]),
    ],
)
def test_a_damaged_sidecar(plans: Plans, spoil) -> None:
    sidecar = plans.write(HERE, PLAN).with_suffix(".json")
    table = json.loads(sidecar.read_text())
    spoil(table)
    sidecar.write_text(json.dumps(table))
    assert "damaged" in why(plans)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\0" * 10, "x" * (1 << 17)])
def test_a_sidecar_that_is_none(plans: Plans, text: str) -> None:
    plans.write(HERE, PLAN).with_suffix(".json").write_text(text)
    assert "damaged" in why(plans)
    plans.write(HERE, PLAN)
    assert plans.read(HERE) == PLAN


def test_a_sidecar_of_another_plan_under_this_name(plans: Plans) -> None:
    """Compared field by field before the plan is touched."""
    sidecar = plans.write(HERE, PLAN).with_suffix(".json")
    table = json.loads(sidecar.read_text())
    table["fingerprint"] = asdict(replace(HERE, driver="570"))
    sidecar.write_text(json.dumps(table))
    sidecar.with_suffix(".plan").unlink()
    assert "driver was 570, is 580.95, CUDA 13.0" in why(plans)


def test_a_plan_without_its_sidecar_is_none(plans: Plans) -> None:
    plans.write(HERE, PLAN).with_suffix(".json").unlink()
    assert why(plans) == "no plan of this model yet"


@pytest.mark.parametrize("failing", [1, 2], ids=["the plan", "the sidecar"])
def test_a_full_disk_leaves_no_half_plan(
    plans: Plans, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    turns = iter(range(1, 9))

    def full(_: int) -> None:
        if next(turns) == failing:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EngineError, match=r"No space left on device.*make room") as caught:
        plans.write(HERE, PLAN)
    assert "\n" not in str(caught.value)
    assert not list(plans.folder.glob("*.new"))
    assert why(plans) == "no plan of this model yet"
    plans.write(HERE, PLAN)
    assert plans.read(HERE) == PLAN


def test_a_full_disk_spoils_no_older_plan(plans: Plans, monkeypatch: pytest.MonkeyPatch) -> None:
    plans.write(HERE, PLAN)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
        with pytest.raises(EngineError, match="full"):
            plans.write(HERE, replace(PLAN, content=b"other"))
    assert plans.read(HERE) == PLAN


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    plans = Plans(tmp_path / "file" / "plans")
    with pytest.raises(EngineError, match="Not a directory"):
        plans.write(HERE, PLAN)
    with pytest.raises(EngineError, match="Not a directory"), plans.lock(HERE, lambda: True):
        pass
    assert why(plans) == "no plan of this model yet"


def test_timings_are_kept_by_library_and_gpu(plans: Plans) -> None:
    assert plans.timings(HERE) == b""
    plans.keep_timings(HERE, b"measured")
    assert plans.timings(replace(HERE, model="b" * 64, precision="fp32")) == b"measured"
    assert plans.timings(replace(HERE, library="TensorRT 11.5")) == b""
    plans.keep_timings(HERE, b"")
    assert plans.timings(HERE) == b"measured"


def test_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert cache_folder() == tmp_path / "keycam" / "plans"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("LOCALAPPDATA")
    assert cache_folder().is_relative_to(Path.home())
