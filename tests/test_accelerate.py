import pytest
import torch
from torch import nn
from toy import TRIANGLE, same, tiny_config

from engines import DataError
from train import accelerate as module
from train.accelerate import accelerate, decelerate, wants_bfloat16
from train.config import Config
from train.parts import Parts

CPU = torch.device("cpu")
NETWORKS = ("encoder", "regressor", "decoder", "discriminator")


def parts_of(config: Config) -> Parts:
    torch.manual_seed(0)
    parts = Parts(config, TRIANGLE)
    for layer in parts.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, generator=torch.Generator().manual_seed(1))
    accelerate(parts, config, CPU)
    return parts


def answers(parts: Parts) -> list[torch.Tensor]:
    random = torch.Generator().manual_seed(2)
    picture = torch.rand(4, 3, 32, 32, generator=random) * 2 - 1
    drawing = torch.rand(4, 1, 32, 32, generator=random) * 2 - 1
    scores = parts.discriminator(drawing)
    keypoints = parts.regressor(drawing)
    return [parts.encoder(picture), keypoints, parts.decoder(drawing, picture), *scores]


def test_bfloat16_answers_about_the_same_in_float32() -> None:
    exact, half = (parts_of(tiny_config(precision=kind)) for kind in ("fp32", "bf16"))
    assert same(exact.state_dict(), half.state_dict())
    for one, two in zip(answers(exact), answers(half), strict=True):
        assert two.dtype == torch.float32
        assert not torch.equal(one, two)
        assert (one - two).norm() < 0.05 * one.norm()


def test_what_is_exported_is_exact_again() -> None:
    exact, half = (parts_of(tiny_config(precision=kind)) for kind in ("fp32", "bf16"))
    decelerate(half)
    for one, two in zip(answers(exact), answers(half), strict=True):
        assert torch.equal(one, two)


def test_gradients_pass_and_stay_float32() -> None:
    parts = parts_of(tiny_config(precision="bf16"))
    sum(own.square().mean() for own in answers(parts)).backward()
    for name in NETWORKS:
        for own in getattr(parts, name).parameters():
            assert own.grad.dtype == torch.float32
            assert own.grad.isfinite().all()


def test_the_teacher_stays_exact() -> None:
    exact, half = (parts_of(tiny_config(precision=kind)) for kind in ("fp32", "bf16"))
    picture = torch.rand(2, 3, 32, 32)
    assert torch.equal(exact.teacher(picture), half.teacher(picture))


def test_a_cpu_is_exact_unless_told_otherwise() -> None:
    assert not wants_bfloat16(tiny_config(), CPU)
    assert not wants_bfloat16(tiny_config(precision="fp32"), CPU)
    assert wants_bfloat16(tiny_config(precision="bf16"), CPU)
    with pytest.raises(DataError, match="precision is one of auto, fp32, bf16"):
        tiny_config(precision="fp16")


def test_compiling_needs_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(DataError, match="compile=true needs no-such-compiler"):
        parts_of(tiny_config(compile=True))


def test_the_four_networks_are_compiled_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_check_compiler", lambda _: None)
    compiled: list[nn.Module] = []
    monkeypatch.setattr(nn.Module, "compile", lambda self: compiled.append(self))
    parts = parts_of(tiny_config(compile=True))
    assert compiled == [getattr(parts, name) for name in NETWORKS]
    assert same(parts.state_dict(), parts_of(tiny_config()).state_dict())
