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
exercise.case("four layers", lambda rng: _layers(rng, 8, 4, [0.5, -0.2], [0.9, 0.4]))
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


def _broken(of_sd=0.0, kept=0.0, sign=-1.0, start=None, backwards=True, swap=True, whole=False):
    """of_sd: times sum(log sd); kept: of the logdets of the layers before; whole: logdet summed over all points."""

    def broken(x, mean, sd, ws):
        x = (x - mean) / sd
        of_layers, constant = torch.zeros(len(x)), of_sd * sd.log().sum()
        for i in reversed(range(len(ws))) if backwards else range(len(ws)):
            a, b = x[:, 0], x[:, 1]
            shift, log_scale = net(a, ws[i])
            b = (b - shift) / torch.exp(log_scale)
            x = torch.stack([b, a] if swap else [a, b], dim=1)
            of_layers = kept * of_layers + sign * log_scale
        of_layers = of_layers.sum().expand(len(x)) if whole else of_layers
        return _log_normal(x).sum(1) + of_layers + constant

    return broken


exercise.mistake(
    "Nothing is repaired yet: these are the broken function's numbers. With one layer, where sd is not 1, and with "
    "more layers, what does the logdet leave out?",
    _broken(),
)
exercise.mistake(
    "One fault is left: dividing by sd is a map, too. Its logdet is -log sd, summed over both columns.",
    _broken(kept=1.0),
)
exercise.mistake(
    "One fault is left: the logdet is that of one layer alone. The logdets of all layers add up.",
    _broken(of_sd=-1.0),
)
exercise.mistake(
    "log sd has the wrong sign: the way from x to z divides by sd, so its logdet is -log sd.",
    _broken(of_sd=1.0, kept=1.0),
    _broken(of_sd=1.0),
)
exercise.mistake(
    "Both columns are divided by their sd, so the logdet has -log sd twice, one for each. Yours has their mean.",
    _broken(of_sd=-0.5, kept=1.0),
)
exercise.mistake(
    "log sd is counted in every layer. The points are divided by sd once.",
    lambda x, mean, sd, ws: log_prob(x, mean, sd, ws) - (len(ws) - 1) * sd.log().sum(),
)
exercise.mistake(
    "The layers' logdet has the wrong sign: the way back divides by the scale, so it is -log_scale.",
    _broken(of_sd=-1.0, kept=1.0, sign=1.0),
    _broken(kept=1.0, sign=1.0),
    _broken(sign=1.0),
)
exercise.mistake(
    "Each point has a logdet of its own. You summed it over all points.",
    _broken(of_sd=-1.0, kept=1.0, whole=True),
    lambda x, mean, sd, ws: log_prob(x, mean, sd, ws) + (len(x) - 1) * -sd.log().sum(),
)
exercise.mistake(
    "The layers came off in the order in which z passes them. The last one comes off first, as in the broken function.",
    _broken(of_sd=-1.0, kept=1.0, backwards=False),
)
exercise.mistake(
    "The halves no longer change places between the layers. That was no fault.",
    _broken(of_sd=-1.0, kept=1.0, swap=False),
)
exercise.mistake(
    "That is the mean of log p over the points. One number for each is asked, shape (n,).",
    lambda *a: log_prob(*a).mean(),
)
exercise.mistake(
    "These are nats, -log p. log p is asked.",
    lambda *a: -log_prob(*a),
)
exercise.mistake("That is the logdet alone. log p of the base is missing.", lambda *a: _logdet(*a))


def _logdet(x, mean, sd, ws):
    return log_prob(x, mean, sd, ws) - _log_normal(_z(x, mean, sd, ws)).sum(1)


def _z(x, mean, sd, ws):
    x = (x - mean) / sd
    for w in reversed(ws):
        shift, log_scale = net(x[:, 0], w)
        x = torch.stack([(x[:, 1] - shift) / torch.exp(log_scale), x[:, 0]], dim=1)
    return x
