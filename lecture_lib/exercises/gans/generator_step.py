"""The parameters of G and D after two steps of G with the non-saturating loss."""

from torch.nn import functional as F

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.gans import _both_move, _game, _in_order
from lecture_lib.gans import generator_step, non_saturating
from lecture_lib.sandbox.adapters import on_g


def _without_data(arguments):
    return {name: a for name, a in arguments.items() if name != "x"}


def _g_step(loss, order="zero_grad backward step"):
    return lambda G, D, optimizer, z: _in_order(optimizer, loss(D(G(z))), order)


exercise = Exercise("gans.generator_step", points=4, reference=generator_step, adapter=on_g)

exercise.case("forgeries at their start", lambda rng: _without_data(_game(rng, 8, [0.0, 0.0], 0.2)))
exercise.case("a large step", lambda rng: _without_data(_game(rng, 30, [0.0, 0.0], 1.5)))
exercise.case("a single forgery each", lambda rng: _without_data(_game(rng, 2, [0.0, 0.0], 0.4)))


@exercise.style
def with_the_loss_by_hand(G, D, optimizer, z):
    fake = D(G(z))
    loss = -F.logsigmoid(fake).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


exercise.mistake(
    "That is the minimax loss. The non-saturating loss is asked: -mean log D(G(z)).",
    _g_step(lambda f: -F.softplus(f).mean()),
)
exercise.mistake("G went the wrong way: it made -log D larger.", _g_step(lambda f: -non_saturating(f)))
exercise.mistake(
    "That is D's loss on forgeries: G helped D to see through them.", _g_step(lambda f: F.softplus(f).mean())
)
exercise.mistake(
    "G did not move. Does D look at G(z), without detach, which belongs to D's step, and is G's step taken?",
    _g_step(non_saturating, "zero_grad backward"),
)
exercise.mistake(
    "Old gradients were still there: call optimizer.zero_grad() before loss.backward(), not after optimizer.step().",
    _g_step(non_saturating, "backward step"),
    _g_step(non_saturating, "backward step zero_grad"),
)
exercise.mistake(
    "D moved, too. In G's step D is fixed: step only with the optimizer of G.",
    lambda G, D, optimizer, z: _both_move(optimizer, D, non_saturating(D(G(z)))),
)
exercise.mistake(
    "The sigmoid came twice: D answers with logits, and the loss takes logits.",
    _g_step(lambda f: non_saturating(f.sigmoid())),
)
exercise.mistake(
    "The forgeries do not pass D on their way to the loss, which takes logits: D(G(z)).",
    lambda G, D, optimizer, z: _in_order(optimizer, non_saturating(G(z))),
)
exercise.mistake(
    "That is D's loss, with the forgeries as data as well. G's is gans.non_saturating(D(G(z))).",
    _g_step(lambda f: F.softplus(-f).mean() + F.softplus(f).mean()),
)
