"""The five parts of the method and what is kept beside them during training."""

import copy
from math import cos, pi

import torch
from torch import Tensor, nn
from torch.optim import Adam

from engines.skeleton import Skeleton
from train import world
from train.config import Config
from train.losses import freeze
from train.networks import Decoder, Discriminator, Encoder, Regressor, initialise
from train.perceptual import perceptual_loss
from train.pool import ImagePool
from train.renderer import Renderer


class Teacher(nn.Module):
    """η∘Φ: picture (B, 3, S, S) in [-1, 1], RGB -> keypoints (B, K, 2)."""

    def __init__(self, encoder: Encoder, regressor: Regressor) -> None:
        super().__init__()
        self.encoder = encoder
        self.regressor = regressor

    def forward(self, picture: Tensor) -> Tensor:
        keypoints: Tensor = self.regressor(self.encoder(picture))
        return keypoints


class Parts(nn.Module):
    """Encoder Φ, regressor η, renderer β, decoder Ψ, discriminator D; all that a checkpoint holds
    as weights: also the image pool, the perceptual loss's running means and the running mean of
    encoder and regressor."""

    def __init__(self, config: Config, skeleton: Skeleton) -> None:
        super().__init__()
        points = len(skeleton.keypoints)
        self.encoder = Encoder(config.encoder_width, config.stem)
        self.regressor = Regressor(points, config.regressor_width, config.regressor_downs)
        self.decoder = Decoder(config.decoder_width, config.stem, config.decoder_downs)
        self.discriminator = Discriminator(config.critic_width, config.critic_downs)
        for network in (self.encoder, self.regressor, self.decoder, self.discriminator):
            initialise(network)
        self.renderer = Renderer(skeleton.edges, config.drawing, config.sigma)
        self.perceptual = perceptual_loss(config.perceptual)
        self.pool = ImagePool(config.pool, config.drawing)
        self.teacher = copy.deepcopy(Teacher(self.encoder, self.regressor))
        freeze(self.teacher)
        self.to(memory_format=torch.channels_last)

    @torch.no_grad()
    def follow(self, step: int, decay: float) -> None:
        """Let the teacher follow encoder and regressor as a running mean, fast at first."""
        keep = min(decay, (step + 1) / (step + 10))
        source = Teacher(self.encoder, self.regressor).state_dict()
        for name, value in self.teacher.state_dict().items():
            if value.dtype.is_floating_point:
                value.lerp_(source[name], 1 - keep)
            else:
                value.copy_(source[name])


class Optimisers:
    """Three Adams, betas (0.5, 0.999): encoder and decoder together, D, and η."""

    def __init__(self, parts: Parts, config: Config) -> None:
        self.config = config
        both = [*parts.encoder.parameters(), *parts.decoder.parameters()]
        self.pose = _adam(both, config.rate)
        self.critic = _adam(parts.discriminator.parameters(), config.critic_rate)
        self.regressor = _adam(parts.regressor.parameters(), config.regressor_rate)

    @property
    def named(self) -> dict[str, torch.optim.Optimizer]:
        return {"pose": self.pose, "critic": self.critic, "regressor": self.regressor}

    def set_rates(self, done: float) -> None:
        """Rates for the share `done` of the steps: constant, or falling along a cosine."""
        factor = (1 + cos(pi * done)) / 2 if self.config.decay else 1.0
        rates = (
            (self.pose, self.config.rate),
            (self.critic, self.config.critic_rate),
            (self.regressor, self.config.regressor_rate),
        )
        for optimiser, rate in rates:
            set_rate(optimiser, rate * factor)


def _adam(parameters: object, rate: float) -> Adam:
    return Adam(parameters, rate, betas=(0.5, 0.999))


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate


def update(optimiser: torch.optim.Optimizer, loss: Tensor, clip: float) -> None:
    """One step on `loss`, its gradient averaged over ranks and its norm clipped to `clip`."""
    optimiser.zero_grad()
    loss.backward()
    world.average_gradients(p for group in optimiser.param_groups for p in group["params"])
    for group in optimiser.param_groups:
        nn.utils.clip_grad_norm_(group["params"], clip)
    optimiser.step()
