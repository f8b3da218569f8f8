"""-(mean log D(x) + mean log(1 - D(G(z)))) in nats, from the logits of data and of forgeries."""

import torch
import torch.nn.functional as F

from lecture_lib.exercises.engine import Exercise, normal
from lecture_lib.exercises.gans import TINY, _bce
from lecture_lib.gans import cross_entropy

exercise = Exercise(
    "gans.discriminator_loss", points=3, reference=cross_entropy, learns=("real", "fake"), needs_gradient=True
)


@exercise.style
def _(real, fake):
    return -F.logsigmoid(real).mean() - F.logsigmoid(-fake).mean()


def _logs_of(d_real, not_d_fake):
    return -d_real.log().mean() - not_d_fake.log().mean()


exercise.case("a few logits", lambda rng: {"real": normal(rng, 6, mean=1.0), "fake": normal(rng, 6, mean=-0.5)})
exercise.case(
    "more forgeries than data",
    lambda rng: {"real": normal(rng, 4, mean=0.5), "fake": normal(rng, 9, mean=0.8, sd=2.0)},
)
exercise.case(
    "a discriminator that is sure", lambda rng: {"real": normal(rng, 8, mean=4.0), "fake": normal(rng, 8, mean=-3.0)}
)
exercise.case(
    "a discriminator that is sure and wrong",
    lambda rng: {"real": normal(rng, 5, mean=-800.0), "fake": normal(rng, 7, mean=750.0)},
)

LENGTHS = (lambda r, f: len(r), lambda r, f: len(f), lambda r, f: min(len(r), len(f)))

exercise.mistake(
    "The labels are swapped: D should say real to data and fake to forgeries.",
    lambda r, f: F.softplus(r).mean() + F.softplus(-f).mean(),
)
exercise.mistake(
    "The sigmoid came twice. logsigmoid takes logits.",
    lambda r, f: cross_entropy(r.sigmoid(), f.sigmoid()),
)
exercise.mistake(
    "You took one mean over all points together. Data and forgeries have a mean each.",
    lambda r, f: torch.cat([F.softplus(-r), F.softplus(f)]).mean(),
)
exercise.mistake(
    "You added up the points. The lecture's E is a mean.", lambda r, f: F.softplus(-r).sum() + F.softplus(f).sum()
)
exercise.mistake(
    "You took the log of a number that was rounded to 0, or nearly. logsigmoid(a) is log D for any logit, and "
    "log(1 - D) is logsigmoid(-a).",
    lambda r, f: _bce(r, 1.0) + _bce(f, 0.0),
    *(lambda r, f, e=e: _logs_of(r.sigmoid() + e, 1 - f.sigmoid() + e) for e in TINY),
    *(lambda r, f, e=e: _logs_of(r.sigmoid().clamp(e, 1 - e), 1 - f.sigmoid().clamp(e, 1 - e)) for e in TINY[1:]),
)
exercise.mistake("real and fake are logits, any numbers. D(x) is their sigmoid.", lambda r, f: _logs_of(r, 1 - f))
exercise.mistake(
    "log(1 - D) is logsigmoid(-fake): neither 1 - log D nor logsigmoid(1 - fake).",
    lambda r, f: -F.logsigmoid(r).mean() - (1 - F.logsigmoid(f)).mean(),
    lambda r, f: -F.logsigmoid(r).mean() - F.logsigmoid(1 - f).mean(),
)
exercise.mistake("You left the logs out.", lambda r, f: -r.sigmoid().mean() - (1 - f.sigmoid()).mean())
exercise.mistake(
    "First the log of each, then the mean. You took the log of a mean.",
    lambda r, f: -r.sigmoid().mean().log() - (1 - f.sigmoid()).mean().log(),
)
exercise.mistake(
    "You added data and forgeries pair by pair, and there are not always equally many. Each has a mean of its own.",
    lambda r, f: F.softplus(-r) + F.softplus(f),
    lambda r, f: (F.softplus(-r) + F.softplus(f)).mean(),
    *(lambda r, f, n=n: sum(F.softplus(-a) + F.softplus(b) for a, b in zip(r, f)) / n(r, f) for n in LENGTHS),
)
