import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import Adam, Optimizer
from toy import same

from engines import DataError
from train import checkpoint


def network(seed: int) -> tuple[nn.Module, dict[str, Optimizer]]:
    """A network and its optimiser after one step."""
    torch.manual_seed(seed)
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).to(
        memory_format=torch.channels_last
    )
    optimiser = Adam(module.parameters(), 0.1 * (seed + 1))
    module(torch.randn(2, 1, 5, 5)).square().sum().backward()
    optimiser.step()
    return module, {"all": optimiser}


def state(module: nn.Module, named: dict[str, Optimizer]) -> dict[str, Any]:
    return {"module": module.state_dict(), "optimiser": named["all"].state_dict()}


def restored(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    module, named = network(99)
    progress = checkpoint.load(folder, module, named)
    return state(module, named), progress


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "run" / "joint"
    checkpoint.save(folder, *network(1), {"step": 7})
    return folder


def test_round_trip_replaces_everything(folder: Path) -> None:
    found, progress = restored(folder)
    assert progress == {"step": 7}
    assert same(found, state(*network(1)))
    checkpoint.save(folder, *network(2), {"step": 8})
    found, progress = restored(folder)
    assert progress == {"step": 8}
    assert same(found, state(*network(2)))
    assert [path.name for path in folder.parent.iterdir()] == ["joint"]


def test_existence(folder: Path) -> None:
    assert checkpoint.exists(folder)
    assert not checkpoint.exists(folder.with_name("distil"))


class Killed(BaseException):
    pass


@pytest.mark.parametrize("call", range(1, 7))
@pytest.mark.parametrize("twice", [False, True])
def test_a_kill_at_any_call_to_the_file_system_leaves_a_whole_checkpoint(
    call: int, twice: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One kill, or one more while saving again over what the first has left."""

    def save_killed(seed: int, at: int) -> bool:
        calls = 0

        def counted(function: Any) -> Any:
            def wrapped(*args: Any, **kwargs: Any) -> Any:
                nonlocal calls
                calls += 1
                if calls == at:
                    raise Killed
                return function(*args, **kwargs)

            return wrapped

        with monkeypatch.context() as patch:
            patch.setattr(shutil, "rmtree", counted(shutil.rmtree))
            patch.setattr(Path, "rename", counted(Path.rename))
            patch.setattr(checkpoint, "save_file", counted(checkpoint.save_file))
            patch.setattr(torch, "save", counted(torch.save))
            try:
                checkpoint.save(folder, *network(seed), {"step": seed})
            except Killed:
                return True
        return False

    kills = save_killed(2, call)
    assert kills
    if twice:
        for again in range(1, 8):
            save_killed(3, again)
            found, progress = restored(folder)
            assert same(found, state(*network({7: 1}.get(progress["step"], progress["step"]))))
    assert checkpoint.exists(folder)
    found, progress = restored(folder)
    assert same(found, state(*network({7: 1}.get(progress["step"], progress["step"]))))


@pytest.mark.parametrize("name", ["weights.safetensors", "optimisers.pt", "progress.json"])
@pytest.mark.parametrize("how", ["missing", "empty", "cut", "text", "noise"])
def test_damaged_files_are_refused(name: str, how: str, folder: Path) -> None:
    file = folder / name
    whole = file.read_bytes()
    if how == "missing":
        file.unlink()
    else:
        content = {
            "empty": b"",
            "cut": whole[: len(whole) // 2],
            "text": b"hello",
            "noise": b"\xff" * 99,
        }
        file.write_bytes(content[how])
    with pytest.raises(DataError, match=r"joint: the checkpoint cannot be resumed \(.+\)$"):
        restored(folder)


@pytest.mark.parametrize("states", [[], {"all": 3}, {"other": {}}, {"all": {}}])
def test_optimisers_of_another_shape_are_refused(states: Any, folder: Path) -> None:
    torch.save(states, folder / "optimisers.pt")
    with pytest.raises(DataError, match="cannot be resumed"):
        restored(folder)


def test_a_checkpoint_of_other_networks_is_refused(folder: Path) -> None:
    module = nn.Linear(2, 2)
    with pytest.raises(DataError, match="cannot be resumed"):
        checkpoint.load(folder, module, {"all": Adam(module.parameters())})


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("exploded"),)


def test_nothing_is_unpickled(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"all": Bomb()}, folder / "optimisers.pt")
    with pytest.raises(DataError, match="cannot be resumed"):
        restored(folder)
    (folder / "optimisers.pt").write_bytes(pickle.dumps(Bomb(), 2))
    with pytest.raises(DataError, match="cannot be resumed"):
        restored(folder)
    assert not Path("exploded").exists()


def test_progress_is_json(folder: Path) -> None:
    assert json.loads((folder / "progress.json").read_text()) == {"step": 7}
