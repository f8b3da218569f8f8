"""The parameters of D and G after two steps of D."""

import torch
from torch.nn.functional import softplus

from lecture_lib.answers.adapters import on_d
from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.gans import RIGHT_ORDER, _game, _in_order
from lecture_lib.gans import cross_entropy, discriminator_step


def no_gradient_through_g(call, rng):
    passes = call({**a_game_at_its_start(rng), "lr": 0.0}).item()
    return "Gradients went through G, too. G is fixed here: detach the forgeries." if passes else ""


def a_game_at_its_start(rng):
    return _game(rng, 8, [2.0, -1.0], 0.2)


def _d_step(loss, order=RIGHT_ORDER):
    def wrong(G, D, optimizer, x, z):
        _in_order(order, optimizer, loss(D(x), D(G(z).detach())))

    return wrong


def _d_sees(fake):
    def wrong(G, D, optimizer, x, z):
        discriminator_step(lambda z: fake(G, x, z), D, optimizer, x, z)

    return wrong


def _g_moves_with_d(G, D, optimizer, x, z):
    optimizer_g = torch.optim.SGD(G.parameters(), optimizer.param_groups[0]["lr"])
    optimizer.zero_grad()
    optimizer_g.zero_grad()
    cross_entropy(D(x), D(G(z))).backward()
    optimizer.step()
    optimizer_g.step()


exercise = Exercise("gans.discriminator_step", points=4, reference=discriminator_step, adapter=on_d)

exercise.case("a game at its start", a_game_at_its_start)
exercise.case("narrow data", lambda rng: _game(rng, 24, [-1.5, 0.5], 0.5, sd=0.1))
exercise.case("data far away", lambda rng: _game(rng, 20, [6.0, 4.0], 0.1))

exercise.mistake(
    "The gradients of earlier steps were still there: call optimizer.zero_grad() before loss.backward().",
    _d_step(cross_entropy, ("backward", "step")),
)
exercise.mistake(
    "D did not move. After loss.backward() comes optimizer.step(), and no zero_grad in between.",
    _d_step(cross_entropy, ("zero_grad", "backward")),
    _d_step(cross_entropy, ("backward", "zero_grad", "step")),
)
exercise.mistake(
    "The order of the last lines: first loss.backward(), then optimizer.step().",
    _d_step(cross_entropy, ("step", "zero_grad", "backward")),
)
exercise.mistake(
    "D went the wrong way. The labels are swapped, or the loss has the wrong sign.",
    _d_step(lambda r, f: softplus(r).mean() + softplus(-f).mean()),
    _d_step(lambda r, f: -cross_entropy(r, f)),
)
exercise.mistake(
    "The forgeries taught D nothing. Is their term in the loss, and does detach stand around G(z), not around D(G(z))?",
    _d_step(lambda r, f: softplus(-r).mean() + 0 * f.sum()),
    _d_step(lambda r, f: cross_entropy(r, f.detach())),
)
exercise.mistake(
    "Old gradients were still there in your first step: call optimizer.zero_grad() before loss.backward(), not "
    "after optimizer.step().",
    _d_step(cross_entropy, ("backward", "step", "zero_grad")),
)
exercise.mistake("D looked at z. It should look at forgeries, G(z).", _d_sees(lambda G, x, z: z))
exercise.mistake("You made forgeries out of data. G takes noise: G(z).", _d_sees(lambda G, x, z: G(x)))
exercise.mistake("G moved, too. In D's step G is fixed: step only with the optimizer of D.", _g_moves_with_d)
exercise.mistake("D saw no data. Its loss has two terms.", _d_step(lambda r, f: softplus(f).mean() + 0 * r.sum()))
exercise.mistake("That is G's loss. In this step D learns to tell apart.", _d_step(lambda r, f: softplus(-f).mean()))
exercise.mistake(
    "The sigmoid came twice: D answers with logits, and the loss takes logits.",
    _d_step(lambda r, f: cross_entropy(r.sigmoid(), f.sigmoid())),
)
exercise.mistake(
    "You added up the points. The loss is the sum of two means.",
    _d_step(lambda r, f: softplus(-r).sum() + softplus(f).sum()),
)
exercise.mistake(
    "You divided the loss by 2. It is the sum of two means.", _d_step(lambda r, f: cross_entropy(r, f) / 2)
)

exercise.law("no gradient goes through G", no_gradient_through_g)
