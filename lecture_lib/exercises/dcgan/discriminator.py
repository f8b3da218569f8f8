"""The logit of each image: convolution, leaky ReLU, convolution, BatchNorm, leaky ReLU, all numbers times last."""

import torch
from torch.nn import functional as F

from lecture_lib.exercises.dcgan import _norm, _normal
from lecture_lib.exercises.engine import Exercise


def discriminator(x, first, second, last):
    """Two convolutions that halve the side, then one logit: (n, 1, s, s), two kernels, (2 w s^2 / 16,) -> (n,)."""
    h = F.leaky_relu(F.conv2d(x, first, stride=2, padding=1), 0.2)  # (n, w, s/2, s/2)
    h = F.conv2d(h, second, stride=2, padding=1)  # (n, 2w, s/4, s/4)
    h = F.leaky_relu(F.batch_norm(h, None, None, training=True), 0.2)
    return h.flatten(1) @ last


def _d_case(rng, n, side, w):
    x = torch.tanh(_normal(rng, n, 1, side, side, sd=1.5))
    first, second = _normal(rng, w, 1, 4, 4, sd=0.6), _normal(rng, 2 * w, w, 4, 4, sd=0.4)
    return {"x": x, "first": first, "second": second, "last": _normal(rng, 2 * w * (side // 4) ** 2, sd=0.5)}


def _d(
    one=lambda h: F.leaky_relu(h, 0.2),
    two=lambda h: F.leaky_relu(_norm(h), 0.2),
    weigh=lambda h, last: h.flatten(1) @ last,
    end=lambda a: a,
    stride=2,
    padding=1,
):
    def wrong(x, first, second, last):
        h = one(F.conv2d(x, first, stride=stride, padding=padding))
        h = two(F.conv2d(h, second, stride=stride, padding=padding))
        return end(weigh(h, last))

    return wrong


exercise = Exercise("dcgan.discriminator", points=5, reference=discriminator)

exercise.case("three images", lambda rng: _d_case(rng, 3, 8, 2))
exercise.case("twelve by twelve", lambda rng: _d_case(rng, 5, 12, 3))
exercise.case("four by four", lambda rng: _d_case(rng, 6, 4, 3))

exercise.mistake(
    "You used ReLU, which has no slope below 0. Radford's D has leaky ReLU with slope 0.2.",
    _d(F.relu, lambda h: F.relu(_norm(h))),
)
exercise.mistake(
    "torch's leaky_relu has slope 0.01 unless you say 0.2.",
    _d(F.leaky_relu, lambda h: F.leaky_relu(_norm(h))),
    _d(one=F.leaky_relu),
    _d(two=lambda h: F.leaky_relu(_norm(h))),
)
exercise.mistake("BatchNorm is missing after the second convolution.", _d(two=lambda h: F.leaky_relu(h, 0.2)))
exercise.mistake(
    "D's first layer has no BatchNorm: the images come in as they are.", _d(one=lambda h: F.leaky_relu(_norm(h), 0.2))
)
exercise.mistake("BatchNorm comes before the leaky ReLU, not after it.", _d(two=lambda h: _norm(F.leaky_relu(h, 0.2))))
exercise.mistake("That is D(x), between 0 and 1. The logit is asked, so no sigmoid.", _d(end=torch.sigmoid))
exercise.mistake("The first leaky ReLU is missing.", _d(one=lambda h: h))
exercise.mistake("The second leaky ReLU is missing.", _d(two=_norm))
exercise.mistake("The leaky ReLUs are missing.", _d(one=lambda h: h, two=_norm))
exercise.mistake(
    "A leaky ReLU after the logit cuts down its negative side. The logit stays as it is.",
    _d(end=lambda a: F.leaky_relu(a, 0.2)),
)
exercise.mistake(
    "The numbers are in another order than last expects: channels first, as they are, h.flatten(1).",
    _d(weigh=lambda h, last: h.permute(0, 2, 3, 1).flatten(1) @ last),
)
exercise.mistake("The sign is the other way round: large means real.", _d(end=lambda a: -a))
exercise.mistake("You took tanh. D has leaky ReLUs.", _d(torch.tanh, lambda h: torch.tanh(_norm(h))))
exercise.mistake("You added up everything to one number. Each image has its own logit.", _d(end=lambda a: a.sum()))
exercise.mistake(
    "Both activations are leaky ReLUs. One of yours is ReLU.", _d(one=F.relu), _d(two=lambda h: F.relu(_norm(h)))
)
exercise.mistake(
    "F.batch_norm needs training=True. Without it the batch's mean and variance are not taken.",
    _d(two=lambda h: F.leaky_relu(F.batch_norm(h, None, None), 0.2)),
)
exercise.mistake("The convolutions have padding 1. Without it the side is not halved.", _d(padding=0))
exercise.mistake("The convolutions have stride 2. Without it the side is not halved.", _d(stride=1))
exercise.mistake(
    "Each image has to become one row first: h.flatten(1) @ last.",
    _d(weigh=lambda h, last: h.flatten() @ last),
    _d(weigh=lambda h, last: h @ last),
)
exercise.mistake(
    "You weighted the numbers and did not add them up. @ does both: h.flatten(1) @ last.",
    _d(weigh=lambda h, last: h.flatten(1) * last),
)
