"""The exercises of notebook 2, maximum likelihood.

References here are written as a student would write them, from torch's own functions. The tests hold them
against `lecture_lib.likelihood`.
"""

from __future__ import annotations

import math

import torch
from torch.nn.functional import one_hot

from lecture_lib.exercises.engine import Exercise

LOG_2PI = math.log(2 * math.pi)
SMALL_NUMBERS = (1e-6, 1e-8, 1e-9, 1e-10, 1e-12, 1e-20, 1e-30)
BITS = "These are bits. In nats the logarithm is the natural one, torch.log."
SIGN = "The sign is the other way round: nats are -log p(x), and fewer are better."


def _normal(g, n, mean=0.0, sd=1.0):
    return mean + sd * torch.randn(n, generator=g)


# ---------------------------------------------------------------- the loss


def nll(x, mean, sd, constant=LOG_2PI / 2):
    """-(1/n) sum_i log N(x_i; mean, sd^2): (n,), number, number -> a number in nats."""
    return (math.log(sd) + constant + ((x - mean) / sd) ** 2 / 2).mean()


def one_point(g):
    return {"x": _normal(g, 1, 2.0), "mean": 1.5, "sd": 1.7}


def a_narrow_gaussian(g):
    return {"x": _normal(g, 6, 0.3, 0.2), "mean": 0.3, "sd": 0.2}


def many_points(g):
    return {"x": _normal(g, 500, -1.0, 3.0), "mean": 0.5, "sd": 2.5}


def a_point_far_away(g):
    return {"x": torch.cat([_normal(g, 3), torch.tensor([60.0])]), "mean": 0.0, "sd": 1.5}


def _density(x, mean, sd):
    return torch.exp(-(((x - mean) / sd) ** 2) / 2) / (sd * math.sqrt(2 * math.pi))


NLL = Exercise(
    name="likelihood.nll",
    points=3,
    asks="the mean of -log N(x; mean, sd^2) over the points, in nats",
    reference=nll,
    inputs=[one_point, a_narrow_gaussian, many_points, a_point_far_away],
    mistakes={
        "You added up the points. Take the mean, so that the number does not grow with the data.": (
            lambda x, mean, sd: nll(x, mean, sd) * len(x)
        ),
        SIGN: lambda x, mean, sd: -nll(x, mean, sd),
        "You returned one number for each point. Their mean is asked.": lambda x, mean, sd: (
            math.log(sd) + LOG_2PI / 2 + ((x - mean) / sd) ** 2 / 2
        ),
        "You left out log sd, which comes from the 1/sd in front of the density. Without it the widest Gaussian "
        "always wins.": lambda x, mean, sd: nll(x, mean, sd) - math.log(sd),
        "You left out log(2 pi) / 2. It does not move the best theta, but without it nats cannot be compared "
        "between models.": lambda x, mean, sd: nll(x, mean, sd, constant=0.0),
        "You added the whole of log(2 pi). It is the log of sqrt(2 pi): half of it.": lambda x, mean, sd: nll(
            x, mean, sd, constant=LOG_2PI
        ),
        "You took the root of sd as well. Under the root stands 2 pi alone: log sd + log(2 pi) / 2.": (
            lambda x, mean, sd: nll(x, mean, sd) - math.log(sd) / 2
        ),
        "You left out the 1/2 in the exponent.": lambda x, mean, sd: (
            nll(x, mean, sd) + (((x - mean) / sd) ** 2).mean() / 2
        ),
        "You divided the square by sd. It is (x - mean)^2 / sd^2.": lambda x, mean, sd: (
            math.log(sd) + LOG_2PI / 2 + (x - mean) ** 2 / sd / 2
        ).mean(),
        "You used sd as the variance. The variance is sd^2.": lambda x, mean, sd: nll(x, mean, math.sqrt(sd)),
        "You took the log of the mean density. Take the log for each point first, then the mean.": (
            lambda x, mean, sd: -_density(x, mean, sd).mean().log()
        ),
        "exp is 0 for a point far away, and log 0 is infinite. Write the log of the formula out, without exp.": (
            lambda x, mean, sd: -_density(x, mean, sd).log().mean()
        ),
        "You added a small number before the log. A point far away then gets a wrong, small number of nats: write the "
        "log of the formula out, without exp.": tuple(
            lambda x, mean, sd, e=e: -(_density(x, mean, sd) + e).log().mean() for e in SMALL_NUMBERS
        ),
        "You subtracted log sd. The 1/sd in front of the density gives -log sd in log p, so + log sd in -log p.": (
            lambda x, mean, sd: nll(x, mean, sd) - 2 * math.log(sd)
        ),
        "You subtracted log(2 pi) / 2. It is added: -log of 1 / sqrt(2 pi).": lambda x, mean, sd: nll(
            x, mean, sd, constant=-LOG_2PI / 2
        ),
        "In Python a / 2 * b is (a / 2) * b. Put 2 * sd**2 in parentheses.": lambda x, mean, sd: (
            math.log(sd) + LOG_2PI / 2 + (x - mean) ** 2 / 2 * sd**2
        ).mean(),
        "You averaged x first. Every point has a square of its own: square first, then take the mean.": (
            lambda x, mean, sd: nll(x.mean(), mean, sd)
        ),
        "You returned densities. The mean of their -log is asked.": (
            lambda x, mean, sd: _density(x, mean, sd),
            lambda x, mean, sd: _density(x, mean, sd).mean(),
        ),
        "These are bits. In nats the logarithm is the natural one, math.log.": lambda x, mean, sd: (
            nll(x, mean, sd) / math.log(2)
        ),
    },
)


# ---------------------------------------------------------------- its minimum, in closed form


def fit_gaussian(x):
    """The mean and the standard deviation that maximize the likelihood: (n,) -> (2,)."""
    mean = x.mean()
    return torch.stack([mean, ((x - mean) ** 2).mean().sqrt()])


def four_points(g):
    return {"x": _normal(g, 4, 1.0, 2.0)}


def far_from_0(g):
    return {"x": _normal(g, 30, -20.0, 0.5)}


def two_groups(g):
    return {"x": torch.cat([_normal(g, 7, -3.0, 0.3), _normal(g, 5, 2.0, 0.3)])}


