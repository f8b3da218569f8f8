"""The course's targets by name."""

import math

import torch

from lecture_lib.checks import as_tensor, positive
from lecture_lib.data.targets import Checkerboard, Mixture, NoisyCurve, Pinwheel, Rings, Target, Triangular, Uniform


def mixture() -> Target:
    """0.5 N(-1, 0.25^2) + 0.5 N(0.5, 0.5^2): the 1-D target that runs through parts 1 to 4."""
    return Mixture("mixture", [[-1.0], [0.5]], [0.25, 0.5])


def eight_gaussians(radius=2.0, sd=0.2) -> Target:
    """Eight Gaussians on a circle."""
    t = as_tensor(range(8), dtype=torch.float64) * math.pi / 4
    return Mixture("8 gaussians", positive("radius", radius) * torch.stack([t.cos(), t.sin()], 1), sd)


def twenty_five_gaussians(spacing=2.0, sd=0.05) -> Target:
    """A grid of 5 x 5 narrow Gaussians, as in Srivastava and others (2017): a hard test for GANs."""
    line = positive("spacing", spacing) * as_tensor(range(-2, 3), dtype=torch.float64)
    return Mixture("25 gaussians", torch.cartesian_prod(line, line), sd)


def two_moons(noise=0.05) -> Target:
    """Two half circles with Gaussian noise, placed as in scikit-learn's `make_moons`."""
    upper = lambda t: torch.stack([t.cos(), t.sin()], -1)  # noqa: E731
    lower = lambda t: torch.stack([1 - t.cos(), 0.5 - t.sin()], -1)  # noqa: E731
    return NoisyCurve("two moons", [upper, lower], math.pi, noise, finer=6)


def spiral(noise=0.1) -> Target:
    """Two arms of an Archimedean spiral, one and a half turns, with Gaussian noise."""
    arm = lambda t: t[..., None] / 3 * torch.stack([-t.cos(), t.sin()], -1)  # noqa: E731
    return NoisyCurve("spiral", [arm, lambda t: -arm(t)], 3 * math.pi, noise, finer=38, power=1)


def smiley(noise=0.2) -> Target:
    """Two eyes and a smile, a third of the points each, with Gaussian noise (Berkeley CS294-158, homework 2, 2020)."""
    eye = lambda x: lambda t: t.new_tensor([x, 2.5]).expand(*t.shape, 2)  # noqa: E731
    smile = lambda t: torch.stack([2 * t.cos(), -t.sin()], -1)  # noqa: E731
    return NoisyCurve("smiley", [eye(-1.5), eye(1.5), smile], math.pi, noise, finer=12)


TARGETS = {"mixture": mixture, "uniform": Uniform, "triangular": Triangular}  # d = 1, and then d = 2
TARGETS |= {"8 gaussians": eight_gaussians, "25 gaussians": twenty_five_gaussians, "checkerboard": Checkerboard}
TARGETS |= {"two moons": two_moons, "rings": Rings, "spiral": spiral, "pinwheel": Pinwheel, "smiley": smiley}
