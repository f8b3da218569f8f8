"""The parameters of G and D after two steps of G with the non-saturating loss."""

import torch
from torch.nn.functional import softplus

from lecture_lib.answers.adapters import on_g
from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.gans import RIGHT_ORDER, _game, _in_order
from lecture_lib.gans import generator_step, non_saturating


def _without_data(arguments):
    return {name: a for name, a in arguments.items() if name != "x"}


def _g_step(loss, order=RIGHT_ORDER, fake=lambda G, z: G(z)):
    def wrong(G, D, optimizer, z):
        _in_order(order, optimizer, loss(D(fake(G, z))))

    return wrong


def _both_move(G, D, optimizer, z):
    optimizer_d = torch.optim.SGD(D.parameters(), optimizer.param_groups[0]["lr"])
    loss = non_saturating(D(G(z)))
    optimizer.zero_grad()
    optimizer_d.zero_grad()
    loss.backward()
    optimizer.step()
    optimizer_d.step()


exercise = Exercise("gans.generator_step", points=4, reference=generator_step, adapter=on_g)

exercise.case("forgeries at their start", lambda rng: _without_data(_game(rng, 8, [0.0, 0.0], 0.2)))
exercise.case("a large step", lambda rng: _without_data(_game(rng, 30, [0.0, 0.0], 1.5)))
exercise.case("a single forgery each", lambda rng: _without_data(_game(rng, 2, [0.0, 0.0], 0.4)))

exercise.mistake(
    "That is the minimax loss. The non-saturating loss is asked: -mean log D(G(z)).",
    _g_step(lambda f: -softplus(f).mean()),
)
exercise.mistake("G went the wrong way: it made -log D larger.", _g_step(lambda f: -non_saturating(f)))
exercise.mistake(
    "That is D's loss on forgeries: G helped D to see through them.", _g_step(lambda f: softplus(f).mean())
)
exercise.mistake(
    "G did not move. Does D look at G(z), without detach, which belongs to D's step, and is G's step taken?",
    _g_step(non_saturating, ("zero_grad", "backward")),
    _g_step(non_saturating, fake=lambda G, z: G(z).detach()),
    _g_step(non_saturating, fake=lambda G, z: z),
    _g_step(non_saturating, ("backward", "zero_grad", "step")),
)
exercise.mistake(
    "The gradients of earlier steps were still there: call optimizer.zero_grad() before loss.backward().",
    _g_step(non_saturating, ("backward", "step")),
)
exercise.mistake("D moved, too. In G's step D is fixed: step only with the optimizer of G.", _both_move)
exercise.mistake(
    "The sigmoid came twice: D answers with logits, and the loss takes logits.",
    _g_step(lambda f: non_saturating(f.sigmoid())),
)
exercise.mistake("You added up the points. The loss is a mean.", _g_step(lambda f: softplus(-f).sum()))
exercise.mistake(
    "Old gradients were still there in your first step: call optimizer.zero_grad() before loss.backward(), not "
    "after optimizer.step().",
    _g_step(non_saturating, ("backward", "step", "zero_grad")),
)
exercise.mistake("You divided the loss by 2. It is one mean.", _g_step(lambda f: non_saturating(f) / 2))
exercise.mistake("You left the log out: the loss is -mean log D.", _g_step(lambda f: -f.sigmoid().mean()))
exercise.mistake("You used the logit itself, without log D.", _g_step(lambda f: -f.mean()))
