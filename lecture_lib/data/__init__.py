"""p_data: targets, distributions whose density is known exactly, and small sets of images."""

from lecture_lib.data.checks import as_rows, as_tensor, cpu_rng, fits, holds, one_of, positive, positive_int
from lecture_lib.data.checks import positive_ints, require, sampler, with_gradients
from lecture_lib.data.images import Images, cache, clothes_or_digits, digits, fashion_mnist
from lecture_lib.data.shapes import TARGETS, eight_gaussians, mixture, smiley, spiral, twenty_five_gaussians, two_moons
from lecture_lib.data.targets import Checkerboard, Mixture, NoisyCurve, Rings, Target, Triangular, Uniform, grid
