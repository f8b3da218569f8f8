"""The exercises of notebook 3, flows.

References here are written as a student would write them, from torch's own functions. The tests hold them
against `lecture_lib.flows`.
"""

from __future__ import annotations

import math

import torch
from torch.special import ndtr

from lecture_lib.answers.call import Seed
from lecture_lib.exercises.engine import Exercise, not_by_generator, same_distribution
from lecture_lib.flows import leaky

LOG_2PI = math.log(2 * math.pi)


def _normal(g, *shape, mean=0.0, sd=1.0):
    return mean + sd * torch.randn(shape, generator=g)


def _log_normal(z):
    """log N(z; 0, 1) in nats, elementwise."""
    return -0.5 * z**2 - 0.5 * LOG_2PI


def _with_logdet(reference, change):
    """The reference's answer, its logdet changed by a function of (logdet, *arguments)."""

    def wrong(*arguments):
        z, logdet = reference(*arguments)
        return z, change(logdet, *arguments)

    return wrong


# ---------------------------------------------------------------- change of variables, one dimension


def affine_log_prob(x, shift, log_scale):
    """log p(x) for x = shift + exp(log_scale) z, z ~ N(0, 1): (n,), number, number -> (n,), nats."""
    z = (x - shift) / math.exp(log_scale)
    return _log_normal(z) - log_scale


def stretched(g):
    return {"x": _normal(g, 9, sd=3.0), "shift": 1.5, "log_scale": 0.9}


def squeezed(g):
    return {"x": _normal(g, 12, mean=-2.0, sd=0.3), "shift": -2.2, "log_scale": -1.2}


def only_shifted(g):
    return {"x": _normal(g, 10), "shift": 0.7, "log_scale": 0.0}


def far_from_the_middle(g):
    return {"x": _normal(g, 9, mean=150.0), "shift": 0.4, "log_scale": 0.5}


def affine_integrates_to_1(call, g):
    x = torch.arange(-30.0, 30.0, 1e-3)
    total = (call({"x": x, "shift": 1.5, "log_scale": 0.9}).exp().sum() * 1e-3).item()
    return "" if abs(total - 1) < 5e-3 else f"The integral of your p(x) over all x is {total:.3g}. It should be 1."


AFFINE_LOG_PROB = Exercise(
    name="flows.affine_log_prob",
    points=3,
    asks="log p(x) in nats for x = shift + exp(log_scale) z with z ~ N(0, 1)",
    reference=affine_log_prob,
    inputs=[stretched, squeezed, only_shifted, far_from_the_middle],
    mistakes={
        "You left out the logdet. Where the map stretches, the same mass covers more room, so the density is lower.": (
            lambda x, shift, log_scale: _log_normal((x - shift) / math.exp(log_scale))
        ),
        "Your logdet has the wrong sign. z = (x - shift) / scale has the slope 1 / scale, whose log is -log_scale.": (
            lambda *a: affine_log_prob(*a) + 2 * a[2]
        ),
        "You evaluated the base density at x. It belongs to z: go back to z first.": lambda x, shift, log_scale: (
            _log_normal(x) - log_scale
        ),
        "You took log_scale for the scale. The scale is exp(log_scale).": (
            lambda x, shift, log_scale: (
                _log_normal((x - shift) / log_scale) - math.log(abs(log_scale))
                if log_scale
                else _log_normal(x * math.inf)
            ),
            lambda x, shift, log_scale: _log_normal((x - shift) / log_scale) - log_scale,
            lambda x, shift, log_scale: _log_normal((x - shift) / torch.tensor(log_scale)) - log_scale,
            lambda x, shift, log_scale: (
                _log_normal((x - shift) / torch.tensor(log_scale)) - torch.tensor(log_scale).abs().log()
            ),
        ),
        "You pushed x forward. Inference goes backwards: z = (x - shift) / scale.": lambda x, shift, log_scale: (
            _log_normal(shift + math.exp(log_scale) * x) - log_scale
        ),
        "You divided first and shifted then. x = shift + scale z is undone in the opposite order: subtract, then "
        "divide.": lambda x, shift, log_scale: _log_normal(x / math.exp(log_scale) - shift) - log_scale,
        "You multiplied by the scale. Going back from x to z divides by it.": lambda x, shift, log_scale: (
            _log_normal((x - shift) * math.exp(log_scale)) - log_scale
        ),
        "You subtracted the scale. The logdet is the log of the slope: log_scale.": lambda x, shift, log_scale: (
            _log_normal((x - shift) / math.exp(log_scale)) - math.exp(log_scale)
        ),
        "You left out log(2 pi) / 2, so that p(x) does not integrate to 1.": lambda *a: (
            affine_log_prob(*a) + 0.5 * LOG_2PI
        ),
        "You left out the 1/2 in front of z squared.": lambda x, shift, log_scale: (
            affine_log_prob(x, shift, log_scale) - 0.5 * ((x - shift) / math.exp(log_scale)) ** 2
        ),
        "You divided the logdet by 2. For a variance it would be so, but scale is a standard deviation.": (
            lambda *a: affine_log_prob(*a) + 0.5 * a[2]
        ),
        "You returned p(x). The log of it is asked.": lambda *a: affine_log_prob(*a).exp(),
        "You took the log of exp. For a point far away exp is 0, and log 0 is -inf: write the log of the normal "
        "density out by hand.": lambda x, shift, log_scale: (
            (-0.5 * ((x - shift) / math.exp(log_scale)) ** 2).exp() / math.sqrt(2 * math.pi) / math.exp(log_scale)
        ).log(),
        "The sign is the other way round: log p(x) is asked, not nats.": lambda *a: -affine_log_prob(*a),
        "You did not subtract the shift. Undo the addition first, then the stretch.": (
            lambda x, shift, log_scale: _log_normal(x / math.exp(log_scale)) - log_scale,
            lambda x, shift, log_scale: _log_normal((x + shift) / math.exp(log_scale)) - log_scale,
        ),
        "You subtracted the whole of log(2 pi). It is half of it: the log of sqrt(2 pi).": lambda *a: (
            affine_log_prob(*a) - 0.5 * LOG_2PI
        ),
        "You added the slope 1 / scale. Its log is asked: -log_scale.": lambda x, shift, log_scale: (
            affine_log_prob(x, shift, log_scale) + log_scale + math.exp(-log_scale)
        ),
        "You took log_scale for the log of a variance. The scale is exp(log_scale), a standard deviation.": (
            lambda x, shift, log_scale: affine_log_prob(x, shift, log_scale / 2)
        ),
        "You returned one number for all points. log p(x) of each is asked.": lambda *a: affine_log_prob(*a).mean(),
    },
    laws={"p(x) integrates to 1": affine_integrates_to_1},
)


# ---------------------------------------------------------------- many dimensions: the determinant


def linear_log_prob(x, A, b):
    """log p(x) for x = A z + b, z ~ N(0, I): (n, d), (d, d), (d,) -> (n,), nats."""
    z = torch.linalg.solve(A, (x - b).T).T
    return _log_normal(z).sum(1) - torch.linalg.det(A).abs().log()


def _linear(g, n, A):
    A = torch.tensor(A)
    b = _normal(g, len(A))
    return {"x": _normal(g, n, len(A)) @ A.T + b, "A": A, "b": b}