FIT_GAUSSIAN = Exercise(
    name="likelihood.fit_gaussian",
    points=3,
    asks="the mean and the sd with the fewest nats on these points",
    reference=fit_gaussian,
    inputs=[four_points, far_from_0, two_groups],
    mistakes={
        "Your sd divides by n - 1, as x.std() does unless told otherwise. The maximum of the likelihood divides "
        "by n: x.std(correction=0).": lambda x: torch.stack([x.mean(), x.std()]),
        "You returned the variance. The sd is its square root.": (
            lambda x: torch.stack([x.mean(), x.var(correction=0)]),
            lambda x: torch.stack([x.mean(), x.var()]),
        ),
        "You divided by n after the root. First the mean of the squares, then its root.": lambda x: torch.stack(
            [x.mean(), (x - x.mean()).square().sum().sqrt() / len(x)]
        ),
        "The mean comes first, then the sd.": lambda x: fit_gaussian(x).flip(0),
        "You averaged x^2, not (x - mean)^2. That is the spread around 0.": lambda x: torch.stack(
            [x.mean(), x.square().mean().sqrt()]
        ),
        "You averaged |x - mean|. The sd is the root of the mean square.": lambda x: torch.stack(
            [x.mean(), (x - x.mean()).abs().mean()]
        ),
        "You did not divide by n before the root.": lambda x: torch.stack(
            [x.mean(), (x - x.mean()).square().sum().sqrt()]
        ),
        "Your first number is the median. For a Gaussian the best centre is the mean.": lambda x: torch.stack(
            [x.median(), x.std(correction=0)]
        ),
    },
)


# ---------------------------------------------------------------- what the loss measures


def kl(log_p, log_q):
    """(1/n) sum_i log p(x_i) - log q(x_i), x_i ~ p, and its standard error: (n,), (n,) -> (2,), nats."""
    difference = log_p - log_q
    return torch.stack([difference.mean(), difference.std() / math.sqrt(len(difference))])


def _logs(g, n, spread=1.0):
    log_p = -1.5 + _normal(g, n)
    return {"log_p": log_p, "log_q": log_p - 0.7 - _normal(g, n, sd=spread)}


def twenty_points(g):
    return _logs(g, 20)


def a_thousand_points(g):
    return _logs(g, 1000)


def nearly_the_same_model(g):
    return _logs(g, 50, spread=0.05)


def the_estimate_is_below_0(g):
    log_p = -1.5 + _normal(g, 30)
    return {"log_p": log_p, "log_q": log_p + 0.2 + _normal(g, 30, sd=0.3)}


def _spread_apart(log_p, log_q):
    error = (log_p.var() + log_q.var()).sqrt() / math.sqrt(len(log_p))
    return torch.stack([(log_p - log_q).mean(), error])


def _pair(mean, error):
    """Two numbers as one tensor, whether they are tensors or not."""
    return torch.stack([mean, torch.as_tensor(error)])


KL = Exercise(
    name="likelihood.kl",
    points=3,
    asks="an estimate of KL(p || q) and its standard error, from log p and log q at points drawn from p",
    reference=kl,
    inputs=[twenty_points, a_thousand_points, nearly_the_same_model, the_estimate_is_below_0],
    mistakes={
        "You took log q - log p. The points come from p, and there p is the larger one on average: log p - log q.": (
            lambda log_p, log_q: kl(log_q, log_p)
        ),
        "Your second number is the spread of single points. The error of a mean of n points is smaller: divide by "
        "the root of n.": lambda log_p, log_q: _pair((log_p - log_q).mean(), (log_p - log_q).std()),
        "Your second number is the variance over n. Its square root has the unit nats.": lambda log_p, log_q: _pair(
            (log_p - log_q).mean(), (log_p - log_q).var() / len(log_p)
        ),
        "You divided the sd by n. It is the root of n.": lambda log_p, log_q: _pair(
            (log_p - log_q).mean(), (log_p - log_q).std() / len(log_p)
        ),
        "You weighted with p(x). The points already come from p, so a plain mean is right.": lambda log_p, log_q: kl(
            log_p.exp() * log_p, log_p.exp() * log_q
        ),
        "You took absolute values. At single points log p - log q may well be negative.": lambda log_p, log_q: kl(
            (log_p - log_q).abs(), torch.zeros_like(log_p)
        ),
        "You computed the spread of log p and of log q apart. Both see the same points, so take the difference first: "
        "their common noise cancels.": _spread_apart,
        "Your error is that of log p or of log q alone. What counts is the spread of their difference.": (
            lambda log_p, log_q: _pair((log_p - log_q).mean(), log_p.std() / math.sqrt(len(log_p))),
            lambda log_p, log_q: _pair((log_p - log_q).mean(), log_q.std() / math.sqrt(len(log_p))),
        ),
        "You took the ratio p / q. The log of it is asked: log p - log q, without exp.": lambda log_p, log_q: kl(
            (log_p - log_q).exp(), torch.zeros_like(log_p)
        ),
        "You took the ratio of the logs. It is the log of the ratio: log p - log q.": lambda log_p, log_q: kl(
            log_p / log_q, torch.zeros_like(log_p)
        ),
        "You made the estimate positive. KL itself is never negative, but an estimate from few points can be. Leave it "
        "as it is.": (
            lambda log_p, log_q: kl(log_p, log_q) * torch.tensor([(log_p - log_q).mean().sign(), 1]),
            lambda log_p, log_q: kl(log_p, log_q).clamp(min=0),
        ),
        "Your sd divides by n. For an error it divides by n - 1: use .std() as it is.": lambda log_p, log_q: (
            kl(log_p, log_q) * torch.tensor([1, math.sqrt(1 - 1 / len(log_p))])
        ),
        "The estimate comes first, then its error.": lambda log_p, log_q: kl(log_p, log_q).flip(0),
        "You added up the points. KL is a mean.": lambda log_p, log_q: kl(log_p, log_q) * len(log_p),
    },
)


# ---------------------------------------------------------------- the gradient


def gradient(x, mean, log_sd):
    """The gradient of the nll in (mean, log_sd): (n,), number, number -> (2,)."""
    sd = math.exp(log_sd)
    return torch.stack([(mean - x).mean() / sd**2, 1 - ((x - mean) ** 2).mean() / sd**2])


def a_wide_gaussian(g):
    return {"x": _normal(g, 5, 1.0), "mean": -0.5, "log_sd": 1.1}


def a_steep_place(g):
    return {"x": _normal(g, 200, 2.0, 0.5), "mean": 0.5, "log_sd": -0.9}


def close_to_the_best(g):
    return {"x": _normal(g, 100, 0.0, 2.0), "mean": 0.2, "log_sd": 0.6}


