"""Bijections of one number, each with its slope: what the layers of a flow are made of.

Slide "Flows: Transformations". Every bijection works on each element by itself:

    bijection(z, params, inverse=False) -> (x, logdet)      z, x, logdet = log |dx/dz|: (...,). params: (..., p)

With inverse=True it takes x and gives z and log |dz/dx|. Where all params are 0 it changes nothing, x = z.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from lecture_lib.checks import require, takes_arrays

LIMIT = 5.0  # of log scales: factors from 1/148 to 148. What lies beyond counts as the limit, and gets no gradient
LOW, HIGH = -4.0, 4.0  # a spline bends between them, unless it is told otherwise


@takes_arrays
def affine(z: Tensor, params: Tensor, inverse: bool = False) -> tuple[Tensor, Tensor]:
    """x = shift + exp(log_scale) z, with params (shift, log_scale) for each element, log_scale from -5 to 5.

    Slide "Flows: Transformations", affine.
    z: (...,); params: (..., 2). Returns x (...,) and log |dx/dz| (...,) in nats; with inverse=True, z and log |dz/dx|.
    """
    shift, log_scale = params.unbind(-1)
    log_scale = F.hardtanh(log_scale, -LIMIT, LIMIT)
    if inverse:
        logdet = -log_scale
        return (z - shift) * logdet.exp(), logdet
    return shift + log_scale.exp() * z, log_scale


@takes_arrays
def leaky(z: Tensor, params: Tensor, inverse: bool = False) -> tuple[Tensor, Tensor]:
    """x = z for z >= 0, and exp(log_slope) z below: a line with a bend at 0, where the density of x jumps.

    Slide "Flows: Transformations", elementwise. z: (...,); params: (..., 1), log_slope. Returns as `affine` does.
    """
    (log_slope,) = F.hardtanh(params, -LIMIT, LIMIT).unbind(-1)
    logdet = torch.where(z < 0, -log_slope if inverse else log_slope, 0.0)
    return z * logdet.exp(), logdet


@takes_arrays
def mixture_cdf(z: Tensor, params: Tensor, inverse: bool = False) -> tuple[Tensor, Tensor]:
    """z = logit F(x) with F(x) = sum_k w_k sigmoid((x - mean_k) / s_k), the CDF of a mixture of k logistics.

    Slide "Flows: Example": the CDF of a mixture maps it to a uniform variable, the logit that to the whole line. With
    one component it is affine: z = (x - mean) / s. Ho and others 2019, Flow++.
    z: (...,); params: (..., 3 k), as k of each: logits of w, means, log s (from -5 to 5). Returns as `affine` does.
    The direction x -> z is a formula; z -> x is found by bisection, to the last bit or so.
    """
    require(params.shape[-1] % 3 == 0, f"params has {params.shape[-1]} numbers. A mixture of k takes 3 k.")
    logits, means, log_s = params.unflatten(-1, (3, -1)).unbind(-2)  # (..., k) each
    log_w, log_s = logits.log_softmax(-1), F.hardtanh(log_s, -LIMIT, LIMIT)

    def to_z(x: Tensor) -> tuple[Tensor, Tensor]:
        t = (x[..., None] - means) * torch.exp(-log_s)
        log_cdf, log_rest = log_w + F.logsigmoid(t), log_w + F.logsigmoid(-t)  # the components' parts of F, of 1 - F
        # d logit F = f / (F (1 - F)) = sum_k (w_k F_k / F) (w_k (1 - F_k) / (1 - F)) / (w_k s_k), exact in both tails
        log_slope = log_cdf.log_softmax(-1) + log_rest.log_softmax(-1) - log_w - log_s
        return torch.logsumexp(log_cdf, -1) - torch.logsumexp(log_rest, -1), torch.logsumexp(log_slope, -1)

    if inverse:
        return to_z(z)
    with torch.no_grad():
        ends = means + z[..., None] * torch.exp(log_s)  # z = logit F(x) is between the (x - mean_k) / s_k
        low, high = ends.amin(-1), ends.amax(-1)
        for _ in range(60 if z.dtype == torch.float64 else 32):
            middle = (low + high) / 2
            below = to_z(middle)[0] < z
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        x = (low + high) / 2
    back, logdet = to_z(x)
    x = x - (back - z) * torch.exp(-logdet).detach()  # Newton's step: it polishes x and carries all gradients
    return x, -to_z(x)[1]


@takes_arrays
def spline(z: Tensor, params: Tensor, inverse: bool = False, low=LOW, high=HIGH) -> tuple[Tensor, Tensor]:
    """z = g(x), a monotone rational-quadratic spline on [low, high], and z = x outside.

    Slide "Flows: Transformations", splines. Durkan and others 2019, Neural Spline Flows.
    z: (...,); params: (..., 3 k - 1) for k bins: k each for their widths and heights, and k - 1 for the slopes at the
    inner knots. Returns as `affine` does. As g is a formula and its inverse a root, training goes through g.
    """
    knots = spline_knots(params, low, high)
    inside = z.clamp(low, high)
    x, logdet = rational_quadratic(inside, knots, root=not inverse)
    within = inside == z
    return torch.where(within, x.clamp(low, high), z), torch.where(within, logdet, 0.0)


def spline_knots(params: Tensor, low: float = LOW, high: float = HIGH, least: float = 2**-10) -> Tensor:
    """(..., 3 k - 1) free numbers -> (..., 3, k + 1): the knots' places x, their values g(x), and the log slopes there.

    Places and values rise from low to high in k steps, in proportion to exp(param), but each by at least a share
    `least` of the way. The slope is exp(param) at an inner knot, params from -LIMIT to LIMIT, and 1 at both ends, where
    the line z = x goes on. Between two steep knots g may still be nearly flat: there float32 knows g^{-1} badly.
    """
    k = (params.shape[-1] + 1) // 3
    require(params.shape[-1] == 3 * k - 1, f"params has {params.shape[-1]} numbers. A spline of k bins takes 3 k - 1.")
    params = F.hardtanh(params, -LIMIT, LIMIT)
    steps = params[..., : 2 * k].exp().unflatten(-1, (2, k))
    sums = F.pad(steps.cumsum(-1), (1, 0))  # (..., 2, k + 1)
    even = torch.arange(k + 1, dtype=params.dtype, device=params.device) * least
    share = sums / sums[..., -1:] * (1 - k * least) + even  # exactly 0 and 1 at the ends
    log_slopes = F.pad(params[..., 2 * k :], (1, 1))
    places = torch.lerp(share.new_tensor(low), share.new_tensor(high), share)
    return torch.cat([places, log_slopes[..., None, :]], -2)


def rational_quadratic(x: Tensor, knots: Tensor, root: bool = False) -> tuple[Tensor, Tensor]:
    """g(x), a quotient of two quadratics in each bin that meets value and slope at both of its knots, and log g'(x).

    With t = (x - x_0) / (x_1 - x_0) in the bin from x_0 to x_1, s = (g_1 - g_0) / (x_1 - x_0) and slopes d_0, d_1:

        g(x) = g_0 + (g_1 - g_0) (s t^2 + d_0 t (1 - t)) / (s + (d_0 + d_1 - 2 s) t (1 - t))

    Gregory and Delbourgo 1982. x: (...,), within the knots (..., 3, k + 1) of `spline_knots`. Returns (...,) each. With
    root=True, x stands for g, and it returns x and log dx/dg.
    """
    with torch.no_grad():
        left = (x[..., None] >= knots[..., 1 if root else 0, 1:-1]).sum(-1)
        index = torch.stack([left, left + 1], -1)[..., None, :].expand(*knots.shape[:-1], 2)
    x0, x1, g0, g1, d0, d1 = knots.gather(-1, index).flatten(-2).unbind(-1)
    width, height = x1 - x0, g1 - g0
    s, d0, d1 = height / width, d0.exp(), d1.exp()
    if root:
        # with r = 1 - t: s (1 - rise) t^2 + m t r - s rise r^2 = 0, solved for t : r in the form that subtracts nothing
        rise = (x - g0) / height
        up, down = 2 * s * rise, 2 * s * (1 - rise)
        m = d0 * (1 - rise) - d1 * rise
        q = torch.where(m < 0, -m, m) + (m.square() + up * down).sqrt()  # a sum of squares: never below 0
        t, r = torch.where(m < 0, q, up), torch.where(m < 0, down, q)
        t, r = t / (t + r), r / (t + r)
    else:
        t = (x - x0) / width
        r = 1 - t
    u = t * r
    below = s + (d0 + d1 - 2 * s) * u
    # three terms of at least 0: nothing cancels, however steep the knots are
    log_slope = torch.log((d1 * t.square() + 2 * s * u + d0 * r.square()) * (s / below).square())
    if root:
        return x0 + width * t, -log_slope
    return g0 + height * t * (s * t + d0 * r) / below, log_slope