def a_shear(g):
    return _linear(g, 9, [[2.0, 1.5], [0.0, 0.5]])


def a_reflection(g):
    return _linear(g, 9, [[0.3, 1.2], [1.7, -0.4]])


def three_dimensions(g):
    return _linear(g, 12, [[1.0, 0.5, 0.0], [-0.4, 2.0, 0.3], [0.2, 0.0, 0.4]])


def five_dimensions(g):
    return _linear(g, 9, (3 * torch.eye(5) + _normal(g, 5, 5, sd=0.6)).tolist())


def _z_of(x, A, b):
    return torch.linalg.solve(A, (x - b).T).T


LINEAR_LOG_PROB = Exercise(
    name="flows.linear_log_prob",
    points=4,
    asks="log p(x) in nats for x = A z + b with z ~ N(0, I) in d dimensions",
    reference=linear_log_prob,
    inputs=[a_shear, a_reflection, three_dimensions, five_dimensions],
    mistakes={
        "You left out the log determinant.": lambda x, A, b: _log_normal(_z_of(x, A, b)).sum(1),
        "Your log determinant has the wrong sign. A^{-1} shrinks volumes by |det A|: subtract log |det A|.": (
            lambda x, A, b: _log_normal(_z_of(x, A, b)).sum(1) + A.det().abs().log()
        ),
        "A determinant can be negative: where A turns the space inside out. Volumes need its absolute value.": (
            lambda x, A, b: _log_normal(_z_of(x, A, b)).sum(1) - A.det().log()
        ),
        "First the absolute value, then the log: the log of a negative determinant is NaN.": lambda x, A, b: (
            _log_normal(_z_of(x, A, b)).sum(1) - A.det().log().abs()
        ),
        "The determinant is one number for the whole map: it is not divided by d.": lambda x, A, b: (
            _log_normal(_z_of(x, A, b)).sum(1) - A.det().abs().log() / len(b)
        ),
        "You divided by the diagonal of A. Its inverse is torch.linalg.inv(A).": lambda x, A, b: (
            _log_normal((x - b) / A.diagonal()).sum(1) - A.det().abs().log()
        ),
        "You subtracted the determinant itself. Its log is asked.": (
            lambda x, A, b: _log_normal(_z_of(x, A, b)).sum(1) - A.det().abs(),
            lambda x, A, b: _log_normal(_z_of(x, A, b)).sum(1) - A.det(),
        ),
        "You evaluated the base density at x. It belongs to z = A^{-1} (x - b).": lambda x, A, b: (
            _log_normal(x).sum(1) - A.det().abs().log()
        ),
        "You multiplied by A. Going back from x to z takes its inverse.": lambda x, A, b: (
            _log_normal((x - b) @ A.T).sum(1) - A.det().abs().log()
        ),
        "Your points are rows: A^{-1} times each is (x - b) @ A_inverse.T. The .T is missing.": lambda x, A, b: (
            _log_normal((x - b) @ torch.linalg.inv(A)).sum(1) - A.det().abs().log()
        ),
        "You forgot b. It is subtracted before A^{-1} is applied.": (
            lambda x, A, b: _log_normal(_z_of(x, A, 0 * b)).sum(1) - A.det().abs().log(),
            lambda x, A, b: _log_normal(_z_of(x, A, 0 * b) - b).sum(1) - A.det().abs().log(),
        ),
        "You took the mean over the dimensions. The logs of independent z_j add up.": lambda x, A, b: (
            _log_normal(_z_of(x, A, b)).mean(1) - A.det().abs().log()
        ),
        "You counted log(2 pi) / 2 once. Every dimension brings one.": lambda x, A, b: (
            linear_log_prob(x, A, b) + (len(b) - 1) * 0.5 * LOG_2PI
        ),
        "You left out log(2 pi) / 2 for each dimension.": lambda x, A, b: (
            linear_log_prob(x, A, b) + len(b) * 0.5 * LOG_2PI
        ),
        "You multiplied the diagonal of A. That is the determinant only if A is triangular.": lambda x, A, b: (
            _log_normal(_z_of(x, A, b)).sum(1) - A.diagonal().abs().log().sum()
        ),
        "You counted the log determinant once for each dimension. It belongs to the whole point: subtract it after the "
        "sum.": (
            lambda x, A, b: _log_normal(_z_of(x, A, b)).sum(1) - len(b) * A.det().abs().log(),
            lambda x, A, b: _log_normal(_z_of(x, A, b)).sum(1) + len(b) * A.det().abs().log(),
        ),
        "You returned one number for each coordinate. Sum over the dimensions.": lambda x, A, b: _log_normal(
            _z_of(x, A, b)
        ),
        "The sign is the other way round: log p(x) is asked, not nats.": lambda *a: -linear_log_prob(*a),
        "You returned p(x). The log of it is asked.": lambda *a: linear_log_prob(*a).exp(),
    },
)


# ---------------------------------------------------------------- elementwise


def leaky_inverse(x, log_slope):
    """z and log |det dz/dx| for x = z where z >= 0, exp(log_slope) z below: (n, d), (d,) -> (n, d), (n,)."""
    z, logdet = leaky(x, log_slope.expand(len(x), -1)[..., None], inverse=True)
    return z, logdet.sum(1)


def _points(g, n, log_slope):
    return {"x": _normal(g, n, len(log_slope)), "log_slope": torch.tensor(log_slope)}


def two_dimensions(g):
    return _points(g, 9, [-1.0, 0.6])


def four_dimensions(g):
    return _points(g, 12, [-2.0, -0.3, 0.4, 1.1])


def all_below_0(g):
    return {"x": -_normal(g, 9, 3).abs() - 0.1, "log_slope": torch.tensor([-0.7, 0.2, -1.5])}


def all_above_0(g):
    return {"x": _normal(g, 9, 2).abs() + 0.1, "log_slope": torch.tensor([-0.9, 0.4])}


