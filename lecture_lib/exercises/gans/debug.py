"""The parameters of D and G after two rounds of a game: a function that is to be repaired, by what it does."""

from torch.nn import functional as F

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.gans import _both_move, _game
from lecture_lib.gans import cross_entropy, discriminator_step, generator_step, minimax, non_saturating
from lecture_lib.sandbox.adapters import on_rounds


def one_round(G, D, adam_d, adam_g, x, z):
    """A step of D on data x and forgeries G(z), then a step of G: two networks, their optimizers, (n, 2), (n, 2)."""
    fake = G(z)
    loss = cross_entropy(D(x), D(fake.detach()))
    adam_d.zero_grad()
    loss.backward()
    adam_d.step()
    loss = non_saturating(D(fake))
    adam_g.zero_grad()
    loss.backward()
    adam_g.step()


exercise = Exercise("gans.debug", points=3, reference=one_round, adapter=on_rounds)

exercise.case("two rounds", lambda rng: _game(rng, 16, [2.0, -1.0], 0.2))
exercise.case("larger steps", lambda rng: _game(rng, 40, [-1.5, 0.5], 0.6, sd=0.3))
exercise.case("data far away", lambda rng: _game(rng, 24, [4.0, 3.0], 0.1))


@exercise.style
def by_two_functions(G, D, adam_d, adam_g, x, z):
    discriminator_step(G, D, adam_d, x, z)
    generator_step(G, D, adam_g, z)


@exercise.style
def forged_anew(G, D, adam_d, adam_g, x, z):
    adam_d.zero_grad()
    loss = -F.logsigmoid(D(x)).mean() - F.logsigmoid(-D(G(z))).mean()
    loss.backward()
    adam_d.step()
    adam_g.zero_grad()
    loss = -F.logsigmoid(D(G(z))).mean()
    loss.backward()
    adam_g.step()


def _round(
    lines="zero_d d step_d zero_g g step_g", d_loss=cross_entropy, g_loss=non_saturating, cut=False, flows=False
):
    """The lines in this order; cut: G's forgeries are detached in its own step; flows: not in D's."""

    def wrong(G, D, adam_d, adam_g, x, z):
        does = {
            "zero_d": adam_d.zero_grad,
            "zero_g": adam_g.zero_grad,
            "step_d": adam_d.step,
            "step_g": adam_g.step,
            "d": lambda: d_loss(D(x), D(G(z) if flows else G(z).detach())).backward(),
            "g": lambda: g_loss(D(G(z).detach() if cut else G(z))).backward(),
        }
        for line in lines.split():
            does[line]()

    return wrong


def _with_all(G, D, adam_d, adam_g, x, z):
    _both_move(adam_d, G, cross_entropy(D(x), D(G(z))))
    generator_step(G, D, adam_g, z)


def _with_all_of_g(G, D, adam_d, adam_g, x, z):
    discriminator_step(G, D, adam_d, x, z)
    _both_move(adam_g, D, non_saturating(D(G(z))))


exercise.mistake(
    "Nothing is repaired yet: this does what the broken function does. Does a gradient ever reach G, and is an old one "
    "ever cleared?",
    _round("zero_d d step_d g step_g", cut=True),
)
exercise.mistake(
    "One fault is left: G does not move. Is G(z) detached on the way to its own loss, or is G's step missing?",
    _round(cut=True),
    _round("zero_d d step_d zero_g g"),
)
exercise.mistake(
    "One fault is left: G steps with the gradients of all rounds so far. Clear them with adam_g.zero_grad() before "
    "G's loss.backward().",
    _round("zero_d d step_d g step_g"),
    _round("zero_d d step_d g step_g zero_d"),
)
exercise.mistake(
    "The gradient of D's own loss reached G, too, and G stepped along it. Detach the forgeries in D's step, or clear "
    "G's gradients after it.",
    _round("zero_d zero_g d step_d g step_g", flows=True),
    _round("zero_d d step_d g step_g zero_g", flows=True),
)
exercise.mistake(
    "D steps with old gradients: G's step leaves some in D. Clear them with adam_d.zero_grad() before D's backward().",
    _round("d step_d zero_g g step_g"),
    _round("d step_d zero_d zero_g g step_g"),
)
exercise.mistake(
    "Old gradients are in both players now: zero_grad comes before each loss.backward().",
    _round("d step_d g step_g"),
    _round("d step_d g step_g zero_d zero_g"),
)
exercise.mistake(
    "D moved twice, and G not at all: the second step is that of adam_g.",
    _round("zero_d d step_d zero_g g step_d"),
    _round("zero_d d step_d zero_d g step_d"),
)
exercise.mistake(
    "G learnt from D as it was before this round's step of D. First D steps, then G's loss is computed.",
    lambda G, D, adam_d, adam_g, x, z: _at_once(G, D, adam_d, adam_g, x, z),
)
exercise.mistake(
    "G stepped before D. In a round D comes first.",
    _round("zero_g g step_g zero_d d step_d"),
    _round("g step_g d step_d"),
)
exercise.mistake(
    "D did not move: loss.backward(), then adam_d.step(), and no zero_grad in between.",
    _round("zero_g g step_g"),
    _round("d zero_d step_d zero_g g step_g"),
    _round("zero_d d zero_g g step_g"),
)
exercise.mistake(
    "That is the minimax loss of G. The broken function had the right one, gans.non_saturating.", _round(g_loss=minimax)
)
exercise.mistake("G went the wrong way: its loss has the wrong sign.", _round(g_loss=lambda f: -non_saturating(f)))
exercise.mistake("G moved in D's step. Each optimizer moves its own player.", _with_all)
exercise.mistake("D moved in G's step. Each optimizer moves its own player.", _with_all_of_g)


def _at_once(G, D, adam_d, adam_g, x, z):
    """Both losses before either step."""
    of_g = _gradients(non_saturating(D(G(z))), G)
    discriminator_step(G, D, adam_d, x, z)
    for p, gradient in zip(G.parameters(), of_g):
        p.grad = gradient
    adam_g.step()


def _gradients(loss, net):
    parameters = list(net.parameters())
    for p in parameters:
        p.grad = None
    loss.backward()
    return [p.grad.clone() for p in parameters]
