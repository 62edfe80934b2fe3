import copy

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam
from toy import TRIANGLE, tiny_config

from train.parts import Optimisers, Parts, Teacher, update


@pytest.fixture
def parts() -> Parts:
    torch.manual_seed(0)
    return Parts(tiny_config(), TRIANGLE)


def test_the_state_holds_networks_pool_running_means_and_teacher(parts: Parts) -> None:
    owners = {name.partition(".")[0] for name in parts.state_dict()}
    assert owners == {
        "encoder", "regressor", "decoder", "discriminator", "perceptual", "pool", "teacher"
    }  # fmt: skip


def test_the_teacher_is_its_encoder_then_its_regressor_and_is_not_trained(parts: Parts) -> None:
    picture = torch.randn(2, 3, 32, 32)
    parts.eval()
    wanted = parts.regressor(parts.encoder(picture))
    torch.testing.assert_close(parts.teacher(picture), wanted)
    assert not any(p.requires_grad for p in parts.teacher.parameters())
    assert all(p.requires_grad for p in parts.encoder.parameters())


def changed(network: nn.Module, by: float) -> None:
    with torch.no_grad():
        for value in network.state_dict().values():
            value += value.new_tensor(by)


def test_without_averaging_the_teacher_is_a_copy(parts: Parts) -> None:
    changed(parts.encoder, 1.0)
    parts.follow(0, 0.0)
    own = Teacher(parts.encoder, parts.regressor).state_dict()
    assert all(torch.equal(own[name], value) for name, value in parts.teacher.state_dict().items())


@pytest.mark.parametrize(("step", "keep"), [(0, 0.1), (5, 6 / 15), (100_000, 0.999)])
def test_the_running_mean_is_quick_at_first(step: int, keep: float, parts: Parts) -> None:
    name = "encoder.bridge.weight"
    before = parts.teacher.state_dict()[name].clone()
    changed(parts.encoder, 1.0)
    parts.follow(step, 0.999)
    after = parts.teacher.state_dict()[name]
    torch.testing.assert_close(after - before, torch.full_like(before, 1 - keep), atol=1e-5, rtol=0)


def test_counters_are_copied_not_averaged(parts: Parts) -> None:
    name = "encoder.bottom.0.1.num_batches_tracked"
    parts.encoder.train()(torch.randn(2, 3, 32, 32))
    parts.follow(0, 0.999)
    assert int(parts.teacher.state_dict()[name]) == 1


def test_three_adams_share_out_all_trained_parameters(parts: Parts) -> None:
    config = tiny_config(rate=1e-3, critic_rate=2e-3, regressor_rate=3e-3, decay=True)
    optimisers = Optimisers(parts, config)
    owned = {
        name: {id(p) for group in own.param_groups for p in group["params"]}
        for name, own in optimisers.named.items()
    }
    assert owned == {
        "pose": {id(p) for net in (parts.encoder, parts.decoder) for p in net.parameters()},
        "critic": {id(p) for p in parts.discriminator.parameters()},
        "regressor": {id(p) for p in parts.regressor.parameters()},
    }
    for own in optimisers.named.values():
        assert isinstance(own, Adam)
        assert own.param_groups[0]["betas"] == (0.5, 0.999)
    for done, factor in ((0.0, 1.0), (0.5, 0.5), (1.0, 0.0)):
        optimisers.set_rates(done)
        rates = [own.param_groups[0]["lr"] for own in optimisers.named.values()]
        assert rates == pytest.approx([1e-3 * factor, 2e-3 * factor, 3e-3 * factor])


def test_rates_stay_without_decay(parts: Parts) -> None:
    optimisers = Optimisers(parts, tiny_config(decay=False, rate=1e-3))
    optimisers.set_rates(0.9)
    assert optimisers.pose.param_groups[0]["lr"] == 1e-3


@pytest.mark.parametrize(("scale", "step"), [(0.1, 0.1), (10.0, 1.0)])
def test_an_update_clips_the_gradients_norm(scale: float, step: float) -> None:
    weight = nn.Parameter(torch.zeros(4))
    weight.grad = torch.full((4,), 99.0)  # of an earlier step, to be forgotten
    direction = torch.tensor([0.5, 0.5, 0.5, 0.5])
    update(SGD([weight], 1.0), (weight * direction * scale).sum(), clip=1.0)
    torch.testing.assert_close(weight.detach(), -direction * step, atol=1e-5, rtol=0)


def test_equal_seeds_give_equal_parts() -> None:
    states = []
    for _ in range(2):
        torch.manual_seed(3)
        states.append(copy.deepcopy(Parts(tiny_config(), TRIANGLE).state_dict()))
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