LEAKY_INVERSE = Exercise(
    name="flows.leaky_inverse",
    points=3,
    asks="z and log |det dz/dx| for the elementwise x = z where z >= 0, exp(log_slope) z where z < 0",
    reference=leaky_inverse,
    inputs=[two_dimensions, four_dimensions, all_below_0, all_above_0],
    parts=("z", "logdet"),
    mistakes={
        "You took the mean over the dimensions. A determinant is the product of all slopes, so the logs add up.": (
            _with_logdet(leaky_inverse, lambda logdet, x, log_slope: logdet / x.shape[1])
        ),
        "You summed over the points, not over the dimensions. Every point has a logdet of its own: .sum(1).": (
            lambda x, log_slope: (
                leaky_inverse(x, log_slope)[0],
                leaky_inverse(x, log_slope)[1].sum().expand(len(x)),
            )
        ),
        "Your logdet has the wrong sign. It is that of the map from x to z.": _with_logdet(
            leaky_inverse, lambda logdet, *a: -logdet
        ),
        "You went forward. Below 0, x is exp(log_slope) z, so z is x divided by it.": lambda x, log_slope: (
            leaky_inverse(x, -log_slope)
        ),
        "Your z is right at both sides, but the logdet of a side above 0 is 0: its slope is 1.": _with_logdet(
            leaky_inverse, lambda logdet, x, log_slope: (-log_slope).sum().expand(len(x))
        ),
        "Your z is that of the map forward, your logdet that of the map back.": lambda x, log_slope: (
            leaky_inverse(x, -log_slope)[0],
            leaky_inverse(x, log_slope)[1],
        ),
        "You took log_slope for the slope. The slope is exp(log_slope).": (
            lambda x, log_slope: (
                torch.where(x < 0, x / log_slope, x),
                torch.where(x < 0, -log_slope, 0.0).sum(1),
            ),
            lambda x, log_slope: (
                torch.where(x < 0, x / log_slope, x),
                torch.where(x < 0, -log_slope.abs().log(), 0.0).sum(1),
            ),
        ),
        "You summed the slopes. The log of each comes first.": _with_logdet(
            leaky_inverse,
            lambda logdet, x, log_slope: torch.where(x < 0, torch.exp(-log_slope), 1.0).sum(1),
        ),
        "Above 0 the slope is 1, and the log of 1 is 0.": _with_logdet(
            leaky_inverse, lambda logdet, x, log_slope: torch.where(x < 0, -log_slope, 1.0).sum(1)
        ),
        "Your logdet mixes slopes and logs: exp(-log_slope) is a slope. Its log is -log_slope.": _with_logdet(
            leaky_inverse, lambda logdet, x, log_slope: torch.where(x < 0, torch.exp(-log_slope), 0.0).sum(1)
        ),
        "Your z is right, but your logdet counts the wrong side: the slope differs from 1 below 0.": _with_logdet(
            leaky_inverse, lambda logdet, x, log_slope: torch.where(x < 0, 0.0, -log_slope).sum(1)
        ),
        "You took the other side: the slope changes below 0.": lambda x, log_slope: (
            torch.where(x > 0, x * torch.exp(-log_slope), x),
            torch.where(x > 0, -log_slope, 0.0).sum(1),
        ),
        "You returned the determinant. Its log is asked.": _with_logdet(leaky_inverse, lambda logdet, *a: logdet.exp()),
        "You left the logdet out of your answer, or made it 0.": _with_logdet(
            leaky_inverse, lambda logdet, *a: torch.zeros_like(logdet)
        ),
    },
)


# ---------------------------------------------------------------- the CDF of a mixture


def mixture_cdf(x, weights, means, sds):
    """u = sum_k w_k Phi((x - m_k) / s_k) and log du/dx: (n,), (k,), (k,), (k,) -> (n,), (n,)."""
    t = (x[:, None] - means) / sds
    density = (weights * torch.exp(-(t**2) / 2) / (sds * math.sqrt(2 * math.pi))).sum(1)
    return (weights * ndtr(t)).sum(1), density.log()


def _components(g, k):
    weights = 0.2 + torch.rand(k, generator=g)
    return {"weights": weights / weights.sum(), "means": 2 * _normal(g, k), "sds": 0.4 + torch.rand(k, generator=g)}


def two_bumps(g):
    weights, means, sds = torch.tensor([0.7, 0.3]), torch.tensor([-1.0, 2.0]), torch.tensor([0.5, 1.5])
    return {"x": _normal(g, 9, sd=1.5), "weights": weights, "means": means, "sds": sds}


def five_bumps(g):
    return {"x": _normal(g, 20, sd=1.5), **_components(g, 5)}


def one_narrow_bump(g):
    return {
        "x": _normal(g, 9, mean=0.4, sd=0.2),
        "weights": torch.ones(1),
        "means": torch.tensor([0.4]),
        "sds": torch.tensor([0.2]),
    }


def _t(x, means, sds):
    return (x[:, None] - means) / sds


def _bell(t):
    return torch.exp(-(t**2) / 2) / math.sqrt(2 * math.pi)


def the_slope_is_that_of_u(call, g):
    given = two_bumps(g)
    x, h = torch.linspace(-2.0, 4.0, 13, dtype=torch.float64), 1e-5
    given = {"x": x, **{name: given[name].double() for name in ("weights", "means", "sds")}}
    rise = (call({**given, "x": x + h})[:, 0] - call({**given, "x": x - h})[:, 0]) / (2 * h)
    logdet = call(given)[:, 1]
    if torch.allclose(rise, logdet.exp(), rtol=1e-2, atol=1e-4):
        return ""
    i = int((rise - logdet.exp()).abs().argmax())
    return f"At x = {x[i]:.3g} your u rises with slope {rise[i]:.3g}, but exp(logdet) is {logdet[i].exp():.3g}."


MIXTURE_CDF = Exercise(
    name="flows.mixture_cdf",
    points=4,
    asks="u = F(x), the CDF of a mixture of Gaussians, and logdet = log du/dx",
    reference=mixture_cdf,
    inputs=[two_bumps, five_bumps, one_narrow_bump],
    parts=("u", "logdet"),
    mistakes={
        "You left out the 1/s_k of the slope. The chain rule brings it: d/dx Phi((x - m) / s) = N(...) / s.": (
            lambda x, w, m, s: ((w * ndtr(_t(x, m, s))).sum(1), (w * _bell(_t(x, m, s))).sum(1).log())
        ),
        "Your logdet is the slope itself. Its log is asked.": _with_logdet(
            mixture_cdf, lambda logdet, *a: logdet.exp()
        ),
        "Your logdet has the wrong sign. It is that of the map from x to u.": _with_logdet(
            mixture_cdf, lambda logdet, *a: -logdet
        ),
        "You averaged the logs of the components. The slopes add up first, then comes the log.": lambda x, w, m, s: (
            (w * ndtr(_t(x, m, s))).sum(1),
            (w * (_bell(_t(x, m, s)) / s).log()).sum(1),
        ),
        "You left out the weights.": (
            lambda x, w, m, s: (ndtr(_t(x, m, s)).sum(1), (_bell(_t(x, m, s)) / s).sum(1).log()),
            lambda x, w, m, s: mixture_cdf(x, torch.full_like(w, 1 / len(w)), m, s),
        ),
        "You mixed the parameters into one Gaussian. Each component has a CDF of its own; mix the CDFs.": (
            lambda x, w, m, s: mixture_cdf(
                x, torch.ones(1), (w * m).sum()[None], ((w * (s**2 + m**2)).sum() - (w * m).sum() ** 2).sqrt()[None]
            ),
            lambda x, w, m, s: mixture_cdf(x, torch.ones(1), (w * m).sum()[None], (w * s).sum()[None]),
        ),
        "You returned the density for u. u is the CDF: torch.special.ndtr.": lambda *a: (
            mixture_cdf(*a)[1].exp(),
            mixture_cdf(*a)[1],
        ),
        "Your logdet is log u. It is the log of the slope of u, which is the density of the mixture.": lambda *a: (
            mixture_cdf(*a)[0],
            mixture_cdf(*a)[0].log(),
        ),
        "You left out sqrt(2 pi) in the slope.": _with_logdet(mixture_cdf, lambda logdet, *a: logdet + 0.5 * LOG_2PI),
        "You did not divide by s_k inside. It is Phi((x - m_k) / s_k).": lambda x, w, m, s: (
            (w * ndtr(x[:, None] - m)).sum(1),
            (w * _bell(x[:, None] - m)).sum(1).log(),
        ),
        "You used s_k as the variance. The variance is s_k^2.": lambda x, w, m, s: mixture_cdf(x, w, m, s.sqrt()),
        "You left out the 1/2 in the exponent.": lambda x, w, m, s: (
            mixture_cdf(x, w, m, s)[0],
            (w * torch.exp(-(_t(x, m, s) ** 2)) / s / math.sqrt(2 * math.pi)).sum(1).log(),
        ),
        "You averaged over the components. The weights already sum to 1: add up.": lambda x, w, m, s: (
            (w * ndtr(_t(x, m, s))).mean(1),
            (w * _bell(_t(x, m, s)) / s).mean(1).log(),
        ),
        "You left the weights out of the slope.": lambda x, w, m, s: (
            mixture_cdf(x, w, m, s)[0],
            (_bell(_t(x, m, s)) / s).sum(1).log(),
        ),
        "The slope of each component has one factor 1 / s_k, from the chain rule.": (
            lambda x, w, m, s: (mixture_cdf(x, w, m, s)[0], (w * _bell(_t(x, m, s)) * s).sum(1).log()),
            lambda x, w, m, s: (mixture_cdf(x, w, m, s)[0], (w * _bell(_t(x, m, s)) / s**2).sum(1).log()),
        ),
        "You counted from the right: 1 - F(x). The CDF is the share of mass to the left.": lambda *a: (
            1 - mixture_cdf(*a)[0],
            mixture_cdf(*a)[1],
        ),
    },
    laws={"logdet is the log of the slope of u": the_slope_is_that_of_u},
)