def _scaled(first, second):
    """The gradient, its two numbers multiplied by these functions of (x, mean, sd)."""
    return lambda x, mean, log_sd: (
        gradient(x, mean, log_sd)
        * torch.stack([torch.as_tensor(f(x, mean, math.exp(log_sd))) for f in (first, second)])
    )


def _one(x, mean, sd):
    return 1.0


def _with_second(x, mean, log_sd, value):
    """The gradient with `value` as its second number."""
    return torch.stack([gradient(x, mean, log_sd)[0], torch.as_tensor(value)])


GRADIENT = Exercise(
    name="likelihood.gradient",
    points=4,
    asks="the derivatives of the nll with respect to mean and log_sd",
    reference=gradient,
    inputs=[a_wide_gaussian, a_steep_place, close_to_the_best],
    mistakes={
        "This is the gradient of the mean log p. We minimize -log p: change the sign.": lambda *a: -gradient(*a),
        "Your first number has the wrong sign: if mean is too low, raising it lowers the nll, so it is negative.": (
            _scaled(lambda x, m, s: -1.0, _one)
        ),
        "Your second number has the wrong sign: if sd is far too small, raising it lowers the nll: negative.": (
            _scaled(_one, lambda x, m, s: -1.0)
        ),
        "Your second number is the derivative by sd. The parameter is log sd: multiply by d sd / d log_sd = sd.": (
            _scaled(_one, lambda x, m, s: 1 / s)
        ),
        "You used log_sd as if it were sd. Take sd = exp(log_sd) first.": lambda x, mean, log_sd: torch.stack(
            [(mean - x).mean() / log_sd**2, 1 - ((x - mean) ** 2).mean() / log_sd**2]
        ),
        "You added up the points. The nll is a mean, and so is its gradient.": (
            _scaled(lambda x, m, s: len(x), lambda x, m, s: len(x)),
            lambda x, mean, log_sd: _with_second(x, mean, log_sd, 1 - len(x) * (1 - gradient(x, mean, log_sd)[1])),
            lambda x, mean, log_sd: torch.stack(
                [len(x) * gradient(x, mean, log_sd)[0], 1 - len(x) * (1 - gradient(x, mean, log_sd)[1])]
            ),
        ),
        "You divided by sd. Both derivatives have sd^2 below the line.": (
            lambda x, mean, log_sd: torch.stack(
                [(mean - x).mean() / math.exp(log_sd), 1 - ((x - mean) ** 2).mean() / math.exp(log_sd)]
            ),
            _scaled(lambda x, m, s: s, _one),
        ),
        "You forgot the 1 in your second number. It comes from log_sd in the nll.": lambda x, mean, log_sd: (
            _with_second(x, mean, log_sd, -((x - mean) ** 2).mean() / math.exp(2 * log_sd))
        ),
        "The derivative by mean comes first, then the one by log_sd.": lambda *a: gradient(*a).flip(0),
        "You added where you should subtract: the second number is 1 minus the mean of the squares over sd^2.": (
            lambda x, mean, log_sd: 2 * _with_second(x, mean, log_sd, 1.0) - gradient(x, mean, log_sd)
        ),
        "Your first number has a factor of 2 or 1/2 too much: the derivative of (x - m)^2 / 2 is m - x.": (
            _scaled(lambda x, m, s: 2.0, _one),
            _scaled(lambda x, m, s: 0.5, _one),
        ),
        "In your second number the mean of the squares has a factor of 2 or 1/2 too much: the 1/2 of the nll and the 2 "
        "in exp(-2 log_sd) cancel.": (
            lambda x, mean, log_sd: _with_second(x, mean, log_sd, 1 - 2 * (1 - gradient(x, mean, log_sd)[1])),
            lambda x, mean, log_sd: _with_second(x, mean, log_sd, 1 - (1 - gradient(x, mean, log_sd)[1]) / 2),
        ),
        "Your first number is not divided by sd^2.": _scaled(lambda x, m, s: s**2, _one),
        "You squared the mean of x - mean. It is the mean of the squares.": lambda x, mean, log_sd: _with_second(
            x, mean, log_sd, 1 - (x - mean).mean() ** 2 / math.exp(2 * log_sd)
        ),
    },
)


# ---------------------------------------------------------------- SGD


def sgd(x, batches, lr, mean, log_sd, slope=None):
    """theta after each step theta - lr gradient(x[batch], theta): (n,), (steps, b), numbers -> (steps, 2)."""
    theta, path = torch.tensor([mean, log_sd]), []
    for batch in batches:
        step = gradient(x[batch], *theta.tolist()) if slope is None else slope(x, batch, theta)
        theta = theta - lr * step
        path.append(theta)
    return torch.stack(path)


def _run(g, n, steps, b, lr, mean=-1.0, log_sd=0.7):
    batches = torch.stack([torch.randperm(n, generator=g)[:b] for _ in range(steps)])
    return {"x": _normal(g, n, 1.0, 0.8), "batches": batches, "lr": lr, "mean": mean, "log_sd": log_sd}


def one_step(g):
    return _run(g, n=10, steps=1, b=3, lr=0.5)


def batches_of_5(g):
    return _run(g, n=40, steps=8, b=5, lr=0.3)


def single_points(g):
    return _run(g, n=20, steps=30, b=1, lr=0.02)


def large_batches(g):
    return _run(g, n=300, steps=4, b=100, lr=0.4, mean=3.0, log_sd=1.0)


def _one_after_the_other(x, batches, lr, mean, log_sd):
    path = []
    for batch in batches:
        mean = mean - lr * gradient(x[batch], mean, log_sd)[0].item()
        log_sd = log_sd - lr * gradient(x[batch], mean, log_sd)[1].item()
        path.append([mean, log_sd])
    return torch.tensor(path)


def _always_from_the_start(x, batches, lr, mean, log_sd):
    start = torch.tensor([mean, log_sd])
    return torch.stack([start - lr * gradient(x[batch], mean, log_sd) for batch in batches])


def _with_the_start(*arguments):
    return torch.cat([torch.tensor([arguments[3:]]), sgd(*arguments)])


