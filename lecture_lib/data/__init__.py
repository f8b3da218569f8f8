"""p_data: `targets`, distributions whose density is known exactly, and `images`, small sets of pictures."""

from lecture_lib.data.checks import as_rows, as_tensor, cpu_rng, one_of, positive, positive_int
from lecture_lib.data.images import Images, cache, clothes_or_digits, digits, fashion_mnist
from lecture_lib.data.targets import (
    TARGETS,
    Checkerboard,
    Mixture,
    NoisyCurve,
    Pinwheel,
    Rings,
    Target,
    Triangular,
    Uniform,
    checkerboard,
    eight_gaussians,
    grid,
    mixture,
    pinwheel,
    rings,
    rotate,
    smiley,
    spiral,
    triangular,
    twenty_five_gaussians,
    two_moons,
    uniform,
)
