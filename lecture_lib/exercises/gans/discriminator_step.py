"""The parameters of D and G after two steps of D."""

from torch.nn import functional as F

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.gans import _both_move, _game, _in_order
from lecture_lib.gans import cross_entropy, discriminator_step
from lecture_lib.sandbox.adapters import on_d


def no_gradient_through_g(call, rng):
    passes = call({**a_game_at_its_start(rng), "lr": 0.0}).item()
    return "Gradients went through G, too. G is fixed here: detach the forgeries." if passes else ""


def a_game_at_its_start(rng):
    return _game(rng, 8, [2.0, -1.0], 0.2)


def _d_step(loss, order="zero_grad backward step"):
    return lambda G, D, optimizer, x, z: _in_order(optimizer, loss(D(x), D(G(z).detach())), order)


def _two_steps(optimizer, *logits):
    for one in logits:
        _in_order(optimizer, -F.logsigmoid(one()).mean(), "zero_grad backward step")


exercise = Exercise("gans.discriminator_step", points=4, reference=discriminator_step, adapter=on_d)

exercise.case("a game at its start", a_game_at_its_start)
exercise.case("narrow data", lambda rng: _game(rng, 24, [-1.5, 0.5], 0.5, sd=0.1))
exercise.case("data far away", lambda rng: _game(rng, 20, [6.0, 4.0], 0.1))


@exercise.style
def with_the_loss_by_hand(G, D, optimizer, x, z):
    real, fake = D(x), D(G(z).detach())
    loss = -F.logsigmoid(real).mean() - F.logsigmoid(-fake).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


exercise.mistake(
    "Old gradients were still there: call optimizer.zero_grad() before loss.backward(), not after optimizer.step().",
    _d_step(cross_entropy, "backward step"),
    _d_step(cross_entropy, "backward step zero_grad"),
)
exercise.mistake(
    "D did not move. After loss.backward() comes optimizer.step(), and no zero_grad in between.",
    _d_step(cross_entropy, "zero_grad backward"),
)
exercise.mistake(
    "D took two steps, one on data and one on forgeries. Its loss is the sum of both terms, with one step.",
    lambda G, D, optimizer, x, z: _two_steps(optimizer, lambda: D(x), lambda: -D(G(z).detach())),
    lambda G, D, optimizer, x, z: _two_steps(optimizer, lambda: -D(G(z).detach()), lambda: D(x)),
)
exercise.mistake(
    "The order of the last lines: first loss.backward(), then optimizer.step().",
    _d_step(cross_entropy, "step zero_grad backward"),
)
exercise.mistake(
    "D went the wrong way. The labels are swapped, or the loss has the wrong sign.",
    _d_step(lambda r, f: cross_entropy(-r, -f)),
    _d_step(lambda r, f: -cross_entropy(r, f)),
)
exercise.mistake(
    "The forgeries taught D nothing. Is their term in the loss, and does detach stand around G(z), not around D(G(z))?",
    _d_step(lambda r, f: cross_entropy(r, f.detach())),
)
exercise.mistake(
    "G moved, too. In D's step G is fixed: step only with the optimizer of D.",
    lambda G, D, optimizer, x, z: _both_move(optimizer, G, cross_entropy(D(x), D(G(z)))),
)
exercise.mistake(
    "That is G's loss. In this step D learns to tell apart.", _d_step(lambda r, f: F.softplus(-f).mean() + 0 * r.sum())
)
exercise.mistake(
    "The sigmoid came twice: D answers with logits, and the loss takes logits.",
    _d_step(lambda r, f: cross_entropy(r.sigmoid(), f.sigmoid())),
)

exercise.law("no gradient goes through G", no_gradient_through_g)