SGD = Exercise(
    name="likelihood.sgd",
    points=4,
    asks="mean and log_sd after each step of gradient descent on mini-batches",
    reference=sgd,
    inputs=[one_step, batches_of_5, single_points, large_batches],
    mistakes={
        "You walk uphill. The gradient points to more nats: subtract lr times the gradient.": (
            lambda x, batches, lr, *start: sgd(x, batches, -lr, *start)
        ),
        "You used all points in every step. Step t sees x[batches[t]] alone.": lambda *a: sgd(
            *a, slope=lambda x, batch, theta: gradient(x, *theta.tolist())
        ),
        "You moved mean first, and took the derivative for log_sd at the new mean. Compute the whole gradient, "
        "then move both.": _one_after_the_other,
        "Every step of yours begins at the start. Begin where the last step ended.": _always_from_the_start,
        "Your path begins with the start. Only the places after a step are asked.": _with_the_start,
        "You returned the last place only. One row for each step is asked.": lambda *a: sgd(*a)[-1],
        "You added up the gradients of the batch. Take their mean.": lambda *a: sgd(
            *a, slope=lambda x, batch, theta: len(batch) * gradient(x[batch], *theta.tolist())
        ),
        "You noted each place before its step. Step first, then note.": lambda *a: _with_the_start(*a)[:-1],
        "All your rows are equal: you stored the same tensor again and again, and it went on changing. Store a copy, "
        "theta.clone().": lambda *a: sgd(*a)[-1:].expand(len(a[1]), 2),
        "Only the first step is done. Does your function return inside the loop?": (
            lambda *a: torch.cat([sgd(*a)[:1], torch.zeros(len(a[1]) - 1, 2)]),
            lambda *a: sgd(*a)[:1],
            lambda *a: sgd(*a)[0],
        ),
        "log_sd never moves in your walk.": lambda *a: sgd(
            *a, slope=lambda x, batch, theta: gradient(x[batch], *theta.tolist()) * torch.tensor([1.0, 0.0])
        ),
        "mean never moves in your walk.": lambda *a: sgd(
            *a, slope=lambda x, batch, theta: gradient(x[batch], *theta.tolist()) * torch.tensor([0.0, 1.0])
        ),
        "Your second column is sd. The walk is in log_sd, and log_sd is asked.": lambda *a: torch.stack(
            [sgd(*a)[:, 0], sgd(*a)[:, 1].exp()], 1
        ),
        "You took every gradient at the start. Take it where the last step ended.": lambda *a: sgd(
            *a, slope=lambda x, batch, theta: gradient(x[batch], *a[3:])
        ),
        "You left out the step size lr.": lambda x, batches, lr, *start: sgd(x, batches, 1.0, *start),
        "You used the numbers in batches as data. They say which points to take: x[batch].": lambda *a: sgd(
            *a, slope=lambda x, batch, theta: gradient(batch.float(), *theta.tolist())
        ),
        "You always took the first batch. Step t sees x[batches[t]].": lambda x, batches, *rest: sgd(
            x, batches[:1].expand_as(batches), *rest
        ),
    },
)


# ---------------------------------------------------------------- softmax, stable


def log_softmax(theta):
    """log p_i = theta_i - log sum_j exp(theta_j) in each row: (n, k) -> (n, k)."""
    shifted = theta - theta.max(1, keepdim=True).values
    return shifted - shifted.exp().sum(1, keepdim=True).log()


def one_row(g):
    return {"theta": _normal(g, 4).reshape(1, 4)}


def three_rows(g):
    return {"theta": 2 * _normal(g, 12).reshape(3, 4)}


# at 10,000 float32 keeps three decimals, too few to tell a right form from another; exp(10,000) overflows float64, too
def numbers_around_10_000(g):
    return {"theta": 1e4 + 100 * _normal(g, 10).reshape(2, 5).double()}


def numbers_around_minus_10_000(g):
    return {"theta": -1e4 + 3 * _normal(g, 10).reshape(2, 5).double()}


def rows_of_very_different_size(g):
    return {"theta": torch.tensor([[1e4], [0.0], [-1e4]]) + _normal(g, 12).reshape(3, 4).double()}


def numbers_around_90(g):
    """exp(91) is infinite in float32. The largest entry stands last, so its place is a large number as well."""
    return {"theta": torch.cat([85 + _normal(g, 22).reshape(2, 11), torch.full((2, 1), 91.0)], 1)}


def one_wide_row(g):
    return {"theta": torch.tensor([[0.0, 200.0, -300.0]]) + _normal(g, 3)}


def _shifted(theta):
    return theta - theta.max(1, keepdim=True).values


def _shifted_by(theta, shift):
    return theta - shift - (theta - shift).exp().sum(1, keepdim=True).log()


def rows_sum_to_1(call, g):
    totals = call({"theta": 5 * _normal(g, 40).reshape(8, 5)}).exp().sum(1)
    worst = totals[(totals - 1).abs().argmax()].item()
    return "" if abs(worst - 1) < 1e-3 else f"The probabilities of a row sum to {worst:.4g}. They should sum to 1."