# ---------------------------------------------------------------- a spline of straight lines


def linear_spline(x, knots_x, knots_u):
    """u = g(x), straight between the knots, and log du/dx: (n,), (k + 1,), (k + 1,) -> (n,), (n,)."""
    i = torch.searchsorted(knots_x, x, right=True).clamp(1, len(knots_x) - 1) - 1
    slope = (knots_u.diff() / knots_x.diff())[i]
    return knots_u[i] + slope * (x - knots_x[i]), slope.log()


def _knots(g, k, low, high):
    steps = [0.3 + torch.rand(k, generator=g) for _ in range(2)]
    knots_x, knots_u = (torch.cat([torch.zeros(1), s.cumsum(0) / s.sum()]) for s in steps)
    knots_u[-1] = 1.0
    knots_x = low + (high - low) * knots_x
    knots_x[-1] = high
    return knots_x, knots_u


def _within(g, n, k, low, high):
    knots_x, knots_u = _knots(g, k, low, high)
    x = low + (high - low) * torch.rand(n, generator=g)
    return {"x": x, "knots_x": knots_x, "knots_u": knots_u}


def three_bins(g):
    return _within(g, 9, 3, -1.0, 2.0)


def twenty_bins(g):
    return _within(g, 40, 20, -3.0, 3.0)


def points_on_the_knots(g):
    knots_x, knots_u = _knots(g, 9, 0.0, 5.0)
    return {"x": knots_x.flip(0), "knots_x": knots_x, "knots_u": knots_u}


def _in_bin(choose, value=None):
    """The spline, with the bin's number changed by choose(i, k), and perhaps another value of u."""

    def wrong(x, knots_x, knots_u):
        k = len(knots_x) - 1
        i = choose(torch.searchsorted(knots_x, x, right=True).clamp(1, k) - 1, k)
        slope = (knots_u.diff() / knots_x.diff())[i]
        u = knots_u[i] + slope * (x - knots_x[i]) if value is None else value(x, knots_x, knots_u, i, slope)
        return u, slope.log()

    return wrong


def _last_edge_out(x, knots_x, knots_u):
    i = torch.searchsorted(knots_x, x, right=True) - 1
    slope = (knots_u.diff() / knots_x.diff())[i]
    return knots_u[i] + slope * (x - knots_x[i]), slope.log()


def _two_knots(find):
    """The spline by its two knots i and i + 1, with the number i found in another way."""

    def wrong(x, knots_x, knots_u):
        i = find(x, knots_x)
        slope = (knots_u[i + 1] - knots_u[i]) / (knots_x[i + 1] - knots_x[i])
        return knots_u[i] + slope * (x - knots_x[i]), slope.log()

    return wrong


def _first_edge_out(x, knots_x, knots_u):
    i = torch.searchsorted(knots_x, x) - 1
    slope = (knots_u.diff() / knots_x.diff())[i]
    return knots_u[i] + slope * (x - knots_x[i]), slope.log()


LINEAR_SPLINE = Exercise(
    name="flows.linear_spline",
    points=4,
    asks="u = g(x) for a spline of straight lines through the knots, and logdet = log du/dx",
    reference=linear_spline,
    inputs=[three_bins, twenty_bins, points_on_the_knots],
    parts=("u", "logdet"),
    mistakes={
        "Your slope is upside down. It is rise by run, (u_1 - u_0) / (x_1 - x_0).": (
            _in_bin(lambda i, k: i, lambda x, kx, ku, i, slope: ku[i] + (x - kx[i]) / slope),
            lambda x, kx, ku: (
                _in_bin(lambda i, k: i, lambda x, kx, ku, i, slope: ku[i] + (x - kx[i]) / slope)(x, kx, ku)[0],
                -linear_spline(x, kx, ku)[1],
            ),
        ),
        "x at the last knot belongs to the last bin. Your code looks for one beyond it: clamp the number of the bin.": (
            _last_edge_out,
            _two_knots(lambda x, knots_x: torch.searchsorted(knots_x, x, right=True) - 1),
            _two_knots(lambda x, knots_x: (torch.searchsorted(knots_x, x, right=True) - 1).clamp(0, len(knots_x) - 1)),
        ),
        "At a knot the slope of the right line is asked: searchsorted with right=True.": _two_knots(
            lambda x, knots_x: (torch.searchsorted(knots_x, x) - 1).clamp(0, len(knots_x) - 2)
        ),
        "x at the first knot belongs to the first bin. Take searchsorted with right=True, and clamp.": _first_edge_out,
        "You are one bin too far to the right: searchsorted counts the knots at or below x, so subtract 1.": _in_bin(
            lambda i, k: (i + 1).clamp(max=k - 1)
        ),
        "You are one bin too far to the left.": _in_bin(lambda i, k: (i - 1).clamp(min=0)),
        "You measured from the first knot. Measure from the left knot of the bin: u_0 + slope (x - x_0).": _in_bin(
            lambda i, k: i, lambda x, kx, ku, i, slope: ku[0] + slope * (x - kx[0])
        ),
        "You left out u_0, the height at the left knot of the bin.": _in_bin(
            lambda i, k: i, lambda x, kx, ku, i, slope: slope * (x - kx[i])
        ),
        "You left out x_0. The line rises from the left knot of the bin: slope (x - x_0).": _in_bin(
            lambda i, k: i, lambda x, kx, ku, i, slope: ku[i] + slope * x
        ),
        "Your logdet is the slope itself. Its log is asked.": _with_logdet(
            linear_spline, lambda logdet, *a: logdet.exp()
        ),
        "Your logdet has the wrong sign. It is the log of the slope du/dx.": _with_logdet(
            linear_spline, lambda logdet, *a: -logdet
        ),
        "Your logdet is the log of the rise u_1 - u_0. The slope is the rise divided by the run: a probability is not "
        "yet a density.": lambda x, kx, ku: (
            linear_spline(x, kx, ku)[0],
            ku.diff()[torch.searchsorted(kx, x, right=True).clamp(1, len(kx) - 1) - 1].log(),
        ),
        "You returned u_0, a staircase. Between the knots the spline rises in a straight line.": _in_bin(
            lambda i, k: i, lambda x, kx, ku, i, slope: ku[i]
        ),
        "You added the slope where it should be multiplied with x - x_0.": _in_bin(
            lambda i, k: i, lambda x, kx, ku, i, slope: ku[i] + slope
        ),
        "You drew one line from the first knot to the last. Every bin has its own.": lambda x, kx, ku: (
            ku[0] + (ku[-1] - ku[0]) / (kx[-1] - kx[0]) * (x - kx[0]),
            ((ku[-1] - ku[0]) / (kx[-1] - kx[0])).log().expand(len(x)),
        ),
    },
)


