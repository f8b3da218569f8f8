"""The parameters of D and G after two steps of D."""

from torch.nn import functional as F

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.gans import _game
from lecture_lib.gans import discriminator_step
from lecture_lib.sandbox.adapters import on_d


def no_gradient_through_g(call, rng):
    passes = call({**a_game_at_its_start(rng), "lr": 0.0}).item()
    return "Gradients went through G, too. G is fixed here: detach the forgeries." if passes else ""


def a_game_at_its_start(rng):
    return _game(rng, 8, [2.0, -1.0], 0.2)


exercise = Exercise("gans.discriminator_step", points=4, reference=discriminator_step, adapter=on_d)

exercise.case("a game at its start", a_game_at_its_start)
exercise.case("narrow data", lambda rng: _game(rng, 24, [-1.5, 0.5], 0.5, sd=0.1))
exercise.case("data far away", lambda rng: _game(rng, 20, [6.0, 4.0], 0.1, sure=150.0))


@exercise.style
def with_the_loss_by_hand(G, D, optimizer, x, z):
    real, fake = D(x), D(G(z).detach())
    loss = -F.logsigmoid(real).mean() - F.logsigmoid(-fake).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


exercise.slips(
    """
Old gradients were still there: call optimizer.zero_grad() before loss.backward(), not after optimizer.step().
    optimizer.zero_grad() ->
    optimizer.zero_grad() ->; optimizer.step() -> optimizer.step(), optimizer.zero_grad()
D did not move. After loss.backward() comes optimizer.step(), and no zero_grad in between.
    optimizer.step() ->
D took two steps, one on data and one on forgeries. Its loss is the sum of both terms, with one step.
    = descend(optimizer, F.softplus(-D(x)).mean()), descend(optimizer, F.softplus(D(G(z))).mean())
    = descend(optimizer, F.softplus(D(G(z))).mean()), descend(optimizer, F.softplus(-D(x)).mean())
The order of the last lines: first loss.backward(), then optimizer.step().
    optimizer.step() ->; optimizer.zero_grad() -> optimizer.step(), optimizer.zero_grad()
D went the wrong way. The labels are swapped, or the loss has the wrong sign.
    real, fake = D(x) -> fake, real = D(x)
    loss.backward() -> (-loss).backward()
The forgeries taught D nothing. Is their term in the loss, and does detach stand around G(z), not around D(G(z))?
    D(G(z).detach()) -> D(G(z)).detach()
G moved, too. In D's step G is fixed: step only with the optimizer of D.
    = descend(torch.optim.SGD([*D.parameters(), *G.parameters()], **optimizer.defaults), cross_entropy(D(x), D(G(z))))
That is G's loss. In this step D learns to tell apart.
    -F.logsigmoid(real).mean() - F.logsigmoid(-fake) -> -F.logsigmoid(fake)
That is the loss of a critic, without log D. Asked is -log D(x) - log(1 - D(G(z))).
    -F.logsigmoid(real).mean() - F.logsigmoid(-fake).mean() -> fake.mean() - real.mean()
Where D is sure, its sigmoid is rounded to 0, and the log of that, or its slope, is wrong. logsigmoid takes the logits,
as gans.cross_entropy does.
    F.logsigmoid(real) -> real.sigmoid().log(); F.logsigmoid(-fake) -> (1 - fake.sigmoid()).log()
    F.logsigmoid(real) -> (real.sigmoid() + TINY).log(); F.logsigmoid(-fake) -> (1 - fake.sigmoid() + TINY).log()
    = descend(optimizer, F.binary_cross_entropy((r := D(x)).sigmoid(), 0 * r + 1) + F.softplus(D(G(z).detach())).mean())
The sigmoid came twice: D answers with logits, and the loss takes logits.
    (real) -> (real.sigmoid()); (-fake) -> (-fake.sigmoid())
"""
)

exercise.law("no gradient goes through G", no_gradient_through_g)
