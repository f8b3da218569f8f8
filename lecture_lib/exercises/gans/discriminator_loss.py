"""-(mean log D(x) + mean log(1 - D(G(z)))) in nats, from the logits of data and of forgeries."""

import math

import torch
from torch.nn.functional import logsigmoid, softplus

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.gans import _bce, _normal
from lecture_lib.gans import cross_entropy

exercise = Exercise("gans.discriminator_loss", points=3, reference=cross_entropy)

exercise.case("a few logits", lambda rng: {"real": _normal(rng, 6, mean=1.0), "fake": _normal(rng, 6, mean=-0.5)})
exercise.case(
    "more forgeries than data",
    lambda rng: {"real": _normal(rng, 4, mean=0.5), "fake": _normal(rng, 9, mean=0.8, sd=2.0)},
)
exercise.case(
    "a discriminator that is sure", lambda rng: {"real": _normal(rng, 8, mean=4.0), "fake": _normal(rng, 8, mean=-3.0)}
)
exercise.case(
    "a discriminator that is sure and wrong",
    lambda rng: {"real": _normal(rng, 5, mean=-150.0), "fake": _normal(rng, 7, mean=130.0)},
)

exercise.mistake(
    "The labels are swapped: D should say real to data and fake to forgeries.",
    lambda r, f: softplus(r).mean() + softplus(-f).mean(),
)
exercise.mistake(
    "The sigmoid came twice. logsigmoid, softplus and binary_cross_entropy_with_logits take logits.",
    lambda r, f: softplus(-r.sigmoid()).mean() + softplus(f.sigmoid()).mean(),
)
exercise.mistake("The forgeries are missing: -mean log(1 - D(G(z))).", lambda r, f: softplus(-r).mean())
exercise.mistake("The data are missing: -mean log D(x).", lambda r, f: softplus(f).mean())
exercise.mistake(
    "You divided by 2. The lecture's loss is the sum of the two means.", lambda r, f: cross_entropy(r, f) / 2
)
exercise.mistake(
    "You took one mean over all points together. Data and forgeries have a mean each.",
    lambda r, f: torch.cat([softplus(-r), softplus(f)]).mean(),
)
exercise.mistake(
    "You added up the points. The lecture's E is a mean.", lambda r, f: softplus(-r).sum() + softplus(f).sum()
)
exercise.mistake(
    "You took the log of a number that was rounded to 0. logsigmoid(a) is log D for any logit, and log(1 - D) is "
    "logsigmoid(-a).",
    lambda r, f: -r.sigmoid().log().mean() - (1 - f.sigmoid()).log().mean(),
    lambda r, f: -logsigmoid(r).mean() - (1 - f.sigmoid()).log().mean(),
    lambda r, f: -torch.log(1 / (1 + torch.exp(-r))).mean() - torch.log(1 - 1 / (1 + torch.exp(-f))).mean(),
    lambda r, f: _bce(r, 1.0) + _bce(f, 0.0),
    lambda r, f: -(r.sigmoid() + 1e-8).log().mean() - (1 - f.sigmoid() + 1e-8).log().mean(),
)
exercise.mistake(
    "The sign is the other way round: D maximizes, and a loss is made smaller, so the loss has a minus.",
    lambda r, f: -cross_entropy(r, f),
)
exercise.mistake(
    "real and fake are logits, any numbers. D(x) is their sigmoid.", lambda r, f: -r.log().mean() - (1 - f).log().mean()
)
exercise.mistake(
    "One of the two terms has the wrong sign.",
    lambda r, f: softplus(-r).mean() - softplus(f).mean(),
    lambda r, f: softplus(f).mean() - softplus(-r).mean(),
)
exercise.mistake(
    "log(1 - D) is not 1 - log D. Use logsigmoid(-fake).",
    lambda r, f: -logsigmoid(r).mean() - (1 - logsigmoid(f)).mean(),
)
exercise.mistake(
    "That is in bits. The loss is in nats, by the natural logarithm.", lambda r, f: cross_entropy(r, f) / math.log(2)
)
exercise.mistake("You left the logs out.", lambda r, f: -r.sigmoid().mean() - (1 - f.sigmoid()).mean())
exercise.mistake(
    "For a forgery it is log(1 - D), not log D: D wants to call it fake.",
    lambda r, f: softplus(-r).mean() + softplus(-f).mean(),
)
exercise.mistake(
    "You returned a number for each point. The loss is one number: the two means.",
    lambda r, f: softplus(-r) + softplus(f),
)
