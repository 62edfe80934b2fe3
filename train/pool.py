"""A pool of past skeleton images, so that the discriminator does not forget (CycleGAN's)."""

import numpy as np
import torch
from torch import Tensor, nn

from train import world


class ImagePool(nn.Module):
    """Keeps up to `size` images. A query returns each image, or at even odds a stored one in
    exchange for it; while the pool fills, images are stored and returned. Being a module, it is
    saved and restored with the networks. Every rank keeps the whole pool."""

    images: Tensor
    filled: Tensor

    def __init__(self, size: int, side: int) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros(size, 1, side, side))
        self.register_buffer("filled", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def query(self, images: Tensor, rng: np.random.Generator, blocks: int = 1) -> Tensor:
        """Images (B, 1, S, S) -> as many, detached from any graph.

        Args:
            blocks: of the global batch that `images` has this rank's parts of; see
                `train.world.gathered`.
        """
        images = world.gathered(images, blocks)
        answer = images.clone()
        count = int(self.filled)  # once: on a GPU this waits
        for n, image in enumerate(images):
            if count < len(self.images):
                self.images[count] = image
                count += 1
            elif count and rng.random() < 0.5:
                place = int(rng.integers(count))
                answer[n] = self.images[place]
                self.images[place] = image
        self.filled.fill_(count)
        return answer[world.part(len(answer))]
