"""Several ranks against one process: the same numbers for the same global batch."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from ranks import CPU, gradients, learnt, message, normed, pooled, start_ranks, whole_batch

from engines import DataError
from train import world

RANKS = 2


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two ranks found; see ranks.py."""
    folder = tmp_path_factory.mktemp("ranks")
    script = str(Path(__file__).with_name("ranks.py"))
    ranks = start_ranks(RANKS, ["-W", "error", script, str(folder)])
    said = [rank.communicate(timeout=600)[1] for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0] * RANKS, said
    return folder


@pytest.fixture(scope="module")
def found(together: Path) -> list[dict[str, Any]]:
    return [torch.load(together / f"found{rank}.pt") for rank in range(RANKS)]


def test_a_shared_norm_is_a_batch_norm_over_the_whole_batch(found: list[dict[str, Any]]) -> None:
    alone = normed(whole_batch())
    one, two = (own["normed"] for own in found)
    for name in ("0.running_mean", "0.running_var", "0.num_batches_tracked", "weight_grad"):
        torch.testing.assert_close(one[name], alone[name])
        assert torch.equal(one[name], two[name])
    for name in ("made", "evaluated"):
        torch.testing.assert_close(torch.cat([one[name], two[name]]), alone[name])
    # each rank's loss is the mean over its half
    whole = torch.cat([one["x_grad"], two["x_grad"]]) / RANKS
    torch.testing.assert_close(whole, alone["x_grad"])


def test_parts_are_gathered_in_the_order_of_the_global_batch(found: list[dict[str, Any]]) -> None:
    both = torch.cat([whole_batch(), 10 + whole_batch()])
    for own in found:
        assert torch.equal(own["gathered"], both)
        assert own["mean"] == 0.5


def test_every_rank_keeps_the_pool_of_one_process(found: list[dict[str, Any]]) -> None:
    answer, kept = pooled(torch.cat([whole_batch(), 10 + whole_batch()]))
    for own in found:
        assert torch.equal(own["pool"][1], kept)
    assert torch.equal(torch.cat([own["pool"][0] for own in found]), answer)


def test_rank_0_leads_and_its_errors_are_everyones(together: Path) -> None:
    for rank in range(RANKS):
        done, told = json.loads((together / f"told{rank}.json").read_text())
        assert done == [0] * (rank == 0)
        assert told[0] == "rank 0 said no"
        assert "a batch of 3 has no 2 equal parts" in told[1]


def test_gradients_are_those_of_the_whole_batch(together: Path, tmp_path: Path) -> None:
    """One step of each update, of the joint stage and of distillation."""
    alone = [gradients(network) for network in learnt(tmp_path)]
    for rank in range(RANKS):
        ranks = torch.load(together / f"learnt{rank}.pt")
        for one, other in zip(alone, ranks, strict=True):
            assert one.keys() == other.keys()
            for name, gradient in one.items():
                torch.testing.assert_close(other[name], gradient, rtol=1e-6, atol=1e-9)


def test_rank_0_alone_writes(together: Path) -> None:
    lines = [json.loads(x) for x in (together / "metrics.jsonl").read_text().splitlines()]
    assert [(x["stage"], x["step"]) for x in lines] == [("distil", 1), ("joint", 1)]
    assert {path.name for path in together.iterdir() if path.is_dir()} == {
        "distil",
        "joint",
        "labels",
        "sheets",
    }


def test_alone_nothing_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with world.joined(CPU) as device:
        assert device == CPU
        assert (world.rank(), world.size(), world.part(5)) == (0, 1, slice(0, 5))
        batch = whole_batch()
        assert torch.equal(world.gathered(batch, blocks=2), batch)
        assert torch.equal(world.total(batch), batch)
        assert message(world.lead, lambda: None) == ""


@pytest.mark.parametrize("text", ["two", "-1", ""])
def test_an_environment_of_another_make_is_refused(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", text)
    with pytest.raises(DataError, match=r"WORLD_SIZE=.*torchrun"), world.joined(CPU):
        pass


def test_a_rank_takes_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "7")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(DataError, match="--device cuda:1"), world.joined(torch.device("cuda", 1)):
        pass
    with pytest.raises(DataError, match="rank 7 finds no GPU"), world.joined(torch.device("cuda")):
        pass