LOG_SOFTMAX = Exercise(
    name="likelihood.log_softmax",
    points=3,
    asks="the log of the softmax of each row",
    reference=log_softmax,
    inputs=[
        one_row,
        three_rows,
        numbers_around_10_000,
        numbers_around_minus_10_000,
        rows_of_very_different_size,
        numbers_around_90,
        one_wide_row,
    ],
    mistakes={
        "exp of a large number is infinite, and of a very negative one 0. Subtract the largest theta of the row "
        "first: the softmax does not change.": (
            lambda theta: (theta.exp() / theta.exp().sum(1, keepdim=True)).log(),
            lambda theta: theta - theta.exp().sum(1, keepdim=True).log(),
        ),
        "You subtracted the largest theta of the whole table. Every row needs its own: max(dim=1, keepdim=True).": (
            lambda theta: _shifted_by(theta, theta.max()),
            lambda theta: _shifted_by(theta, theta[0].max()),
        ),
        "You subtracted the mean or the smallest theta. Subtract the largest: then no exponent is above 0.": (
            lambda theta: _shifted_by(theta, theta.mean(1, keepdim=True)),
            lambda theta: _shifted_by(theta, theta.amin(1, keepdim=True)),
        ),
        "You subtracted the place of the largest theta. Its value is asked: .values, not .indices.": lambda theta: (
            _shifted_by(theta, theta.argmax(1, keepdim=True))
        ),
        "You took the log of probabilities. A small one is 0 for a float, and its log is -inf. Subtract the log of the "
        "sum from theta itself.": lambda theta: theta.softmax(1).log(),
        "You added a small number before the log. Subtract the log of the sum from theta itself: then nothing is 0.": (
            tuple(lambda theta, e=e: (theta.softmax(1) + e).log() for e in (1e-8, 1e-9, 1e-10, 1e-12, 1e-20))
        ),
        "You cut large numbers off. Then different theta look equal: shift the row, do not clamp it.": tuple(
            lambda theta, low=low, most=most: _shifted_by(theta.clamp(low, most), 0.0)
            for most in (50, 80, 88)
            for low in (-most, -math.inf)
        ),
        "You subtracted the sum of the exp. Subtract its log.": lambda theta: (
            _shifted(theta) - _shifted(theta).exp().sum(1, keepdim=True)
        ),
        "You returned the probabilities. Their log is asked.": lambda theta: log_softmax(theta).exp(),
        "You summed over the whole table. Every row is a distribution of its own: sum over its k entries.": (
            lambda theta: theta - torch.logsumexp(theta, (0, 1)),
            lambda theta: _shifted(theta) - _shifted(theta).exp().sum().log(),
        ),
        "You summed down the columns. A row is a distribution: sum over dim=1, with keepdim=True.": (
            lambda theta: theta - torch.logsumexp(theta, 0, keepdim=True)
        ),
        "You subtracted the largest theta, and then did not normalize.": _shifted,
        "You subtracted the largest theta inside the exp, but not outside. Work with the shifted theta all the way.": (
            lambda theta: log_softmax(theta) + theta.max(1, keepdim=True).values
        ),
        "You subtracted the largest theta outside the exp, but not inside.": lambda theta: (
            _shifted(theta) - theta.exp().sum(1, keepdim=True).log()
        ),
        "You added log sum exp. Subtract it: dividing by the sum is subtracting its log.": lambda theta: (
            2 * _shifted(theta) - log_softmax(theta)
        ),
        "You divided by the sum of the theta. First exp, which makes them positive, then the sum.": lambda theta: (
            theta / theta.sum(1, keepdim=True)
        ).log(),
        BITS: lambda theta: log_softmax(theta) / math.log(2),
    },
    laws={"each row sums to 1": rows_sum_to_1},
)


# ---------------------------------------------------------------- a mixture


def _log_normals(x, means, sds):
    """log N(x; mean_k, sd_k^2): (n,), (k,), (k,) -> (n, k)."""
    return -(((x[:, None] - means) / sds) ** 2) / 2 - sds.log() - LOG_2PI / 2


def mixture_log_prob(x, weights, means, sds):
    """log sum_k w_k N(x; mean_k, sd_k^2): (n,), (k,), (k,), (k,) -> (n,), nats."""
    return torch.logsumexp(weights.log() + _log_normals(x, means, sds), 1)


def two_components(g):
    weights, means, sds = torch.tensor([0.7, 0.3]), torch.tensor([-1.0, 2.0]), torch.tensor([0.5, 1.5])
    return {"x": _normal(g, 6, 0.0, 2.0), "weights": weights, "means": means, "sds": sds}


def five_components(g):
    weights = torch.rand(5, generator=g) + 0.2
    return {
        "x": _normal(g, 200, 0.0, 3.0),
        "weights": weights / weights.sum(),
        "means": _normal(g, 5, 0.0, 3.0),
        "sds": 0.3 + torch.rand(5, generator=g),
    }


def points_far_away(g):
    return {**two_components(g), "x": torch.tensor([-80.0, 100.0, 1e3, -1e4])}


def one_component(g):
    return {
        "x": _normal(g, 5),
        "weights": torch.ones(1),
        "means": torch.tensor([0.4]),
        "sds": torch.tensor([0.6]),
    }


def a_rare_component_far_away(g):
    return {
        "x": 50 + _normal(g, 3).double(),
        "weights": torch.tensor([1.0, 1e-12], dtype=torch.float64),
        "means": torch.tensor([0.0, 50.0], dtype=torch.float64),
        "sds": torch.tensor([1.0, 1.2], dtype=torch.float64),
    }


def mixture_integrates_to_1(call, g):
    x = torch.arange(-12.0, 12.0, 1e-3)
    total = (call({**five_components(g), "x": x}).exp().sum() * 1e-3).item()
    if total > 1e6:
        return "Your p(x) grows without end, so its integral over all x is infinite. It should be 1."
    return "" if abs(total - 1) < 5e-3 else f"The integral of your p(x) over all x is {total:.3g}. It should be 1."


MIXTURE_LOG_PROB = Exercise(
    name="likelihood.mixture_log_prob",
    points=4,
    asks="log p(x) in nats of a mixture of Gaussians at each x",
    reference=mixture_log_prob,
    inputs=[two_components, five_components, points_far_away, one_component, a_rare_component_far_away],
    mistakes={
        "exp is 0 for points far away, and log 0 is -inf. Stay with logs: torch.logsumexp, or subtract the largest "
        "term first.": (lambda x, weights, means, sds: (weights * _log_normals(x, means, sds).exp()).sum(1).log()),
        "You averaged the logs of the components. The densities add up: exp first, then the sum, then the log.": (
            lambda x, weights, means, sds: (weights * _log_normals(x, means, sds)).sum(1)
        ),
        "You left out the weights.": lambda x, weights, means, sds: torch.logsumexp(_log_normals(x, means, sds), 1),
        "You added the weights themselves. In the world of logs they enter as log w_k.": (
            lambda x, weights, means, sds: torch.logsumexp(weights + _log_normals(x, means, sds), 1)
        ),
        "You multiplied log N by the weight. log(w N) = log w + log N.": lambda x, weights, means, sds: torch.logsumexp(
            weights * _log_normals(x, means, sds), 1
        ),
        "You added the logs of the components: that is the log of their product.": lambda x, weights, means, sds: (
            weights.log() + _log_normals(x, means, sds)
        ).sum(1),
        "You took the largest component alone. The others count, too: sum, not max.": lambda x, weights, means, sds: (
            weights.log() + _log_normals(x, means, sds)
        ).amax(1),
        "You left out the -log sd_k of the components. A narrow one is higher.": lambda x, weights, means, sds: (
            torch.logsumexp(weights.log() + _log_normals(x, means, sds) + sds.log(), 1)
        ),
        "You left out log(2 pi) / 2, so that p(x) does not integrate to 1.": lambda x, weights, means, sds: (
            mixture_log_prob(x, weights, means, sds) + LOG_2PI / 2
        ),
        "You added the whole of log(2 pi). It is the log of sqrt(2 pi): half of it.": (
            lambda x, weights, means, sds: mixture_log_prob(x, weights, means, sds) - LOG_2PI / 2
        ),
        "You left out the 1/2 in the exponent.": lambda x, weights, means, sds: torch.logsumexp(
            weights.log() + 2 * _log_normals(x, means, sds) + sds.log() + LOG_2PI / 2, 1
        ),
        "You divided the square by sd_k. It is (x - m_k)^2 / s_k^2.": lambda x, weights, means, sds: torch.logsumexp(
            weights.log() - (x[:, None] - means) ** 2 / sds / 2 - sds.log() - LOG_2PI / 2, 1
        ),
        "You added a small number before a log. Stay with logs from the start: torch.logsumexp.": (
            *(
                lambda x, weights, means, sds, e=e: ((weights * _log_normals(x, means, sds).exp()).sum(1) + e).log()
                for e in SMALL_NUMBERS
            ),
            *(
                lambda x, weights, means, sds, e=e: mixture_log_prob(x, weights + e, means, sds)
                for e in SMALL_NUMBERS[:4]
            ),
        ),
        "You gave every component the same weight. They are given: w_k.": lambda x, weights, means, sds: (
            mixture_log_prob(x, torch.full_like(weights, 1 / len(weights)), means, sds)
        ),
        "The sign is the other way round: log p(x) is asked.": lambda *a: -mixture_log_prob(*a),
        "The exponent has lost its minus sign: it is -(x - m_k)^2 / (2 s_k^2).": lambda x, weights, means, sds: (
            torch.logsumexp(weights.log() + ((x[:, None] - means) / sds) ** 2 / 2 - sds.log() - LOG_2PI / 2, 1)
        ),
        "You left out the root: the density has 1 / sqrt(2 pi sd^2) in front, whose log is -log(2 pi sd^2) / 2.": (
            lambda x, weights, means, sds: torch.logsumexp(
                weights.log() + _log_normals(x, means, sds) - sds.log() - LOG_2PI / 2, 1
            )
        ),
        "You took the largest term out of the sum, and did not add it back.": lambda x, weights, means, sds: (
            mixture_log_prob(x, weights, means, sds) - (weights.log() + _log_normals(x, means, sds)).amax(1)
        ),
        "You returned p(x). The log of it is asked.": lambda *a: mixture_log_prob(*a).exp(),
        "You used sd_k as the variance. The variance is sd_k^2.": lambda x, weights, means, sds: mixture_log_prob(
            x, weights, means, sds.sqrt()
        ),
    },
    laws={"p(x) integrates to 1": mixture_integrates_to_1},
)