# ---------------------------------------------------------------- composition


def inverse(x, shifts, log_scales):
    """z and log |dz/dx| for x = f_k(... f_1(z)), f_i(y) = sinh(shifts_i + exp(log_scales_i) y): (n,) -> (n,), (n,)."""
    logdet = torch.zeros_like(x)
    for shift, log_scale in zip(shifts.flip(0), log_scales.flip(0)):
        logdet = logdet - log_scale - torch.log(1 + x**2) / 2
        x = (torch.asinh(x) - shift) / torch.exp(log_scale)
    return x, logdet


def forward(z, shifts, log_scales):
    """x and log |dx/dz|, the same map in its own direction."""
    logdet = torch.zeros_like(z)
    for shift, log_scale in zip(shifts, log_scales):
        y = shift + torch.exp(log_scale) * z
        z, logdet = torch.sinh(y), logdet + log_scale + torch.log(torch.cosh(y))
    return z, logdet


def _chain(g, n, k):
    shifts, log_scales = _normal(g, k, sd=0.4), _normal(g, k, mean=-0.6, sd=0.3)
    return {"x": forward(_normal(g, n), shifts, log_scales)[0], "shifts": shifts, "log_scales": log_scales}


def one_layer(g):
    return _chain(g, 9, 1)


def two_layers(g):
    return _chain(g, 9, 2)


def five_layers(g):
    return _chain(g, 20, 5)


def _walk(order=1, logdet_of=None, keep=lambda total, new: total + new, shift_first=True, bend_first=True):
    """The way back with another order of the layers, another logdet of a layer, or another sum."""

    def wrong(x, shifts, log_scales):
        total = torch.zeros_like(x)
        layers = list(zip(shifts, log_scales))[::-order]
        for shift, log_scale in layers:
            own = -log_scale - torch.log(1 + x**2) / 2
            before = x
            if not bend_first:
                x = torch.asinh((x - shift) / torch.exp(log_scale))
            elif shift_first:
                x = (torch.asinh(x) - shift) / torch.exp(log_scale)
            else:
                x = torch.asinh(x) / torch.exp(log_scale) - shift
            total = keep(total, own if logdet_of is None else logdet_of(before, x, log_scale))
        return x, total

    return wrong


INVERSE = Exercise(
    name="flows.inverse",
    points=4,
    asks="z and log |dz/dx| for x = f_k(... f_1(z)) with layers f_i(y) = sinh(shift_i + exp(log_scale_i) y)",
    reference=inverse,
    inputs=[one_layer, two_layers, five_layers],
    parts=("z", "logdet"),
    mistakes={
        "You undid the layers in the order in which z passed them. The last one has to be undone first.": _walk(
            order=-1
        ),
        "Your z is right, but your logdet is that of one layer alone. The logdets of all layers add up.": (
            _walk(keep=lambda total, new: new),
            lambda x, shifts, log_scales: (
                inverse(x, shifts, log_scales)[0],
                -log_scales[-1] - torch.log(1 + x**2) / 2,
            ),
        ),
        "Your logdet has the wrong sign. It is that of the way back, from x to z.": _with_logdet(
            inverse, lambda logdet, *a: -logdet
        ),
        "You went forward. From x to z every layer is undone: asinh first, then subtract, then divide.": (
            forward,
            lambda x, shifts, log_scales: forward(x, shifts.flip(0), log_scales.flip(0)),
        ),
        "You multiplied the logdets. Slopes multiply, so their logs add up.": _walk(
            keep=lambda total, new: torch.where(total == 0, new, total * new)
        ),
        "You left the slope of asinh out of the logdet, -log(1 + x^2) / 2.": _walk(
            logdet_of=lambda x, z, s: -s + 0 * x
        ),
        "You left -log_scale out of the logdet.": _walk(logdet_of=lambda x, z, s: -torch.log(1 + x**2) / 2),
        "log_scale has the wrong sign in your logdet: dividing by the scale has the slope 1 / scale.": _walk(
            logdet_of=lambda x, z, s: s - torch.log(1 + x**2) / 2
        ),
        "The slope of asinh has the wrong sign in your logdet: its log is -log(1 + x^2) / 2.": _walk(
            logdet_of=lambda x, z, s: -s + torch.log(1 + x**2) / 2
        ),
        "The slope of asinh is 1 / sqrt(1 + x^2). The root makes its log -log(1 + x^2) / 2.": _walk(
            logdet_of=lambda x, z, s: -s - torch.log(1 + x**2)
        ),
        "You took the slope of asinh at the layer's result. It belongs to what goes in: compute the logdet before you "
        "overwrite x.": _walk(logdet_of=lambda x, z, s: -s - torch.log(1 + z**2) / 2),
        "You divided first and subtracted then. shift + scale y is undone in the opposite order.": _walk(
            shift_first=False
        ),
        "Each layer has a slope at the number that enters it. You took all of them at the first x.": lambda x, *a: (
            inverse(x, *a)[0],
            -a[1].sum() - len(a[1]) * torch.log(1 + x**2) / 2,
        ),
        "You skipped f_1. range(k - 1, -1, -1), or reversed(range(k)), goes down to 0.": lambda x, shifts, log_scales: (
            inverse(x, shifts[1:], log_scales[1:])
        ),
        "You undid one layer only. Is the `return` inside the loop, or does each round start from the first x again?": (
            lambda x, shifts, log_scales: inverse(x, shifts[-1:], log_scales[-1:]),
            lambda x, shifts, log_scales: inverse(x, shifts[:1], log_scales[:1]),
        ),
        "You undid shift and scale before asinh. The sinh came last in its layer, so it is undone first.": (
            _walk(bend_first=False)
        ),
        "You added up the slopes. Their logs are asked.": _walk(
            logdet_of=lambda x, z, s: torch.exp(-s) / torch.sqrt(1 + x**2)
        ),
        "Your logdet is the determinant itself. Its log is asked.": _with_logdet(
            inverse, lambda logdet, *a: logdet.exp()
        ),
    },
)


# ---------------------------------------------------------------- sampling


def sample(n, shifts, log_scales, rng):
    """n draws of x = f_k(... f_1(z)), z ~ N(0, 1): number, (k,), (k,), rng -> (n,)."""
    z = torch.randn(n, generator=rng)
    return forward(z, shifts, log_scales)[0]


def _draws(shifts, log_scales):
    return {
        "n": 4000,
        "shifts": torch.tensor(shifts),
        "log_scales": torch.tensor(log_scales),
        "rng": Seed(17),
    }


