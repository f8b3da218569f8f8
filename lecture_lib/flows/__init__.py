"""Flows: a simple latent z, pushed through an invertible map, becomes x.

Slides "Flow Models" to "Flows: Transformations".

    x = f_k(f_{k-1}(... f_1(z)))                       `Flow`, of transforms
    p_x(x) = p_z(f^{-1}(x)) |det df^{-1}/dx|           `Flow.log_prob`, trained by `likelihood.maximize_likelihood`
    affine, elementwise, splines                       `bijections`, in one dimension; `transforms`, in many
    whole numbers                                      `Dequantized`, for images
"""

from lecture_lib.flows.bijections import affine, leaky, mixture_cdf, spline
from lecture_lib.flows.flow import Dequantized, Flow, Normal, Uniform, dequantize
from lecture_lib.flows.transforms import Affine, CouplingLayer, Elementwise, MaskedAutoregressive, Sigmoid
