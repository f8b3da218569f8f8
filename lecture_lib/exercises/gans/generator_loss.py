"""The non-saturating loss of G in nats, -mean log D(G(z)), from the logits of forgeries."""

import torch.nn.functional as F

from lecture_lib.exercises.engine import Exercise, normal
from lecture_lib.exercises.gans import TINY, _bce
from lecture_lib.gans import non_saturating

exercise = Exercise("gans.generator_loss", points=3, reference=non_saturating, learns=("fake",))


@exercise.style
def _(fake):
    return -F.logsigmoid(fake).mean()


exercise.case("forgeries half as good", lambda rng: {"fake": normal(rng, 7, mean=-0.7, sd=1.5)})
exercise.case("forgeries that are seen through", lambda rng: {"fake": normal(rng, 9, mean=-9.0)})
exercise.case("forgeries that fool", lambda rng: {"fake": normal(rng, 8, mean=2.0)})
exercise.case("forgeries far out", lambda rng: {"fake": normal(rng, 6, mean=-800.0, sd=20.0)})

exercise.mistake(
    "That is the minimax loss, mean log(1 - D(G(z))). The trick replaces it.", lambda f: -F.softplus(f).mean()
)
exercise.mistake(
    "That is D's loss on forgeries. G wants the opposite: D should say real.", lambda f: F.softplus(f).mean()
)
exercise.mistake("The sigmoid came twice. logsigmoid takes logits.", lambda f: -F.logsigmoid(f.sigmoid()).mean())
exercise.mistake(
    "On the way a number was rounded to 0, or nearly, or exp made it infinite. logsigmoid(a) is log D for any logit.",
    lambda f: _bce(f, 1.0),
    *(lambda f, e=e: -(f.sigmoid() + e).log().mean() for e in TINY),
)
exercise.mistake(
    "First the log of each, then the mean. You took the log of a mean.", lambda f: -f.sigmoid().mean().log()
)
exercise.mistake("fake holds logits, any numbers. D is their sigmoid.", lambda f: -f.log().mean())
