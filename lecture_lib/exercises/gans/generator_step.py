"""The parameters of G and D after two steps of G with the non-saturating loss."""

from torch.nn import functional as F

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.gans import _game
from lecture_lib.gans import generator_step
from lecture_lib.sandbox.adapters import on_g


def _without_data(arguments):
    return {name: a for name, a in arguments.items() if name != "x"}


exercise = Exercise("gans.generator_step", points=4, reference=generator_step, adapter=on_g)

exercise.case("forgeries at their start", lambda rng: _without_data(_game(rng, 8, [0.0, 0.0], 0.2)))
exercise.case("a large step", lambda rng: _without_data(_game(rng, 30, [0.0, 0.0], 1.5, sure=150.0)))
exercise.case("a single forgery each", lambda rng: _without_data(_game(rng, 2, [0.0, 0.0], 0.4)))


@exercise.style
def with_the_loss_by_hand(G, D, optimizer, z):
    fake = D(G(z))
    loss = -F.logsigmoid(fake).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


exercise.slips(
    """
That is the minimax loss. The non-saturating loss is asked: -mean log D(G(z)).
    -F.logsigmoid(fake) -> F.logsigmoid(-fake)
G went the wrong way: it made -log D larger.
    -F.logsigmoid(fake) -> F.logsigmoid(fake)
That is D's loss on forgeries: G helped D to see through them.
    F.logsigmoid(fake) -> F.logsigmoid(-fake)
G did not move. Is loss.backward() called, does D look at G(z), without detach, which belongs to D's step, and is G's
step taken?
    fake = D(G(z)) -> fake = D(G(z).detach())
Old gradients were still there: call optimizer.zero_grad() before loss.backward(), not after optimizer.step().
    optimizer.zero_grad() ->
    optimizer.zero_grad() ->; optimizer.step() -> optimizer.step(), optimizer.zero_grad()
D moved, too. In G's step D is fixed: step only with the optimizer of G.
    = descend(torch.optim.SGD([*G.parameters(), *D.parameters()], **optimizer.defaults), non_saturating(D(G(z))))
The sigmoid came twice: D answers with logits, and the loss takes logits.
    (fake) -> (fake.sigmoid())
Where D is sure, its sigmoid is rounded to 0, and the log of that, or its slope, is wrong. logsigmoid takes the logits,
as gans.non_saturating does.
    F.logsigmoid(fake) -> fake.sigmoid().log()
    F.logsigmoid(fake) -> (fake.sigmoid() + TINY).log()
    F.logsigmoid(fake) -> fake.sigmoid().clamp(TINY, 1 - TINY).log()
    -F.logsigmoid(fake).mean() -> F.binary_cross_entropy(fake.sigmoid(), 0 * fake + 1)
The forgeries do not pass D on their way to the loss, which takes logits: D(G(z)).
    = optimizer.zero_grad(), non_saturating(G(z)).backward(), optimizer.step()
    fake = D(G(z)) -> fake = G(z)
That is D's loss, with the forgeries as data as well. G's is gans.non_saturating(D(G(z))).
    F.logsigmoid(fake).mean() -> F.logsigmoid(fake).mean() - F.logsigmoid(-fake).mean()
"""
)