# ---------------------------------------------------------------- mutual information


def _shares(a, b, levels):
    """The joint shares p(u, v) of the pairs: (n,), (n,) -> (levels, levels)."""
    return (one_hot(a, levels).double().T @ one_hot(b, levels).double()) / len(a)


def mutual_information(a, b, levels):
    """sum_uv p(u, v) log [p(u, v) / (p(u) p(v))], 0 log 0 = 0: (n,), (n,), number -> a number in nats."""
    p = _shares(a, b, levels)
    return _information(p, _independent(p))


def _independent(p):
    return p.sum(1, keepdim=True) * p.sum(0)


def _information(p, other):
    """sum_uv p log (p / other), without the pairs that never occur."""
    return (p * (p / other).log())[p > 0].sum()


def _of_shares(wrong):
    return lambda a, b, levels: wrong(_shares(a, b, levels))


def _pairs(g, n, levels, same):
    """Pairs that agree with probability `same`; b's levels are not equally frequent."""
    a = torch.randint(levels, (n,), generator=g)
    other = (levels * torch.rand(n, generator=g) ** 2).long()
    return {"a": a, "b": torch.where(torch.rand(n, generator=g) < same, a, other), "levels": levels}


def two_levels(g):
    return {"a": torch.tensor([0, 0, 0, 1, 1, 1, 1, 1]), "b": torch.tensor([0, 1, 1, 1, 1, 1, 1, 0]), "levels": 2}


def strongly_related(g):
    return _pairs(g, 300, 4, 0.8)


def many_empty_cells(g):
    return _pairs(g, 40, 9, 0.5)


def always_equal(g):
    a = (6 * torch.rand(60, generator=g) ** 2).long()
    return {"a": a, "b": a.clone(), "levels": 6}


def the_highest_level_never_occurs(g):
    return {**_pairs(g, 100, 3, 0.6), "levels": 5}


def _without_minlength(a, b, levels):
    p = torch.bincount(a * levels + b).reshape(levels, levels).double() / len(a)
    return _information(p, _independent(p))


def _each_pair_once(a, b, levels, normalized=False):
    p = (_shares(a, b, levels) > 0).double() / len(a)
    p = p / p.sum() if normalized else p
    return _information(p, _independent(p))


def information_is_symmetric(call, g):
    pair = many_empty_cells(g)
    ab, ba = call(pair), call({**pair, "a": pair["b"], "b": pair["a"]})
    if ab.abs() < 1e-6:
        return "These two variables are related, and your answer is 0."
    if torch.isclose(ab, ba, rtol=1e-3):
        return ""
    return f"I(a; b) is {ab:.4g} and I(b; a) is {ba:.4g}: they should be equal."


