"""The parameters of D and G after two rounds of a game: a function that is to be repaired, by what it does."""

from torch.nn import functional as F

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.gans import _game
from lecture_lib.gans import cross_entropy, discriminator_step, generator_step, non_saturating
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


exercise.slips(
    """
Nothing is repaired yet: this does what the broken function does. Does a gradient ever reach G, and is an old one ever
cleared?
    D(fake) -> D(fake.detach()); adam_g.zero_grad() ->
One fault is left: G does not move. Is G(z) detached on the way to its own loss, or is G's step missing?
    D(fake) -> D(fake.detach())
One fault is left: G steps with the gradients of all rounds so far. Clear them with adam_g.zero_grad() before G's
loss.backward().
    adam_g.zero_grad() ->
The gradient of D's own loss reached G, too, and G stepped along it. Detach the forgeries in D's step, or clear G's
gradients after it.
    fake.detach() -> G(z); adam_g.zero_grad() ->; adam_d.zero_grad() -> adam_d.zero_grad(), adam_g.zero_grad()
    fake.detach() -> G(z); adam_g.zero_grad() ->; adam_g.step() -> adam_g.step(), adam_g.zero_grad()
D steps with old gradients: G's step leaves some in D. Clear them with adam_d.zero_grad() before D's backward().
    adam_d.zero_grad() ->
    adam_d.zero_grad() ->; adam_d.step() -> adam_d.step(), adam_d.zero_grad()
Old gradients are in both players now: zero_grad comes before each loss.backward().
    adam_d.zero_grad() ->; adam_g.zero_grad() ->
    adam_d.zero_grad() ->; adam_g.zero_grad() ->; adam_g.step() -> adam_g.step(), D.zero_grad(), G.zero_grad()
D moved twice, and G not at all: the second step is that of adam_g.
    adam_g.step() -> adam_d.step()
    adam_g. -> adam_d.
G learnt from D as it was before this round's step of D. First D steps, then G's loss is computed.
    = (fake := G(z)), generator_step(G, D, adam_g, z), discriminator_step(lambda z: fake, D, adam_d, x, z)
G stepped before D. In a round D comes first.
    = generator_step(G, D, adam_g, z), discriminator_step(G, D, adam_d, x, z)
    = non_saturating(D(G(z))).backward(), adam_g.step(), cross_entropy(D(x), D(G(z).detach())).backward(), adam_d.step()
D did not move: loss.backward(), then adam_d.step(), and no zero_grad in between.
    adam_d.step() ->
That is the minimax loss of G. The broken function had the right one, gans.non_saturating.
    -F.logsigmoid(D(G(z))) -> F.logsigmoid(-D(G(z)))
G went the wrong way: its loss has the wrong sign.
    loss = non_saturating -> loss = -non_saturating
G moved in D's step. Each optimizer moves its own player.
    loss = -F -> adam_g.zero_grad();loss = -F; adam_d.step() -> adam_d.step(), adam_g.step()
D moved in G's step. Each optimizer moves its own player.
    adam_g.zero_grad() -> adam_d.zero_grad(), adam_g.zero_grad(); adam_g.step() -> adam_d.step(), adam_g.step()
G's loss left gradients in D, too, and D stepped with them. First D's step, then G's loss and its backward().
    adam_g.zero_grad() ->; adam_d.step() ->; adam_d. -> G.zero_grad(), adam_d.; step() -> step(), adam_d.step()
"""
)
