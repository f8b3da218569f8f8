"""p_data: targets, distributions whose density is known exactly, and small sets of images."""

from lecture_lib.checks import as_rows, as_tensor, cpu_rng, one_of, positive, positive_int, require
from lecture_lib.data.images import Images, cache, clothes_or_digits, digits, fashion_mnist
from lecture_lib.data.shapes import TARGETS, eight_gaussians, mixture, smiley, spiral, twenty_five_gaussians, two_moons
from lecture_lib.data.targets import Checkerboard, Mixture, NoisyCurve, Rings, Target, Triangular, Uniform, grid
