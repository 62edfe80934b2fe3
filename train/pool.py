"""A pool of past skeleton images, so that the discriminator does not forget (CycleGAN's)."""

import numpy as np
import torch
from torch import Tensor


class ImagePool:
    """Keeps up to `size` images. A query returns each image, or at even odds a stored one in
    exchange for it; while the pool fills, images are stored and returned."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.images: list[Tensor] = []

    def query(self, images: Tensor, rng: np.random.Generator) -> Tensor:
        """Images (B, C, S, S), detached -> (B, C, S, S)."""
        if self.size == 0:
            return images
        answer = []
        for image in images:
            if len(self.images) < self.size:
                self.images.append(image.clone())
                answer.append(image)
            elif rng.random() < 0.5:
                place = int(rng.integers(self.size))
                answer.append(self.images[place])
                self.images[place] = image.clone()
            else:
                answer.append(image)
        return torch.stack(answer)