MUTUAL_INFORMATION = Exercise(
    name="likelihood.mutual_information",
    points=4,
    asks="the mutual information of two variables in nats, from pairs of their values",
    reference=mutual_information,
    inputs=[two_levels, strongly_related, many_empty_cells, always_equal, the_highest_level_never_occurs],
    mistakes={
        "On a computer 0 log 0 is NaN. A pair that never occurs adds 0: leave it out, or use torch.special.xlogy.": (
            _of_shares(lambda p: (p * (p / _independent(p)).log()).sum())
        ),
        "You took the log of p(u, v) alone. The log of p(u, v) / (p(u) p(v)) is asked.": (
            _of_shares(lambda p: torch.special.xlogy(p, p).sum())
        ),
        "You compared with the uniform distribution. Compare p(u, v) with p(u) p(v).": (
            _of_shares(lambda p: _information(p, 1 / p.numel()))
        ),
        "This is the entropy of the pair. The information is H(a) + H(b) - H(a, b).": (
            _of_shares(lambda p: -torch.special.xlogy(p, p).sum())
        ),
        "You divided by p(u) alone. Divide by p(u) p(v).": (
            _of_shares(lambda p: _information(p, p.sum(1, keepdim=True)))
        ),
        "You divided by p(v) alone. Divide by p(u) p(v).": _of_shares(lambda p: _information(p, p.sum(0))),
        "You weighted with p(u) p(v). The mean is over the pairs: weight with p(u, v).": (
            _of_shares(lambda p: (_independent(p) * (p / _independent(p)).log()).sum()),
            _of_shares(lambda p: (_independent(p) * (p / _independent(p)).log())[p > 0].sum()),
        ),
        "In Python a / b * c is (a / b) * c. Put p(u) p(v) in parentheses.": (
            _of_shares(lambda p: _information(p, p.sum(1, keepdim=True) / p.sum(0))),
            _of_shares(lambda p: _information(p, p.sum(0) / p.sum(1, keepdim=True))),
        ),
        "torch.bincount ends at the largest number that occurs. Pass minlength=levels * levels.": _without_minlength,
        "p[a, b] += 1 counts a pair that occurs again only once. Use torch.bincount, or a loop.": (
            _each_pair_once,
            lambda a, b, levels: _each_pair_once(a, b, levels, normalized=True),
        ),
        "You swapped the sums. p.sum(1), over the columns, belongs to a; p.sum(0) belongs to b.": (
            _of_shares(lambda p: _information(p, p.sum(0)[:, None] * p.sum(1)))
        ),
        "p.sum(1) * p.sum(0) has one entry for each level. The table of p(u) p(v) is p.sum(1)[:, None] * p.sum(0).": (
            _of_shares(lambda p: _information(p, p.sum(0) * p.sum(1)))
        ),
        "You forgot the weight: each log is multiplied by p(u, v) before the sum.": (
            _of_shares(lambda p: (p / _independent(p)).log()[p > 0].sum())
        ),
        "You used counts in place of shares. Divide by the number of pairs first.": lambda a, b, levels: _information(
            len(a) * _shares(a, b, levels), _independent(len(a) * _shares(a, b, levels))
        ),
        "The sign is the other way round: the information is never negative.": lambda *a: -mutual_information(*a),
        BITS: lambda *a: mutual_information(*a) / math.log(2),
    },
    laws={"I(a; b) = I(b; a)": information_is_symmetric},
)


# ---------------------------------------------------------------- a Bayes net


def tree_log_prob(x, parents, tables, pick=None):
    """log p(x) = sum_j log p(x_j | x_parent(j)): (n, d), (d,), (d, levels, levels) -> (n,), nats."""
    total = torch.zeros(len(x))
    for j, parent in enumerate(parents.tolist()):
        given = x[:, parent] if parent >= 0 else torch.zeros(len(x), dtype=torch.long)
        total = total + (tables[j, given, x[:, j]] if pick is None else pick(tables, x, j, parent, given)).log()
    return total


def _net(g, parents, levels, n):
    """Tables in which a root's rows are all the same, and points to look up."""
    tables = torch.rand(len(parents), levels, levels, generator=g) ** 4 + 1e-3
    for j, parent in enumerate(parents):
        if parent < 0:
            tables[j] = tables[j, 0]
    x = torch.randint(levels, (n, len(parents)), generator=g)
    return {"x": x, "parents": torch.tensor(parents), "tables": tables / tables.sum(2, keepdim=True)}


def a_chain(g):
    return _net(g, [-1, 0, 1, 2], 3, 6)


def a_star(g):
    return _net(g, [2, 2, -1, 2, 2], 2, 20)


def two_trees(g):
    return _net(g, [-1, 4, 1, 1, -1, 0], 4, 20)


def a_thousand_variables(g):
    return _net(g, [-1, *(torch.rand(999, generator=g) * torch.arange(1, 1000)).long().tolist()], 3, 4)


def an_impossible_pair(g):
    net = _net(g, [-1, 0], 3, 1)
    net["tables"][1, 2] = torch.tensor([0.0, 0.4, 0.6])  # x_1 = 0 never comes after x_0 = 2
    return {**net, "x": torch.tensor([[2, 0], [2, 1], [0, 0]])}


def all_x_sum_to_1(call, g):
    net = _net(g, [1, -1, 1, 2], 3, 1)
    total = call({**net, "x": torch.cartesian_prod(*[torch.arange(3)] * 4)}).exp().sum().item()
    return "" if abs(total - 1) < 1e-3 else f"Over all 81 possible x your p(x) sums to {total:.4g}. It should be 1."


def _parents_number(x, parents, tables, numbers):
    total = torch.zeros(len(x))
    for j in range(x.shape[1]):
        total = total + tables[j, numbers[j], x[:, j]].log()
    return total


def _picked_twice(x, parents, tables):
    total = torch.zeros(len(x))
    for j, parent in enumerate(parents.tolist()):
        total = total + tables[j][x[:, parent]][x[:, j]].log()
    return total


def _picking(pick):
    """`tree_log_prob` with another way to pick p(x_j | x_parent) from the tables."""
    return lambda x, parents, tables: tree_log_prob(x, parents, tables, pick)


def _multiplied_first(x, parents, tables):
    given = torch.where(parents >= 0, x[:, parents], 0)
    return tables[torch.arange(len(parents)), given, x].prod(1).log()


