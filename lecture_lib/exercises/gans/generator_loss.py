"""The non-saturating loss of G in nats, -mean log D(G(z)), from the logits of forgeries."""

from torch.nn.functional import logsigmoid, softplus

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.gans import _bce, _normal
from lecture_lib.gans import non_saturating

exercise = Exercise("gans.generator_loss", points=3, reference=non_saturating)

exercise.case("forgeries half as good", lambda rng: {"fake": _normal(rng, 7, mean=-0.7, sd=1.5)})
exercise.case("forgeries that are seen through", lambda rng: {"fake": _normal(rng, 9, mean=-9.0)})
exercise.case("forgeries that fool", lambda rng: {"fake": _normal(rng, 8, mean=2.0)})
exercise.case("forgeries far out", lambda rng: {"fake": _normal(rng, 6, mean=-180.0, sd=5.0)})

exercise.mistake(
    "That is the minimax loss, mean log(1 - D(G(z))). The trick replaces it.", lambda f: -softplus(f).mean()
)
exercise.mistake(
    "That is D's loss on forgeries. G wants the opposite: D should say real.", lambda f: softplus(f).mean()
)
exercise.mistake(
    "The sign is the other way round: G maximizes log D, so its loss is -log D.", lambda f: logsigmoid(f).mean()
)
exercise.mistake(
    "The sigmoid came twice. logsigmoid, softplus and binary_cross_entropy_with_logits take logits.",
    lambda f: softplus(-f.sigmoid()).mean(),
)
exercise.mistake("You left the log out.", lambda f: -f.sigmoid().mean())
exercise.mistake("You added up the points. The lecture's E is a mean.", lambda f: softplus(-f).sum())
exercise.mistake(
    "You took the log of a number that was rounded to 0. logsigmoid(a) is log D for any logit.",
    lambda f: -f.sigmoid().log().mean(),
    lambda f: _bce(f, 1.0),
    lambda f: -(f.sigmoid() + 1e-8).log().mean(),
)
exercise.mistake(
    "First the log of each, then the mean. You took the log of a mean.", lambda f: -f.sigmoid().mean().log()
)
exercise.mistake("fake holds logits, any numbers. D is their sigmoid.", lambda f: -f.log().mean())
exercise.mistake("That is minus the mean logit, a Wasserstein critic's. The trick is -mean log D.", lambda f: -f.mean())
exercise.mistake("You divided by 2. G's loss is one mean.", lambda f: non_saturating(f) / 2)