def _nudge(g):
    return 0.05 * torch.rand((), generator=g).item()


def a_single_layer(g):
    return _draws([1.0 + _nudge(g)], [-0.4])


def a_pair_of_layers(g):
    return _draws([0.9 + _nudge(g), -0.6], [-0.3, -1.3])


def three_layers(g):
    return _draws([-0.5 + _nudge(g), 0.8, -0.6], [-1.0, -0.3, -0.7])


def follows_the_generator(call, g):
    arguments = a_pair_of_layers(g)
    first, again, other = (call({**arguments, "rng": Seed(n)}) for n in (17, 17, 18))
    return not_by_generator(first, again, other) if first.isfinite().all() else "Not all of your samples are numbers."


SAMPLE = Exercise(
    name="flows.sample",
    points=3,
    asks="n samples of x = f_k(... f_1(z)) with layers f_i(y) = sinh(shift_i + exp(log_scale_i) y) and z ~ N(0, 1)",
    reference=sample,
    inputs=[a_single_layer, a_pair_of_layers, three_layers],
    same=same_distribution,
    laws={"same generator, same points": follows_the_generator},
    mistakes={
        "You went through the layers from the last to the first. z passes f_1 first.": lambda n, s, ls, g: sample(
            n, s.flip(0), ls.flip(0), g
        ),
        "You pushed z through the inverse. Sampling goes forward, from z to x.": (
            lambda n, s, ls, g: inverse(torch.randn(n, generator=g), s, ls)[0],
            lambda n, s, ls, g: inverse(torch.randn(n, generator=g), s.flip(0), ls.flip(0))[0],
        ),
        "Your z is uniform. The base here is normal: torch.randn.": lambda n, s, ls, g: forward(
            torch.rand(n, generator=g), s, ls
        )[0],
        "You took log_scale for the scale. The scale is exp(log_scale).": lambda n, s, ls, g: _layers(
            torch.randn(n, generator=g), s, ls, scale=lambda log_scale: log_scale
        ),
        "You left out sinh.": lambda n, s, ls, g: _layers(torch.randn(n, generator=g), s, ls, bend=lambda y: y),
        "You bent before you stretched. In each layer sinh comes last: sinh(shift + exp(log_scale) y).": (
            lambda n, s, ls, g: _bent_first(torch.randn(n, generator=g), s, ls)
        ),
        "You took sinh once, after the loop. It belongs into every layer.": lambda n, s, ls, g: torch.sinh(
            _layers(torch.randn(n, generator=g), s, ls, bend=lambda y: y)
        ),
        "You left out the shifts.": lambda n, s, ls, g: forward(torch.randn(n, generator=g), 0 * s, ls)[0],
        "You took the first layer alone.": lambda n, s, ls, g: sample(n, s[:1], ls[:1], g),
        "You took the last layer alone: each layer must start from what the one before gave.": (
            lambda n, s, ls, g: sample(n, s[-1:], ls[-1:], g)
        ),
        "You added the shift before the stretch: it is shift + exp(log_scale) y.": lambda n, s, ls, g: forward(
            torch.randn(n, generator=g), s * ls.exp(), ls
        )[0],
        "You returned z, not x.": lambda n, s, ls, g: torch.randn(n, generator=g),
        "All your samples are equal. Draw n numbers.": lambda n, s, ls, g: forward(
            torch.randn(1, generator=g).expand(n), s, ls
        )[0],
    },
)


def _bent_first(z, shifts, log_scales):
    for shift, log_scale in zip(shifts, log_scales):
        z = shift + torch.exp(log_scale) * torch.sinh(z)
    return z


def _layers(z, shifts, log_scales, scale=torch.exp, bend=torch.sinh):
    for shift, log_scale in zip(shifts, log_scales):
        z = bend(shift + scale(log_scale) * z)
    return z


# ---------------------------------------------------------------- couplings


def net(a, w):
    """The stand-in for a network: shift = w_0 + w_1 a, log_scale = w_2 tanh(a + w_3). (n,), (4,) -> (n,), (n,)."""
    return w[0] + w[1] * a, w[2] * torch.tanh(a + w[3])


def coupling(z, w):
    """x and log |det dx/dz| for x_a = z_a, x_b = shift(z_a) + exp(log_scale(z_a)) z_b: (n, 2), (4,) -> (n, 2), (n,)."""
    a, b = z.unbind(1)
    shift, log_scale = net(a, w)
    return torch.stack([a, shift + torch.exp(log_scale) * b], 1), log_scale


def _plane(g, n, w, name):
    return {name: _normal(g, n, 2), "w": torch.tensor(w)}


def a_bent_cloud(g):
    return _plane(g, 9, [0.5, -1.2, 0.8, 0.3], "z")


def a_fan(g):
    return _plane(g, 12, [0.0, 0.3, 1.6, -0.5], "z")


def only_the_shift_depends_on_z_a(g):
    return _plane(g, 9, [-0.4, 2.0, 0.0, 0.2], "z")


def _coupled(layer):
    """x and logdet from layer(a, b, w), which gives a, b and logdet."""

    def wrong(z, w):
        a, b, logdet = layer(*z.unbind(1), w)
        return torch.stack([a, b], 1), logdet

    return wrong


def _affine_of(read, b, w):
    shift, log_scale = net(read, w)
    return shift + torch.exp(log_scale) * b


COUPLING = Exercise(
    name="flows.coupling",
    points=4,
    asks="x and log |det dx/dz| for the coupling layer x_a = z_a, x_b = shift(z_a) + exp(log_scale(z_a)) z_b",
    reference=coupling,
    inputs=[a_bent_cloud, a_fan, only_the_shift_depends_on_z_a],
    parts=("x", "logdet"),
    mistakes={
        "You transformed both halves. z_a must stay as it is: the way back needs it to find shift and scale.": (
            _coupled(lambda a, b, w: (_affine_of(a, a, w), _affine_of(a, b, w), 2 * net(a, w)[1])),
            _coupled(lambda a, b, w: (_affine_of(a, a, w), _affine_of(a, b, w), net(a, w)[1])),
            _coupled(lambda a, b, w: (_affine_of(b, a, w), _affine_of(a, b, w), net(a, w)[1] + net(b, w)[1])),
        ),
        "You read shift and scale off z_b, the half that changes. Then nobody can find them again from x.": (
            _coupled(lambda a, b, w: (a, _affine_of(b, b, w), net(b, w)[1])),
            _coupled(lambda a, b, w: (a, _affine_of(b, b, w), net(a, w)[1])),
        ),
        "You transformed the first half. The first one stays, the second one changes.": _coupled(
            lambda a, b, w: (_affine_of(b, a, w), b, net(b, w)[1])
        ),
        "You took log_scale for the scale. The scale is exp(log_scale).": (
            _coupled(lambda a, b, w: (a, net(a, w)[0] + net(a, w)[1] * b, net(a, w)[1])),
            _coupled(lambda a, b, w: (a, net(a, w)[0] + net(a, w)[1] * b, net(a, w)[1].abs().log())),
        ),
        "Your logdet has the wrong sign. It is that of the map from z to x.": _with_logdet(
            coupling, lambda logdet, *a: -logdet
        ),
        "Your logdet is the scale. Its log is asked.": _with_logdet(coupling, lambda logdet, *a: logdet.exp()),
        "You went back, from x to z. Asked is the way forward.": (
            _coupled(lambda a, b, w: (a, (b - net(a, w)[0]) * torch.exp(-net(a, w)[1]), -net(a, w)[1])),
            _coupled(lambda a, b, w: (a, (b - net(a, w)[0]) * torch.exp(-net(a, w)[1]), net(a, w)[1])),
        ),
        "You added the shift before the stretch. It is shift + exp(log_scale) z_b.": _coupled(
            lambda a, b, w: (a, torch.exp(net(a, w)[1]) * (b + net(a, w)[0]), net(a, w)[1])
        ),
        "You left out the shift.": _coupled(lambda a, b, w: (a, torch.exp(net(a, w)[1]) * b, net(a, w)[1])),
        "You swapped the halves. x_a comes first.": _coupled(lambda a, b, w: (_affine_of(a, b, w), a, net(a, w)[1])),
        "You exchanged shift and log_scale: net gives the shift first.": _coupled(
            lambda a, b, w: (a, net(a, w)[1] + torch.exp(net(a, w)[0]) * b, net(a, w)[0])
        ),
        "You halved the logdet. It is a sum over the dimensions, not a mean.": _with_logdet(
            coupling, lambda logdet, *a: logdet / 2
        ),
        "Your logdet counts both halves. The one that stays has slope 1, whose log is 0.": _with_logdet(
            coupling, lambda logdet, *a: 2 * logdet
        ),
        "Your logdet counts the shift, too. Moving points changes no volume.": lambda z, w: (
            coupling(z, w)[0],
            net(z[:, 0], w)[0] + net(z[:, 0], w)[1],
        ),
        "Your logdet is 0. The half that changes is stretched by exp(log_scale).": _with_logdet(
            coupling, lambda logdet, *a: 0 * logdet
        ),
    },
)


