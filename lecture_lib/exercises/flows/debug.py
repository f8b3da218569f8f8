"""log p of a whole flow, standardised points included: a function that is to be repaired by what p integrates to."""

import math

import torch

from lecture_lib.exercises.engine import Exercise, normal
from lecture_lib.exercises.flows import _log_normal, net


def log_prob(x, mean, sd, ws):
    """log p(x) of couplings on standardised points: (n, 2), (2,), (2,), (k, 4) -> (n,), nats.

    On the way back the last layer comes off first; then its halves change places.
    """
    x = (x - mean) / sd
    logdet = -sd.log().sum().expand(len(x))
    for w in reversed(ws):
        a, b = x[:, 0], x[:, 1]
        shift, log_scale = net(a, w)
        x = torch.stack([(b - shift) / torch.exp(log_scale), a], dim=1)
        logdet = logdet - log_scale
    return _log_normal(x).sum(1) + logdet


def _layers(rng, n, k, mean, sd):
    ws = torch.tensor([0.1, 0.5, 0.8, 0.3]) + normal(rng, k, 4, sd=0.3)
    mean, sd = torch.tensor(mean), torch.tensor(sd)
    return {"x": mean + sd * normal(rng, n, 2), "mean": mean, "sd": sd, "ws": ws}


def it_integrates_to_one(call, rng):
    ws = torch.tensor([[0.1, 0.3, 0.5, 0.3], [-0.2, -0.4, 0.4, 0.0], [0.3, 0.2, -0.5, -0.2]])
    given = {"x": None, "mean": torch.tensor([1.0, -2.0]), "sd": torch.tensor([0.5, 3.0]), "ws": ws}
    side = 0.5 * torch.arange(-15, 16)
    grid = torch.cartesian_prod(side, side)  # in standard deviations; few points, as an answer may take them one by one
    log_p = call({**given, "x": given["mean"] + given["sd"] * grid})
    mass = log_p.clamp(max=80).exp().sum().item() * 0.5**2 * given["sd"].prod().item()
    return (
        "" if abs(mass - 1) < 0.02 else f"Three layers, sd = (0.5, 3): p sums up to {mass:.3g} over the plane, not 1."
    )


exercise = Exercise("flows.debug", points=3, reference=log_prob, learns=("x", "ws"))
exercise.style(log_prob)

exercise.case("one layer, sd = 1", lambda rng: _layers(rng, 8, 1, [0.0, 0.0], [1.0, 1.0]))
exercise.case("one layer, points far apart", lambda rng: _layers(rng, 8, 1, [10.0, 5.0], [4.0, 2.0]))
exercise.case("four layers", lambda rng: _layers(rng, 8, 4, [0.5, -0.2], [0.4, 0.9]))
exercise.law("p sums up to 1", it_integrates_to_one)


@exercise.style
def in_one_list(x, mean, sd, ws):
    a, b = ((x - mean) / sd).unbind(1)
    slopes = [-torch.log(sd[0] * sd[1]) * torch.ones(len(x))]
    for i in range(len(ws) - 1, -1, -1):
        shift, log_scale = net(a, ws[i])
        a, b = (b - shift) * torch.exp(-log_scale), a
        slopes.append(-log_scale)
    return -0.5 * (a**2 + b**2) - math.log(2 * math.pi) + sum(slopes)


exercise.slips(
    """
Nothing is repaired yet: these are the broken function's numbers. With one layer, where sd is not 1, and with more
layers, what does the logdet leave out?
    logdet - log_scale -> -log_scale
One fault is left: dividing by sd is a map, too. Its logdet is -log sd, summed over both columns.
    -sd.log().sum().expand(len(x)) -> 0
One fault is left: the logdet is that of one layer alone. The logdets of all layers add up.
    logdet - log_scale -> -sd.log().sum() - log_scale
log sd has the wrong sign: the way from x to z divides by sd, so its logdet is -log sd.
    -sd.log() -> sd.log()
    logdet - log_scale -> sd.log().sum() - log_scale
Both columns are divided by their sd, so the logdet has -log sd twice, one for each. Yours has one, or their mean.
    -sd.log().sum() -> -sd.log()[0]
    -sd.log().sum() -> -sd.log().mean()
log sd is counted in every layer. The points are divided by sd once.
    -sd.log().sum().expand(len(x)) -> 0; logdet - log_scale -> logdet - sd.log().sum() - log_scale
The layers' logdet has the wrong sign: the way back divides by the scale, so it is -log_scale.
    logdet - log_scale -> logdet + log_scale
    -sd.log().sum().expand(len(x)) -> 0; logdet - log_scale -> logdet + log_scale
    logdet - log_scale -> log_scale
Each point has a logdet of its own. You summed it over all points.
    logdet - log_scale -> logdet - log_scale.sum()
    -sd.log().sum().expand(len(x)) -> -len(x) * sd.log().sum()
The layers came off in the order in which z passes them. The last one comes off first, as in the broken function.
    reversed(ws) -> ws
The halves no longer change places between the layers. That was no fault.
    (b - shift) / torch.exp(log_scale), a -> a, (b - shift) / torch.exp(log_scale)
That is the mean of log p over the points. One number for each is asked, shape (n,).
    = log_prob(x, mean, sd, ws).mean()
These are nats, -log p. log p is asked.
    = -log_prob(x, mean, sd, ws)
That is the logdet alone. log p of the base is missing.
    _log_normal(x).sum(1) + logdet -> logdet
"""
)
