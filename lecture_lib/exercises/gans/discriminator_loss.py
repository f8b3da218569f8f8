"""-(mean log D(x) + mean log(1 - D(G(z)))) in nats, from the logits of data and of forgeries."""

import torch.nn.functional as F

from lecture_lib.exercises.engine import Exercise, normal
from lecture_lib.gans import cross_entropy

exercise = Exercise(
    "gans.discriminator_loss", points=3, reference=cross_entropy, learns=("real", "fake"), needs_gradient=True
)


@exercise.style
def _(real, fake):
    return -F.logsigmoid(real).mean() - F.logsigmoid(-fake).mean()


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

exercise.slips(
    """
The labels are swapped: D should say real to data and fake to forgeries.
    = cross_entropy(fake, real)
The sigmoid came twice. logsigmoid takes logits.
    = cross_entropy(real.sigmoid(), fake.sigmoid())
You took one mean over all points together. Data and forgeries have a mean each.
    = torch.cat([F.softplus(-real), F.softplus(fake)]).mean()
You added up the points. The lecture's E is a mean.
    .mean() -> .sum()
You took the log of a number that was rounded to 0, or nearly. logsigmoid(a) is log D for any logit, and log(1 - D) is
logsigmoid(-a).
    = F.binary_cross_entropy(real.sigmoid(), 0 * real + 1) + F.binary_cross_entropy(fake.sigmoid(), 0 * fake)
    = -real.sigmoid().log().mean() - (1 - fake.sigmoid()).log().mean()
    = -(real.sigmoid() + TINY).log().mean() - (1 - fake.sigmoid() + TINY).log().mean()
    = -real.sigmoid().clamp(TINY, 1 - TINY).log().mean() - (1 - fake.sigmoid().clamp(TINY, 1 - TINY)).log().mean()
real and fake are logits, any numbers. D(x) is their sigmoid.
    = -real.log().mean() - (1 - fake).log().mean()
log(1 - D) is logsigmoid(-fake): neither 1 - log D nor logsigmoid(1 - fake).
    F.logsigmoid(-fake) -> (1 - F.logsigmoid(fake))
    F.logsigmoid(-fake) -> F.logsigmoid(1 - fake)
You left the logs out.
    = -real.sigmoid().mean() - (1 - fake.sigmoid()).mean()
First the log of each, then the mean. You took the log of a mean.
    = -real.sigmoid().mean().log() - (1 - fake.sigmoid()).mean().log()
You added data and forgeries pair by pair, and there are not always equally many. Each has a mean of its own.
    = F.softplus(-real) + F.softplus(fake)
    = (F.softplus(-real) + F.softplus(fake)).mean()
    = sum(F.softplus(-a) + F.softplus(b) for a, b in zip(real, fake)) / len({real | fake})
"""
)