def coupling_inverse(x, w):
    """z and log |det dz/dx| of the same layer: (n, 2), (4,) -> (n, 2), (n,)."""
    a, b = x.unbind(1)
    shift, log_scale = net(a, w)
    return torch.stack([a, (b - shift) * torch.exp(-log_scale)], 1), -log_scale


def _given_x(inputs):
    """The same cases for the way back, with x in place of z."""

    def case(g):
        given = inputs(g)
        return {"x": given["z"], "w": given["w"]}

    case.__name__ = inputs.__name__
    return case


def it_undoes_the_layer(call, g):
    z, w = _normal(g, 9, 2), torch.tensor([0.5, -1.2, 0.8, 0.3])
    x, logdet = coupling(z, w)
    back = call({"x": x, "w": w})
    if not torch.allclose(back[:, :2], z.double(), atol=1e-3):
        return "coupling, then your coupling_inverse, should give z again."
    if not torch.allclose(back[:, 2] + logdet.double(), torch.zeros(9, dtype=torch.float64), atol=1e-3):
        return "The logdets of the two directions should sum to 0."
    return ""


COUPLING_INVERSE = Exercise(
    name="flows.coupling_inverse",
    points=3,
    asks="z and log |det dz/dx| for the layer x_a = z_a, x_b = shift(z_a) + exp(log_scale(z_a)) z_b",
    reference=coupling_inverse,
    inputs=[*map(_given_x, (a_bent_cloud, a_fan, only_the_shift_depends_on_z_a))],
    parts=("z", "logdet"),
    mistakes={
        "You read shift and scale off x_b. The layer computed them from z_a, and that is x_a.": (
            _coupled(lambda a, b, w: (a, (b - net(b, w)[0]) * torch.exp(-net(b, w)[1]), -net(b, w)[1])),
            _coupled(lambda a, b, w: (a, (b - net(b, w)[0]) * torch.exp(-net(b, w)[1]), -net(a, w)[1])),
        ),
        "You went forward. From x to z: subtract the shift, then divide by the scale.": (
            coupling,
            _coupled(lambda a, b, w: (a, _affine_of(a, b, w), -net(a, w)[1])),
        ),
        "You divided first and subtracted then. shift + scale z_b is undone in the opposite order.": _coupled(
            lambda a, b, w: (a, b * torch.exp(-net(a, w)[1]) - net(a, w)[0], -net(a, w)[1])
        ),
        "You multiplied by the scale. Going back divides by it.": (
            _coupled(lambda a, b, w: (a, (b - net(a, w)[0]) * torch.exp(net(a, w)[1]), -net(a, w)[1])),
            _coupled(lambda a, b, w: (a, (b - net(a, w)[0]) * torch.exp(net(a, w)[1]), net(a, w)[1])),
        ),
        "Your z is right, but the logdet has the wrong sign: it is that of the way back, -log_scale.": _with_logdet(
            coupling_inverse, lambda logdet, *a: -logdet
        ),
        "You added the shift. Going back subtracts it.": _coupled(
            lambda a, b, w: (a, (b + net(a, w)[0]) * torch.exp(-net(a, w)[1]), -net(a, w)[1])
        ),
        "You divided by log_scale. The scale is exp(log_scale).": _coupled(
            lambda a, b, w: (a, (b - net(a, w)[0]) / net(a, w)[1], -net(a, w)[1])
        ),
        "You forgot the shift.": _coupled(lambda a, b, w: (a, b * torch.exp(-net(a, w)[1]), -net(a, w)[1])),
        "Mind the parentheses: (b - shift) / scale.": _coupled(
            lambda a, b, w: (a, b - net(a, w)[0] * torch.exp(-net(a, w)[1]), -net(a, w)[1])
        ),
        "The difference is the other way round: x_b - shift.": _coupled(
            lambda a, b, w: (a, (net(a, w)[0] - b) * torch.exp(-net(a, w)[1]), -net(a, w)[1])
        ),
        "Your logdet is 0. The way back divides the second half by exp(log_scale).": _with_logdet(
            coupling_inverse, lambda logdet, *a: 0 * logdet
        ),
        "You changed the first half. It is the same in x and z.": _coupled(
            lambda a, b, w: ((a - net(b, w)[0]) * torch.exp(-net(b, w)[1]), b, -net(b, w)[1])
        ),
        "You swapped the halves. z_a comes first.": _coupled(
            lambda a, b, w: ((b - net(a, w)[0]) * torch.exp(-net(a, w)[1]), a, -net(a, w)[1])
        ),
        "Your logdet is 1 / scale. Its log is asked.": _with_logdet(coupling_inverse, lambda logdet, *a: logdet.exp()),
    },
    laws={"it undoes the layer": it_undoes_the_layer},
)


# ---------------------------------------------------------------- images


def logit(y, levels):
    """z = logit(y / levels) and log |det dz/dy|: (n, d), number -> (n, d), (n,)."""
    share = y / levels
    slope = 1 / (levels * share * (1 - share))
    return torch.log(share / (1 - share)), slope.log().sum(1)


def _grey(g, n, d, levels):
    return {"y": levels * (0.02 + 0.96 * torch.rand(n, d, generator=g)), "levels": levels}


def one_pixel(g):
    return _grey(g, 9, 1, 17)


def four_pixels(g):
    return _grey(g, 9, 4, 17)


def photographs(g):
    return _grey(g, 6, 12, 256)


