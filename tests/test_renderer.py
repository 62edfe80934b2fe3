import numpy as np
import pytest
import torch
from torch import Tensor

from engines import Skeleton
from train.renderer import Renderer

EDGES = ((0, 1), (1, 2), (3, 2), (0, 3))


def distance(u: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    """From a point to a segment, by the three cases of school geometry."""
    if (u - a) @ (b - a) <= 0:
        return float(np.hypot(*(u - a)))
    if (u - b) @ (a - b) <= 0:
        return float(np.hypot(*(u - b)))
    (dx, dy), (ux, uy) = b - a, u - a
    return float(abs(dx * uy - dy * ux) / np.hypot(dx, dy))


def by_loops(points: np.ndarray, edges: tuple, size: int, sigma: float) -> np.ndarray:
    line = (np.arange(size) * 2 + 1) / size - 1
    picture = np.empty((size, size))
    for i, y in enumerate(line):
        for j, x in enumerate(line):
            gap = min(distance(np.array([x, y]), points[a], points[b]) for a, b in edges)
            picture[i, j] = 2 * np.exp(-np.sqrt(gap**2 + 1e-6) / sigma**2) - 1
    return picture


def plain(points: Tensor, edges: Tensor, size: int, sigma: float) -> Tensor:
    """The formula of method and paper with a graph through every edge, then the maximum."""
    line = (torch.arange(size, dtype=points.dtype) * 2 + 1) / size - 1
    grid = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1).view(1, 1, -1, 2)
    a, b = points[:, edges[:, 0], None], points[:, edges[:, 1], None]  # (B, E, 1, 2)
    length2 = (b - a).square().sum(-1).clamp(min=1e-6)
    t = (((grid - a) * (b - a)).sum(-1) / length2).clamp(0, 1)
    gap = ((a + t[..., None] * (b - a) - grid).square().sum(-1) + 1e-6).sqrt()
    value = torch.exp(-gap / sigma**2).amax(dim=1)
    return (2 * value - 1).view(len(points), 1, size, size)


def test_equals_the_distance_to_the_nearest_segment() -> None:
    points = np.random.default_rng(1).uniform(-0.9, 0.9, (2, 4, 2))
    drawn = Renderer(EDGES, 16, 0.2).double()(torch.from_numpy(points))
    assert drawn.shape == (2, 1, 16, 16)
    for own, pose in zip(drawn[:, 0].numpy(), points, strict=True):
        np.testing.assert_allclose(own, by_loops(pose, EDGES, 16, 0.2), atol=1e-9)


def test_single_precision_finds_the_same_edges_on_a_dense_skeleton(
    face_skeleton: Skeleton,
) -> None:
    points = torch.from_numpy(np.random.default_rng(2).uniform(-1, 1, (2, 68, 2)))
    edges = torch.tensor(face_skeleton.edges)
    drawn = Renderer(face_skeleton.edges, 32, 0.283)(points.float())
    wanted = plain(points, edges, 32, 0.283).float()
    torch.testing.assert_close(drawn, wanted, atol=2e-4, rtol=0)


def test_the_profile_across_a_limb_is_the_papers() -> None:
    """At 128 px and sigma 0.2: 0.82, 0.55, 0.37 … in the official grid, whose pixels are 2/127
    apart and whose limb lies half a pixel beside them; ours are 2/128 apart."""
    limb = torch.tensor([[[-0.5, 0.0], [0.5, 0.0]]])
    drawn = Renderer(((0, 1),), 128, 0.2)(limb)[0, 0]
    profile = (drawn[64:70, 64].numpy() + 1) / 2
    steps = (np.arange(6) + 0.5) / 64
    np.testing.assert_allclose(profile, np.exp(-25 * np.hypot(steps, 1e-3)), rtol=1e-4)
    np.testing.assert_allclose(profile, [0.82, 0.55, 0.37, 0.25, 0.17, 0.12], atol=0.01)
    np.testing.assert_allclose(drawn[:64].numpy(), drawn[64:].flip(0).numpy(), atol=1e-6)
    column = (drawn[:, 64] + 1) / 2
    assert int((column > 0.5).sum()) == 4
    assert int((column > 0.1).sum()) == 12


def test_on_the_centreline_it_is_almost_white_and_far_away_black() -> None:
    limb = torch.tensor([[[-0.5, 1 / 128], [0.5, 1 / 128]]])
    drawn = Renderer(((0, 1),), 128, 0.2)(limb)[0, 0]
    assert float((drawn[64, 64] + 1) / 2) == pytest.approx(np.exp(-0.025), rel=1e-4)
    assert float(drawn[0, 0]) < -0.999


def test_gradient_equals_that_of_the_plain_formula() -> None:
    generator = torch.Generator().manual_seed(3)
    points = torch.rand(3, 4, 2, dtype=torch.float64, generator=generator) * 1.8 - 0.9
    weights = torch.randn(3, 1, 24, 24, dtype=torch.float64, generator=generator)
    renderer = Renderer(EDGES, 24, 0.283).double()
    ours, theirs = points.clone().requires_grad_(), points.clone().requires_grad_()
    (renderer(ours) * weights).sum().backward()
    (plain(theirs, torch.tensor(EDGES), 24, 0.283) * weights).sum().backward()
    assert ours.grad.abs().max() > 0.1
    torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-10, rtol=1e-10)


def test_gradcheck() -> None:
    points = torch.tensor([[[-0.52, -0.31], [0.43, -0.38], [0.09, 0.57], [-0.7, 0.6]]])
    points = points.double().requires_grad_()
    assert torch.autograd.gradcheck(Renderer(EDGES, 9, 0.4).double(), (points,))


def test_limbs_without_length_are_dots_with_finite_gradients() -> None:
    points = torch.full((1, 4, 2), 0.25, dtype=torch.float64, requires_grad=True)
    drawn = Renderer(EDGES, 8, 0.3).double()(points)
    at = np.full(2, 0.25)
    wanted = by_loops(np.stack([at] * 4), EDGES, 8, 0.3)
    np.testing.assert_allclose(drawn[0, 0].detach().numpy(), wanted, atol=1e-9)
    drawn.sum().backward()
    assert torch.isfinite(points.grad).all()


def test_a_keypoint_exactly_on_a_pixel_has_a_finite_gradient() -> None:
    points = torch.tensor([[[0.125, 0.125], [0.125, 0.125]]], requires_grad=True)
    Renderer(((0, 1),), 8, 0.3)(points).sum().backward()
    assert torch.isfinite(points.grad).all()
