"""Batch normalisation over the batch of all ranks."""

import torch
from torch import Tensor, nn

from train import world


class SharedBatchNorm2d(nn.BatchNorm2d):
    """In training, normalises (B, C, H, W) by the statistics of all ranks' parts together.

    What torch's SyncBatchNorm does on GPUs, for CPUs too. Parts are equally large, so means over
    ranks are means over the whole; mean and second moment travel in float64, where their
    difference loses nothing. State and parameters are `nn.BatchNorm2d`'s.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        wide = x if x.dtype is torch.float64 else x.float()
        variance, mean = torch.var_mean(wide, dim=(0, 2, 3), correction=0)
        own = torch.stack([mean.double(), variance.double() + mean.double().square()])
        mean, moment = world.differentiable_total(own) / world.size()
        variance = moment - mean.square()
        self._follow(mean.detach(), variance.detach(), world.size() * x.numel() // x.shape[1])
        scale = self.weight / (variance + self.eps).sqrt()
        shift = self.bias - mean * scale
        scale, shift = (v.to(wide.dtype).view(1, -1, 1, 1) for v in (scale, shift))
        return (wide * scale + shift).to(x.dtype)

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Running means as `nn.BatchNorm2d` keeps them, of the unbiased variance."""
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
        unbiased = variance * (count / max(count - 1, 1))
        self.running_var.lerp_(unbiased.to(self.running_var.dtype), self.momentum)
        self.num_batches_tracked += 1


def share_norms(network: nn.Module) -> None:
    """Let the network's batch norms see all ranks: SyncBatchNorm on GPUs, else ours.

    Nothing changes where there is one process. Weights and buffers stay the same objects.
    """
    if world.size() == 1:
        return
    for holder in list(network.modules()):
        for name, layer in list(holder.named_children()):
            if type(layer) is nn.BatchNorm2d:
                on_gpu = layer.weight.is_cuda
                shared = nn.SyncBatchNorm if on_gpu else SharedBatchNorm2d
                setattr(holder, name, _moved(layer, shared(layer.num_features)))


def _moved(layer: nn.BatchNorm2d, shared: nn.Module) -> nn.Module:
    """`shared` with everything `layer` has."""
    shared.eps, shared.momentum, shared.training = layer.eps, layer.momentum, layer.training
    shared.weight, shared.bias = layer.weight, layer.bias
    for name, buffer in layer.named_buffers():
        setattr(shared, name, buffer)
    return shared