LOGIT = Exercise(
    name="flows.logit",
    points=3,
    asks="z = logit(y / levels), pixel by pixel, and log |det dz/dy|",
    reference=logit,
    inputs=[one_pixel, four_pixels, photographs],
    parts=("z", "logdet"),
    mistakes={
        "You left out 1 / levels in the slope. Dividing y by levels is a squeeze, too, and counts for every pixel.": (
            _with_logdet(logit, lambda logdet, y, levels: logdet + y.shape[1] * math.log(levels))
        ),
        "You counted 1 / levels once. Every pixel is divided by levels, so it counts d times.": _with_logdet(
            logit, lambda logdet, y, levels: logdet + (y.shape[1] - 1) * math.log(levels)
        ),
        "The part of 1 / levels in your logdet has the wrong sign: dividing squeezes, so it is -log(levels) for every "
        "pixel.": (_with_logdet(logit, lambda logdet, y, levels: logdet + 2 * y.shape[1] * math.log(levels))),
        "Your logdet has the wrong sign. On the way from y to z it is -log s - log(1 - s) - log(levels) for every "
        "pixel.": _with_logdet(logit, lambda logdet, *a: -logdet),
        "You took the mean over the pixels. The logs of the slopes add up.": _with_logdet(
            logit, lambda logdet, y, levels: logdet / y.shape[1]
        ),
        "You applied the sigmoid. The logit is its inverse: log(s / (1 - s)).": (
            lambda y, levels: (torch.sigmoid(y / levels), logit(y, levels)[1]),
            lambda y, levels: (
                torch.sigmoid(y / levels),
                (torch.sigmoid(y / levels) * torch.sigmoid(-y / levels) / levels).log().sum(1),
            ),
            lambda y, levels: (
                torch.sigmoid(y / levels),
                (torch.sigmoid(y / levels) * torch.sigmoid(-y / levels)).log().sum(1),
            ),
        ),
        "You did not divide y by levels. The logit is defined between 0 and 1.": (
            lambda y, levels: ((y / (1 - y)).log(), -(y.log() + (1 - y).log()).sum(1)),
            lambda y, levels: ((y / (1 - y)).log(), -(y.log() + (1 - y).log() + math.log(levels)).sum(1)),
        ),
        "Your logdet is the determinant, the product of the slopes. Its log is asked.": _with_logdet(
            logit, lambda logdet, *a: logdet.exp()
        ),
        "You left out 1 / (1 - s) in the slope. It is 1 / (s (1 - s)).": _with_logdet(
            logit, lambda logdet, y, levels: logdet + (1 - y / levels).log().sum(1)
        ),
        "Your z is log(s). The logit is log(s / (1 - s)).": lambda y, levels: (
            (y / levels).log(),
            logit(y, levels)[1],
        ),
        "Your logdet sums the slopes. The log of each comes first.": _with_logdet(
            logit, lambda logdet, y, levels: (levels / (y * (levels - y))).sum(1)
        ),
        "You divided by levels - 1. y lies between 0 and levels, since noise was added.": lambda y, levels: (
            (y / (levels - 1)).logit(),
            -((y / (levels - 1) * (1 - y / (levels - 1))).log() + math.log(levels - 1)).sum(1),
        ),
    },
)


def bits_per_dim(log_p, d, levels):
    """Bits per dimension of images with whole numbers, from log p of the pixels in [0, 1]^d: (n,) -> (n,)."""
    return -(log_p - d * math.log(levels)) / (d * math.log(2))


def _scores(g, n, d, levels):
    return {"log_p": d * (math.log(levels) - 1.5) + _normal(g, n, sd=0.2 * d), "d": d, "levels": levels}


def small_digits(g):
    return _scores(g, 9, 64, 17)


def large_digits(g):
    return _scores(g, 9, 784, 256)


def black_and_white(g):
    return _scores(g, 12, 9, 2)


BITS_PER_DIM = Exercise(
    name="flows.bits_per_dim",
    points=3,
    asks="bits per dimension of an image with whole numbers, from log p in nats of its pixels scaled to [0, 1]",
    reference=bits_per_dim,
    inputs=[small_digits, large_digits, black_and_white],
    mistakes={
        "You forgot the cells. A cell has the volume levels^-d, and P is p times its volume: d log(levels) is "
        "missing.": (lambda log_p, d, levels: -log_p / (d * math.log(2))),
        "You left the number in nats. Divide by log 2.": (lambda log_p, d, levels: -(log_p - d * math.log(levels)) / d),
        "You mixed units: the log of levels is in nats. Convert it to bits as well, or take math.log2.": (
            lambda log_p, d, levels: -log_p / (d * math.log(2)) + math.log(levels)
        ),
        "You did not divide by the number of dimensions.": lambda log_p, d, levels: (
            -(log_p - d * math.log(levels)) / math.log(2)
        ),
        "The volume of a cell has the wrong sign: it is small, levels^-d, so P is smaller and the bits are more.": (
            lambda log_p, d, levels: -(log_p + d * math.log(levels)) / (d * math.log(2))
        ),
        "The sign is the other way round: bits are -log P, and fewer are better.": lambda *a: -bits_per_dim(*a),
        "You counted the volume as levels^-1. Every one of the d sides of a cell is 1 / levels long.": (
            lambda log_p, d, levels: -(log_p - math.log(levels)) / (d * math.log(2))
        ),
        "You took 256 levels. How many there are is given.": lambda log_p, d, levels: bits_per_dim(log_p, d, 256),
        "You took levels - 1. There are `levels` cells along a side.": lambda log_p, d, levels: (
            -(log_p - d * math.log(levels - 1)) / (d * math.log(2))
        ),
        "log2 gives bits already, and you divided them by log 2 again. Inside of the nats the log is math.log.": (
            lambda log_p, d, levels: -(log_p - d * math.log2(levels)) / (d * math.log(2))
        ),
        "You added bits and nats: log_p is still in nats. Divide it by log 2.": lambda log_p, d, levels: (
            math.log2(levels) - log_p / d
        ),
        "You left the world of logs. exp of a large log_p is infinite: subtract d log(levels) instead.": (
            lambda log_p, d, levels: -(log_p.exp() * torch.tensor(float(levels)) ** -d).log() / (d * math.log(2)),
            lambda log_p, d, levels: -(log_p.exp() / float(levels) ** d).log() / (d * math.log(2)),
            lambda log_p, d, levels: -(log_p.exp() / levels**d).log() / (d * math.log(2)),
            lambda log_p, d, levels: -(log_p.exp() * levels**-d).log() / (d * math.log(2)),
            lambda log_p, d, levels: -(log_p.exp() * levels**-d).log2() / d,
        ),
        "You averaged over the images. The bits of each are asked.": lambda *a: bits_per_dim(*a).mean(),
        "You multiplied by log 2. Nats become bits by dividing by it.": lambda log_p, d, levels: (
            -(log_p - d * math.log(levels)) / d * math.log(2)
        ),
    },
)


EXERCISES = [
    AFFINE_LOG_PROB,
    MIXTURE_CDF,
    LINEAR_SPLINE,
    LINEAR_LOG_PROB,
    LEAKY_INVERSE,
    INVERSE,
    SAMPLE,
    COUPLING,
    COUPLING_INVERSE,
    LOGIT,
    BITS_PER_DIM,
]