TREE_LOG_PROB = Exercise(
    name="likelihood.tree_log_prob",
    points=4,
    asks="log p(x) of each row under the Bayes net, in nats",
    reference=tree_log_prob,
    inputs=[a_chain, a_star, two_trees, a_thousand_variables, an_impossible_pair],
    mistakes={
        "You swapped the indices. In tables[j, u, v] the parent's value u comes first, then the variable's own v.": (
            _picking(lambda t, x, j, parent, given: t[j, x[:, j], given]),
            _picking(lambda t, x, j, parent, given: t[j, x[:, j], x[:, parent]]),
            _picking(lambda t, x, j, parent, given: t[j, x[:, j], given] if parent >= 0 else t[j, 0, x[:, j]]),
        ),
        "tables[j][u][v] picks rows twice. Pick one entry for each row of x: tables[j, u, v].": _picked_twice,
        "You looked up the number of the parent. Its value in this row is asked: x[:, parents[j]].": (
            lambda x, parents, tables: _parents_number(x, parents, tables, parents),
            lambda x, parents, tables: _parents_number(x, parents, tables, parents.tolist()),
        ),
        "A root has -1 in parents. 0 is a variable like all others, and can be a parent: test parents[j] < 0.": (
            lambda x, parents, tables: tree_log_prob(x, parents.where(parents > 0, -1), tables)
        ),
        "You took the variable before as the parent. Look it up in parents.": lambda x, parents, tables: tree_log_prob(
            x, torch.arange(len(parents)) - 1, tables
        ),
        "You left the root out. It has a table as well: log p(x_root) belongs to the sum.": _picking(
            lambda t, x, j, parent, given: t[j, given, x[:, j]] if parent >= 0 else torch.ones(len(x))
        ),
        "You added the root's probability, not its log.": _picking(
            lambda t, x, j, parent, given: t[j, given, x[:, j]] if parent >= 0 else t[j, given, x[:, j]].exp()
        ),
        "You used the parent's table. p(x_j | x_parent) is in tables[j].": (
            _picking(lambda t, x, j, parent, given: t[parent if parent >= 0 else j, given, x[:, j]]),
            _picking(lambda t, x, j, parent, given: t[parent, given, x[:, j]]),
            _picking(lambda t, x, j, parent, given: t[parent, x[:, parent], x[:, j]]),
        ),
        "You added a small number before the log, or clamped. What cannot happen has log p(x) = -inf.": (
            *(_picking(lambda t, x, j, parent, given, e=e: t[j, given, x[:, j]] + e) for e in SMALL_NUMBERS),
            *(_picking(lambda t, x, j, parent, given, e=e: t[j, given, x[:, j]].clamp(min=e)) for e in SMALL_NUMBERS),
        ),
        "You have the first variable alone. Does your loop end after it, by return or break?": _picking(
            lambda t, x, j, parent, given: t[j, given, x[:, j]] if j == 0 else torch.ones(len(x))
        ),
        "You took the mean over the variables. The logs of the factors add up.": lambda x, parents, tables: (
            tree_log_prob(x, parents, tables) / x.shape[1]
        ),
        "A product of many small numbers is 0 for a float. Take the logs first, then the sum.": _multiplied_first,
        "You returned p(x). The log of it is asked.": lambda *a: tree_log_prob(*a).exp(),
        "The sign is the other way round: log p(x) is asked, which is never above 0 here.": lambda *a: (
            -tree_log_prob(*a)
        ),
        "You added the probabilities. The factors multiply, so their logs add: take the log of each.": (
            lambda x, parents, tables: torch.stack(
                [tables[j, x[:, p] if p >= 0 else 0, x[:, j]] for j, p in enumerate(parents.tolist())]
            ).sum(0)
        ),
        BITS: lambda *a: tree_log_prob(*a) / math.log(2),
    },
    laws={"p(x) sums to 1": all_x_sum_to_1},
)


# ---------------------------------------------------------------- masks


def mask(below, above, strict):
    """1 where unit i above may see unit j below: above_i >= below_j, or > if strict. (in,), (out,) -> (out, in)."""
    seen = above[:, None] > below if strict else above[:, None] >= below
    return seen.float()


def variables_to_hidden_units(g):
    return {"below": torch.arange(4), "above": torch.tensor([0, 2, 1, 2, 0]), "strict": False}


def hidden_units_to_variables(g):
    return {"below": torch.tensor([2, 0, 1]), "above": torch.arange(4), "strict": True}


def hidden_to_hidden(g):
    return {
        "below": torch.randint(7, (6,), generator=g),
        "above": torch.randint(7, (6,), generator=g),
        "strict": False,
    }


def variables_in_another_order(g):
    return {"below": torch.randperm(8, generator=g), "above": torch.randint(7, (30,), generator=g), "strict": False}


def logits_of_variables_in_another_order(g):
    return {"below": torch.randint(7, (30,), generator=g), "above": torch.randperm(8, generator=g), "strict": True}


def no_variable_reaches_itself(call, g):
    places, units = torch.randperm(6, generator=g), torch.arange(10) % 5
    into = call({"below": places, "above": units, "strict": False})
    out = call({"below": units, "above": places, "strict": True})
    paths = out @ into  # from each variable below to the logits of each above
    late = places[:, None] <= places
    if paths[late].any():
        i, j = (paths.bool() & late).nonzero()[0].tolist()
        what = "its own value" if i == j else "one that comes later"
        return f"The logits of variable {i} can see variable {j}: {what}. A model that peeks has no valid p(x)."
    if not paths[~late].all():
        return "Some logits cannot see a variable that comes before them, through any hidden unit."
    return ""


MASK = Exercise(
    name="likelihood.mask",
    points=4,
    asks="which unit above may see which unit below: 1 or 0",
    reference=mask,
    inputs=[
        variables_to_hidden_units,
        hidden_units_to_variables,
        hidden_to_hidden,
        variables_in_another_order,
        logits_of_variables_in_another_order,
    ],
    mistakes={
        "You swapped the two rules: > with strict=True, >= otherwise.": lambda below, above, strict: mask(
            below, above, not strict
        ),
        "You ignored strict and always used >=. Then the logits of x_j can see x_j.": lambda below, above, strict: mask(
            below, above, False
        ),
        "You ignored strict and always used >. Then no hidden unit sees the variable with its own number.": (
            lambda below, above, strict: mask(below, above, True)
        ),
        "Your mask is transposed. A row belongs to a unit above, a column to a unit below: (out, in).": (
            lambda below, above, strict: mask(below, above, strict).T
        ),
        "Your comparison is the wrong way round: above must be the larger number, so that a unit sees what comes "
        "before.": (
            lambda below, above, strict: (above[:, None] < below if strict else above[:, None] <= below).float(),
            lambda below, above, strict: 1 - mask(below, above, strict),
        ),
        "You exchanged the roles of below and above. A row belongs to a unit above, and above must be the larger "
        "number: above[:, None] >= below.": lambda below, above, strict: mask(above, below, strict),
        "A mask multiplies weights: 1 keeps a connection, 0 cuts it. You have other numbers in it.": (
            lambda below, above, strict: 2 * mask(below, above, strict) - 1,
            lambda below, above, strict: mask(below, above, strict).log(),
        ),
        "You compared the positions of the units. Compare the numbers in below and above.": (
            lambda below, above, strict: mask(torch.arange(len(below)), torch.arange(len(above)), strict)
        ),
        "You allowed only equal numbers. A unit sees all that comes before it.": lambda below, above, strict: (
            above[:, None] - 1 == below if strict else above[:, None] == below
        ).float(),
        "Everything sees everything in your mask.": lambda below, above, strict: torch.ones(len(above), len(below)),
    },
    laws={"no variable reaches its own logits": no_variable_reaches_itself},
)

EXERCISES = [
    NLL,
    FIT_GAUSSIAN,
    KL,
    GRADIENT,
    SGD,
    LOG_SOFTMAX,
    MIXTURE_LOG_PROB,
    MUTUAL_INFORMATION,
    TREE_LOG_PROB,
    MASK,
]
