"""The exercises of notebook 4, GANs.

A reference is the library's own function, where there is one, else a few lines as a student would write them. Where
the answer is a step on networks, an adapter builds two small ones from vectors of parameters.
"""

from __future__ import annotations

import math

import torch
from torch.nn.functional import binary_cross_entropy, logsigmoid, softplus

from lecture_lib.answers.adapters import LENGTHS, on_d, on_g, on_records
from lecture_lib.answers.call import Seed
from lecture_lib.exercises.engine import Exercise, close
from lecture_lib.gans import cross_entropy, discriminator_step, generator_step, non_saturating


def _normal(g, *shape, mean=0.0, sd=1.0):
    return mean + sd * torch.randn(shape, generator=g)


# ---------------------------------------------------------------- D's loss


def _bce(logits, label):
    """Binary cross entropy from rounded probabilities; torch clamps its logs at -100."""
    return binary_cross_entropy(logits.sigmoid(), torch.full_like(logits, label))


def a_few_logits(g):
    return {"real": _normal(g, 6, mean=1.0), "fake": _normal(g, 6, mean=-0.5)}


def more_forgeries_than_data(g):
    return {"real": _normal(g, 4, mean=0.5), "fake": _normal(g, 9, mean=0.8, sd=2.0)}


def a_discriminator_that_is_sure(g):
    return {"real": _normal(g, 8, mean=4.0), "fake": _normal(g, 8, mean=-3.0)}


def a_discriminator_that_is_sure_and_wrong(g):
    return {"real": _normal(g, 5, mean=-150.0), "fake": _normal(g, 7, mean=130.0)}


DISCRIMINATOR_LOSS = Exercise(
    name="gans.discriminator_loss",
    points=3,
    asks="-(mean log D(x) + mean log(1 - D(G(z)))) in nats, from the logits of data and of forgeries",
    reference=cross_entropy,
    inputs=[
        a_few_logits,
        more_forgeries_than_data,
        a_discriminator_that_is_sure,
        a_discriminator_that_is_sure_and_wrong,
    ],
    mistakes={
        "The labels are swapped: D should say real to data and fake to forgeries.": lambda r, f: (
            softplus(r).mean() + softplus(-f).mean()
        ),
        "The sigmoid came twice. logsigmoid, softplus and binary_cross_entropy_with_logits take logits.": (
            lambda r, f: softplus(-r.sigmoid()).mean() + softplus(f.sigmoid()).mean()
        ),
        "The forgeries are missing: -mean log(1 - D(G(z))).": lambda r, f: softplus(-r).mean(),
        "The data are missing: -mean log D(x).": lambda r, f: softplus(f).mean(),
        "You divided by 2. The lecture's loss is the sum of the two means.": lambda r, f: cross_entropy(r, f) / 2,
        "You took one mean over all points together. Data and forgeries have a mean each.": lambda r, f: torch.cat(
            [softplus(-r), softplus(f)]
        ).mean(),
        "You added up the points. The lecture's E is a mean.": lambda r, f: softplus(-r).sum() + softplus(f).sum(),
        "You took the log of a number that was rounded to 0. logsigmoid(a) is log D for any logit, and log(1 - D) is "
        "logsigmoid(-a).": (
            lambda r, f: -r.sigmoid().log().mean() - (1 - f.sigmoid()).log().mean(),
            lambda r, f: -logsigmoid(r).mean() - (1 - f.sigmoid()).log().mean(),
            lambda r, f: -torch.log(1 / (1 + torch.exp(-r))).mean() - torch.log(1 - 1 / (1 + torch.exp(-f))).mean(),
            lambda r, f: _bce(r, 1.0) + _bce(f, 0.0),
            lambda r, f: -(r.sigmoid() + 1e-8).log().mean() - (1 - f.sigmoid() + 1e-8).log().mean(),
        ),
        "The sign is the other way round: D maximizes, and a loss is made smaller, so the loss has a minus.": (
            lambda r, f: -cross_entropy(r, f)
        ),
        "real and fake are logits, any numbers. D(x) is their sigmoid.": lambda r, f: (
            -r.log().mean() - (1 - f).log().mean()
        ),
        "One of the two terms has the wrong sign.": (
            lambda r, f: softplus(-r).mean() - softplus(f).mean(),
            lambda r, f: softplus(f).mean() - softplus(-r).mean(),
        ),
        "log(1 - D) is not 1 - log D. Use logsigmoid(-fake).": lambda r, f: (
            -logsigmoid(r).mean() - (1 - logsigmoid(f)).mean()
        ),
        "That is in bits. The loss is in nats, by the natural logarithm.": lambda r, f: (
            cross_entropy(r, f) / math.log(2)
        ),
        "You left the logs out.": lambda r, f: -r.sigmoid().mean() - (1 - f.sigmoid()).mean(),
        "For a forgery it is log(1 - D), not log D: D wants to call it fake.": lambda r, f: (
            softplus(-r).mean() + softplus(-f).mean()
        ),
        "You returned a number for each point. The loss is one number: the two means.": lambda r, f: (
            softplus(-r) + softplus(f)
        ),
    },
)


# ---------------------------------------------------------------- the best D


def optimal_discriminator(log_p, log_q):
    """D*(x) = p / (p + q) from log densities: (n,), (n,) -> (n,)."""
    return torch.sigmoid(log_p - log_q)


def densities_near_1(g):
    return {"log_p": _normal(g, 6), "log_q": _normal(g, 6)}


def densities_near_0(g):
    log_q = _normal(g, 6, mean=-800.0, sd=20.0)
    return {"log_p": log_q + _normal(g, 6, sd=2.0), "log_q": log_q}


def one_of_them_vanishes(g):
    log_p, log_q = _normal(g, 6, mean=-1.0), _normal(g, 6, mean=-2.0)
    log_q[2] = -120.0  # nearly
    log_p[1] = log_q[4] = -math.inf
    return {"log_p": log_p, "log_q": log_q}


def a_hundred_dimensions(g):
    x = _normal(g, 9, 100)
    return {"log_p": -0.5 * x.square().sum(1), "log_q": -0.5 * (x - 0.1).square().sum(1)}


OPTIMAL_DISCRIMINATOR = Exercise(
    name="gans.optimal_discriminator",
    points=3,
    asks="D*(x) = p(x) / (p(x) + q(x)) at each point, from log p(x) and log q(x)",
    reference=optimal_discriminator,
    inputs=[densities_near_1, densities_near_0, one_of_them_vanishes, a_hundred_dimensions],
    mistakes={
        "That is the chance that the point is a forgery, q / (p + q). D says how real it is.": lambda p, q: (
            torch.sigmoid(q - p)
        ),
        "That is the ratio p / q. D* = p / (p + q).": lambda p, q: torch.exp(p - q),
        "exp of a very small log density is rounded to 0, and 0 / 0 is NaN. Divide by p first: "
        "D* = 1 / (1 + q / p), which needs only log p - log q.": (
            lambda p, q: p.exp() / (p.exp() + q.exp()),
            lambda p, q: 1 / (1 + q.exp() / p.exp()),
        ),
        "The small number that you added is larger than both densities. Divide by p first: D* = 1 / (1 + q / p).": (
            lambda p, q: p.exp() / (p.exp() + q.exp() + 1e-12),
            lambda p, q: p.exp() / (p.exp() + q.exp() + 1e-8),
        ),
        "exp of a large number is infinite, and inf / inf is NaN. Divide by it: 1 / (1 + exp(log q - log p)).": (
            lambda p, q: torch.exp(p - q) / (1 + torch.exp(p - q))
        ),
        "That is the logit, log p - log q. D* is its sigmoid.": lambda p, q: p - q,
        "That is log D*. D* itself is asked.": lambda p, q: logsigmoid(p - q),
        "You divided logs of densities as if they were densities.": lambda p, q: p / (p + q),
        "That is (p - q) / (p + q), which lies between -1 and 1. D* lies between 0 and 1.": lambda p, q: torch.tanh(
            (p - q) / 2
        ),
        "The best D does not only decide: where both densities are positive, it gives a chance between 0 and 1.": (
            lambda p, q: (p > q).float()
        ),
        "You took the sigmoid of a difference of densities. The difference of log densities belongs there.": (
            lambda p, q: torch.sigmoid(p.exp() - q.exp())
        ),
        "You took the sigmoid of log p alone. D* needs both densities.": lambda p, q: torch.sigmoid(p),
        "You halved it. D* is 1 where q vanishes.": lambda p, q: torch.sigmoid(p - q) / 2,
    },
)


# ---------------------------------------------------------------- what D's loss says


def jensen_shannon(d_loss):
    """JS(p_data, p_G) = log 2 - loss / 2, if D is the best one: (k,) -> (k,), nats."""
    return math.log(2) - d_loss / 2


def between_the_limits(g):
    return {"d_loss": 0.2 + 1.1 * torch.rand(5, generator=g)}


def nearly_the_same(g):
    return {"d_loss": 2 * math.log(2) - 0.2 * torch.rand(4, generator=g)}


def nearly_apart(g):
    return {"d_loss": 0.1 * torch.rand(6, generator=g)}


JENSEN_SHANNON = Exercise(
    name="gans.jensen_shannon",
    points=2,
    asks="JS(p_data, p_G) in nats, from the loss of the best D, which is 2 log 2 - 2 JS",
    reference=jensen_shannon,
    inputs=[between_the_limits, nearly_the_same, nearly_apart],
    mistakes={
        "You forgot the 2 in front of JS: 2 JS = 2 log 2 - loss.": lambda loss: 2 * math.log(2) - loss,
        "You halved the loss, but not the 2 log 2.": lambda loss: 2 * math.log(2) - loss / 2,
        "You halved 2 log 2, but not the loss.": lambda loss: math.log(2) - loss,
        "The sign is the other way round. A large loss means that D cannot tell: then JS is small.": lambda loss: (
            loss / 2 - math.log(2)
        ),
        "That is half of the loss. JS is what is missing to log 2.": lambda loss: loss / 2,
        "That is in bits. log 2 nats are one bit; the answer should be in nats.": lambda loss: (
            1 - loss / (2 * math.log(2))
        ),
        "You took a decimal logarithm. math.log is the natural one.": lambda loss: math.log10(2) - loss / 2,
        "You halved log 2 as well. Only 2 log 2 and the loss are halved.": lambda loss: (math.log(2) - loss) / 2,
        "Your log 2 is not 0.693. math.log(2) is the natural logarithm.": (
            lambda loss: 2 - loss / 2,
            lambda loss: 1 - loss / 2,
            lambda loss: (4 - loss) / 2,
        ),
        "You added where the formula subtracts.": lambda loss: math.log(2) + loss / 2,
    },
)


# ---------------------------------------------------------------- G's two losses


def generator_gradients(logits):
    """d/da of log(1 - D) and of -log D at each logit a, D = sigmoid(a): (n,) -> (n,), (n,)."""
    return -torch.sigmoid(logits), -torch.sigmoid(-logits)


def around_0(g):
    return {"logits": _normal(g, 9, sd=1.5)}


def d_is_sure_that_they_are_fake(g):
    return {"logits": _normal(g, 12, mean=-7.0)}


def d_is_fooled(g):
    return {"logits": _normal(g, 9, mean=5.0, sd=2.0)}


def far_out(g):
    return {"logits": torch.cat([_normal(g, 6, mean=-200.0), _normal(g, 6, mean=200.0), _normal(g, 3)])}


def _by_autograd(loss):
    def gradient(logits):
        a = logits.clone().requires_grad_()
        loss(a).sum().backward()
        return a.grad

    return gradient


GENERATOR_GRADIENTS = Exercise(
    name="gans.generator_gradients",
    points=4,
    asks="the derivative with respect to D's logit of log(1 - D) and of -log D, at each logit",
    reference=generator_gradients,
    inputs=[around_0, d_is_sure_that_they_are_fake, d_is_fooled, far_out],
    parts=("minimax", "trick"),
    mistakes={
        "The order is the other way round: first minimax, then the trick.": lambda a: generator_gradients(a)[::-1],
        "Both have the wrong sign. Both losses fall when the logit rises.": lambda a: (
            torch.sigmoid(a),
            torch.sigmoid(-a),
        ),
        "The sign of the first is wrong: log(1 - D) falls when the logit rises.": lambda a: (
            torch.sigmoid(a),
            -torch.sigmoid(-a),
        ),
        "The sign of the second is wrong: -log D falls when the logit rises.": lambda a: (
            -torch.sigmoid(a),
            torch.sigmoid(-a),
        ),
        "You differentiated with respect to D. The chain rule goes on: dD/da = D (1 - D).": lambda a: (
            -1 / (1 - torch.sigmoid(a)),
            -1 / torch.sigmoid(a),
        ),
        "Those are the losses themselves. Their derivatives are asked.": lambda a: (-softplus(a), softplus(-a)),
        "You gave the derivative of minimax twice.": lambda a: (-torch.sigmoid(a), -torch.sigmoid(a)),
        "You gave the derivative of the trick twice.": lambda a: (-torch.sigmoid(-a), -torch.sigmoid(-a)),
        "You stopped at dD/da = D (1 - D). The derivative of the log, 1 / D or 1 / (1 - D), is a second factor.": (
            lambda a: (-torch.sigmoid(a) * torch.sigmoid(-a), -torch.sigmoid(a) * torch.sigmoid(-a))
        ),
        "The logit far out was rounded: sigmoid gave exactly 0 or 1, and then 0 / 0. Simplify by hand first, or "
        "differentiate logsigmoid.": (
            lambda a: (
                _by_autograd(lambda a: torch.log(1 - torch.sigmoid(a)))(a),
                _by_autograd(lambda a: -torch.log(torch.sigmoid(a)))(a),
            ),
            lambda a: (
                -torch.sigmoid(a) * (1 - torch.sigmoid(a)) / (1 - torch.sigmoid(a)),
                -torch.sigmoid(a) * (1 - torch.sigmoid(a)) / torch.sigmoid(a),
            ),
            lambda a: (-torch.exp(a) / (1 + torch.exp(a)), -1 / (1 + torch.exp(a))),
        ),
        "You divided by n. Here each logit stands for itself; there is no mean.": lambda a: (
            -torch.sigmoid(a) / len(a),
            -torch.sigmoid(-a) / len(a),
        ),
    },
)


def forgeries_half_as_good(g):
    return {"fake": _normal(g, 7, mean=-0.7, sd=1.5)}


def forgeries_that_are_seen_through(g):
    return {"fake": _normal(g, 9, mean=-9.0)}


def forgeries_that_fool(g):
    return {"fake": _normal(g, 8, mean=2.0)}


def forgeries_far_out(g):
    return {"fake": _normal(g, 6, mean=-180.0, sd=5.0)}


GENERATOR_LOSS = Exercise(
    name="gans.generator_loss",
    points=3,
    asks="the non-saturating loss of G in nats, -mean log D(G(z)), from the logits of forgeries",
    reference=non_saturating,
    inputs=[
        forgeries_half_as_good,
        forgeries_that_are_seen_through,
        forgeries_that_fool,
        forgeries_far_out,
    ],
    mistakes={
        "That is the minimax loss, mean log(1 - D(G(z))). The trick replaces it.": lambda f: -softplus(f).mean(),
        "That is D's loss on forgeries. G wants the opposite: D should say real.": lambda f: softplus(f).mean(),
        "The sign is the other way round: G maximizes log D, so its loss is -log D.": lambda f: logsigmoid(f).mean(),
        "The sigmoid came twice. logsigmoid, softplus and binary_cross_entropy_with_logits take logits.": lambda f: (
            softplus(-f.sigmoid()).mean()
        ),
        "You left the log out.": lambda f: -f.sigmoid().mean(),
        "You added up the points. The lecture's E is a mean.": lambda f: softplus(-f).sum(),
        "You took the log of a number that was rounded to 0. logsigmoid(a) is log D for any logit.": (
            lambda f: -f.sigmoid().log().mean(),
            lambda f: _bce(f, 1.0),
            lambda f: -(f.sigmoid() + 1e-8).log().mean(),
        ),
        "First the log of each, then the mean. You took the log of a mean.": lambda f: -f.sigmoid().mean().log(),
        "fake holds logits, any numbers. D is their sigmoid.": lambda f: -f.log().mean(),
        "That is minus the mean logit, a Wasserstein critic's. The trick is -mean log D.": lambda f: -f.mean(),
        "You divided by 2. G's loss is one mean.": lambda f: non_saturating(f) / 2,
    },
)


# ---------------------------------------------------------------- a step of each player


def no_gradient_through_g(call, g):
    passes = call({**a_game_at_its_start(g), "lr": 0.0}).item()
    return "Gradients went through G, too. G is fixed here: detach the forgeries." if passes else ""


def _game(g, n, shift, lr, sd=1.0):
    theta = [_normal(g, length, sd=0.7) for length in LENGTHS]
    x = torch.tensor(shift) + _normal(g, n, 2, sd=sd)
    return {"theta_d": theta[0], "theta_g": theta[1], "x": x, "z": _normal(g, n, 2), "lr": lr}


def a_game_at_its_start(g):
    return _game(g, 8, [2.0, -1.0], 0.2)


def narrow_data(g):
    return _game(g, 24, [-1.5, 0.5], 0.5, sd=0.1)


def data_far_away(g):
    return _game(g, 20, [6.0, 4.0], 0.1)


RIGHT_ORDER = ("zero_grad", "backward", "step")


def _in_order(order, optimizer, loss):
    for line in order:
        {"zero_grad": optimizer.zero_grad, "backward": loss.backward, "step": optimizer.step}[line]()


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


DISCRIMINATOR_STEP = Exercise(
    name="gans.discriminator_step",
    points=4,
    asks="the parameters of D and G after two steps of D",
    reference=discriminator_step,
    inputs=[a_game_at_its_start, narrow_data, data_far_away],
    adapter=on_d,
    laws={"no gradient goes through G": no_gradient_through_g},
    mistakes={
        "The gradients of earlier steps were still there: call optimizer.zero_grad() before loss.backward().": (
            _d_step(cross_entropy, ("backward", "step"))
        ),
        "D did not move. After loss.backward() comes optimizer.step(), and no zero_grad in between.": (
            _d_step(cross_entropy, ("zero_grad", "backward")),
            _d_step(cross_entropy, ("backward", "zero_grad", "step")),
        ),
        "The order of the last lines: first loss.backward(), then optimizer.step().": _d_step(
            cross_entropy, ("step", "zero_grad", "backward")
        ),
        "D went the wrong way. The labels are swapped, or the loss has the wrong sign.": (
            _d_step(lambda r, f: softplus(r).mean() + softplus(-f).mean()),
            _d_step(lambda r, f: -cross_entropy(r, f)),
        ),
        "The forgeries taught D nothing. Is their term in the loss, and does detach stand around G(z), not around "
        "D(G(z))?": (
            _d_step(lambda r, f: softplus(-r).mean() + 0 * f.sum()),
            _d_step(lambda r, f: cross_entropy(r, f.detach())),
        ),
        "Old gradients were still there in your first step: call optimizer.zero_grad() before loss.backward(), not "
        "after optimizer.step().": _d_step(cross_entropy, ("backward", "step", "zero_grad")),
        "D looked at z. It should look at forgeries, G(z).": _d_sees(lambda G, x, z: z),
        "You made forgeries out of data. G takes noise: G(z).": _d_sees(lambda G, x, z: G(x)),
        "G moved, too. In D's step G is fixed: step only with the optimizer of D.": _g_moves_with_d,
        "D saw no data. Its loss has two terms.": _d_step(lambda r, f: softplus(f).mean() + 0 * r.sum()),
        "That is G's loss. In this step D learns to tell apart.": _d_step(lambda r, f: softplus(-f).mean()),
        "The sigmoid came twice: D answers with logits, and the loss takes logits.": _d_step(
            lambda r, f: cross_entropy(r.sigmoid(), f.sigmoid())
        ),
        "You added up the points. The loss is the sum of two means.": _d_step(
            lambda r, f: softplus(-r).sum() + softplus(f).sum()
        ),
        "You divided the loss by 2. It is the sum of two means.": _d_step(lambda r, f: cross_entropy(r, f) / 2),
    },
)


def _without_data(arguments):
    return {name: a for name, a in arguments.items() if name != "x"}


def forgeries_at_their_start(g):
    return _without_data(_game(g, 8, [0.0, 0.0], 0.2))


def a_large_step(g):
    return _without_data(_game(g, 30, [0.0, 0.0], 1.5))


def a_single_forgery_each(g):
    return _without_data(_game(g, 2, [0.0, 0.0], 0.4))


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


GENERATOR_STEP = Exercise(
    name="gans.generator_step",
    points=4,
    asks="the parameters of G and D after two steps of G with the non-saturating loss",
    reference=generator_step,
    inputs=[forgeries_at_their_start, a_large_step, a_single_forgery_each],
    adapter=on_g,
    mistakes={
        "That is the minimax loss. The non-saturating loss is asked: -mean log D(G(z)).": _g_step(
            lambda f: -softplus(f).mean()
        ),
        "G went the wrong way: it made -log D larger.": _g_step(lambda f: -non_saturating(f)),
        "That is D's loss on forgeries: G helped D to see through them.": _g_step(lambda f: softplus(f).mean()),
        "G did not move. Does D look at G(z), without detach, which belongs to D's step, and is G's step taken?": (
            _g_step(non_saturating, ("zero_grad", "backward")),
            _g_step(non_saturating, fake=lambda G, z: G(z).detach()),
            _g_step(non_saturating, fake=lambda G, z: z),
            _g_step(non_saturating, ("backward", "zero_grad", "step")),
        ),
        "The gradients of earlier steps were still there: call optimizer.zero_grad() before loss.backward().": (
            _g_step(non_saturating, ("backward", "step"))
        ),
        "D moved, too. In G's step D is fixed: step only with the optimizer of G.": _both_move,
        "The sigmoid came twice: D answers with logits, and the loss takes logits.": _g_step(
            lambda f: non_saturating(f.sigmoid())
        ),
        "You added up the points. The loss is a mean.": _g_step(lambda f: softplus(-f).sum()),
        "Old gradients were still there in your first step: call optimizer.zero_grad() before loss.backward(), not "
        "after optimizer.step().": _g_step(non_saturating, ("backward", "step", "zero_grad")),
        "You divided the loss by 2. It is one mean.": _g_step(lambda f: non_saturating(f) / 2),
        "You left the log out: the loss is -mean log D.": _g_step(lambda f: -f.sigmoid().mean()),
        "You used the logit itself, without log D.": _g_step(lambda f: -f.mean()),
    },
)


# ---------------------------------------------------------------- alternating


def play(d_step, g_step, x, rounds, ratio, n, rng):
    """rounds times: ratio[0] steps of D, then ratio[1] steps of G, each on a fresh batch of n."""
    d_steps, g_steps = ratio
    for _ in range(rounds):
        for _ in range(d_steps):
            rows = torch.randint(len(x), (n,), generator=rng)
            d_step(x[rows], torch.randn(n, 2, generator=rng))
        for _ in range(g_steps):
            g_step(torch.randn(n, 2, generator=rng))


def _rounds(g, rounds, d_steps, g_steps, n):
    x = _normal(g, 50, 2)
    return {"x": x, "rounds": rounds, "d_steps": d_steps, "g_steps": g_steps, "n": n, "rng": Seed(5)}


def five_to_one(g):
    return _rounds(g, 4, 5, 1, 8)


def one_to_three(g):
    return _rounds(g, 6, 1, 3, 16)


def two_to_three(g):
    return _rounds(g, 3, 2, 3, 10)


def d_alone(g):
    return _rounds(g, 7, 4, 0, 5)


def _batch(x, n, g):
    return x[torch.randint(len(x), (n,), generator=g)]


def _noise(n, g):
    return torch.randn(n, 2, generator=g)


def _g_first(d_step, g_step, x, rounds, ratio, n, g):
    for _ in range(rounds):
        for _ in range(ratio[1]):
            g_step(_noise(n, g))
        for _ in range(ratio[0]):
            d_step(_batch(x, n, g), _noise(n, g))


def _z_once(d_step, g_step, x, rounds, ratio, n, g):
    z = _noise(n, g)
    for _ in range(rounds):
        for _ in range(ratio[0]):
            d_step(_batch(x, n, g), z)
        for _ in range(ratio[1]):
            g_step(z)


def _z_each_round(d_step, g_step, x, rounds, ratio, n, g):
    for _ in range(rounds):
        z = _noise(n, g)
        for _ in range(ratio[0]):
            d_step(_batch(x, n, g), z)
        for _ in range(ratio[1]):
            g_step(z)


def _all_in_each_round(d_step, g_step, x, rounds, ratio, n, g):
    for _ in range(rounds):
        z, batch = _noise(n, g), _batch(x, n, g)
        for _ in range(ratio[0]):
            d_step(batch, z)
        for _ in range(ratio[1]):
            g_step(z)


def _batch_each_round(d_step, g_step, x, rounds, ratio, n, g):
    for _ in range(rounds):
        batch = _batch(x, n, g)
        for _ in range(ratio[0]):
            d_step(batch, _noise(n, g))
        for _ in range(ratio[1]):
            g_step(_noise(n, g))


def _first_rows(d_step, g_step, x, rounds, ratio, n, g):
    for _ in range(rounds):
        for _ in range(ratio[0]):
            d_step(x[:n], _noise(n, g))
        for _ in range(ratio[1]):
            g_step(_noise(n, g))


def _one_batch(d_step, g_step, x, rounds, ratio, n, g):
    batch = _batch(x, n, g)
    play(lambda _, z: d_step(batch, z), g_step, x, rounds, ratio, n, g)


def _from_the_first(d_step, g_step, x, rounds, ratio, n, g):
    play(lambda _, z: d_step(x[torch.randint(n, (n,), generator=g)], z), g_step, x, rounds, ratio, n, g)


def _gs_old_z(d_step, g_step, x, rounds, ratio, n, g):
    z = _noise(n, g)
    for _ in range(rounds):
        for _ in range(ratio[0]):
            z = _noise(n, g)
            d_step(_batch(x, n, g), z)
        for _ in range(ratio[1]):
            g_step(z)


def _z_each_round_for_d(d_step, g_step, x, rounds, ratio, n, g):
    for _ in range(rounds):
        z = _noise(n, g)
        for _ in range(ratio[0]):
            d_step(_batch(x, n, g), z)
        for _ in range(ratio[1]):
            g_step(_noise(n, g))


def _z_each_round_for_g(d_step, g_step, x, rounds, ratio, n, g):
    for _ in range(rounds):
        for _ in range(ratio[0]):
            d_step(_batch(x, n, g), _noise(n, g))
        z = _noise(n, g)
        for _ in range(ratio[1]):
            g_step(z)


def _all_data(d_step, g_step, x, rounds, ratio, n, g):
    for _ in range(rounds):
        for _ in range(ratio[0]):
            d_step(x, _noise(n, g))
        for _ in range(ratio[1]):
            g_step(_noise(n, g))


def _one_each(d_step, g_step, x, rounds, ratio, n, g):
    for _ in range(rounds):
        d_step(_batch(x, n, g), _noise(n, g))
        g_step(_noise(n, g))


def _nested(d_step, g_step, x, rounds, ratio, n, g):
    for _ in range(rounds):
        for _ in range(ratio[0]):
            d_step(_batch(x, n, g), _noise(n, g))
            for _ in range(ratio[1]):
                g_step(_noise(n, g))


def _all_d_first(d_step, g_step, x, rounds, ratio, n, g):
    for _ in range(rounds * ratio[0]):
        d_step(_batch(x, n, g), _noise(n, g))
    for _ in range(rounds * ratio[1]):
        g_step(_noise(n, g))


def _same_game(got, expected):
    same = close(got, expected)
    same[..., -1, 2] = True  # what rng drew: the law below
    return same


def follows_the_generator(call, g):
    table = call(two_to_three(g))
    if table[:15, 0].tolist() != 3 * [1, 1, 2, 2, 2]:
        return "The steps do not come in their order yet."
    if not table[-1, 2]:
        return "You drew without rng. Pass generator=rng to torch.randint and torch.randn."
    return ""


ALTERNATE = Exercise(
    name="gans.alternate",
    points=4,
    asks="for each step: player (1 is D, 2 is G), is z new, are the data new; last, whether rows of all x were drawn",
    reference=play,
    inputs=[five_to_one, one_to_three, two_to_three, d_alone],
    adapter=on_records,
    same=_same_game,
    laws={"drawn by the generator": follows_the_generator},
    mistakes={
        "The ratio is on the wrong player. ratio is (d_steps, g_steps).": lambda d, s, x, rounds, ratio, n, g: play(
            d, s, x, rounds, ratio[::-1], n, g
        ),
        "G went first. In each round D steps first, so that G learns from a D that knows its latest forgeries.": (
            _g_first
        ),
        "z was drawn once for the whole game, so G learns to place these few points only. Draw z anew in each step.": (
            _z_once
        ),
        "z was drawn once a round. Draw z anew in each step.": (_z_each_round),
        "z and the batch were drawn once a round. Draw both anew in each step.": _all_in_each_round,
        "The batch was drawn once a round. Draw another batch of data in each step of D.": _batch_each_round,
        "D saw the same rows in every step. Draw n rows at random, anew in each step.": (_first_rows, _one_batch),
        "D saw only the first n rows of x. Draw from all: torch.randint(len(x), (n,)).": _from_the_first,
        "D saw all data in each step. Draw n rows at random.": _all_data,
        "G used the z of D's last step again. Draw z anew in each step.": _gs_old_z,
        "z was drawn once a round for D. Draw it anew in each step.": _z_each_round_for_d,
        "z was drawn once a round for G. Draw it anew in each step.": _z_each_round_for_g,
        "You played one round too many. range(rounds) gives as many as rounds says.": (
            lambda d, s, x, rounds, ratio, n, g: play(d, s, x, rounds + 1, ratio, n, g)
        ),
        "Each player took one step a round, whatever the ratio.": _one_each,
        "The loop for G stands inside of the loop for D. First all d_steps, then all g_steps.": _nested,
        "All steps of D came before all steps of G. They alternate, round by round.": _all_d_first,
        "You played one round too few. range(rounds) gives as many as rounds says.": (
            lambda d, s, x, rounds, ratio, n, g: play(d, s, x, rounds - 1, ratio, n, g)
        ),
        "You played one round only.": lambda d, s, x, rounds, ratio, n, g: play(d, s, x, 1, ratio, n, g),
    },
)


# ---------------------------------------------------------------- how far from the truth


def sliced_wasserstein(x, y, directions):
    """Mean over directions of the 1-D distance between the projections: (n, d), (n, d), (m, d) -> ()."""
    a = (x @ directions.T).sort(0).values  # (n, m)
    b = (y @ directions.T).sort(0).values
    return (a - b).abs().mean()


def _clouds(g, n, d, m, shift, sd):
    u = _normal(g, m, d)
    x, y = _normal(g, n, d), shift + _normal(g, n, d, sd=sd)
    return {"x": x, "y": y, "directions": u / u.norm(dim=1, keepdim=True)}


def shifted_clouds(g):
    return _clouds(g, 12, 2, 5, 1.5, 1.0)


def a_wider_cloud(g):
    return _clouds(g, 40, 2, 9, 0.0, 3.0)


def three_dimensional_clouds(g):
    return _clouds(g, 15, 3, 4, -0.7, 0.5)


def an_eightfold_cloud(g):
    return _clouds(g, 9, 8, 12, 0.4, 2.0)


def _projected(x, y, u, sort=True):
    a, b = x @ u.T, y @ u.T
    return (a.sort(0).values - b.sort(0).values) if sort else a - b


SLICED_WASSERSTEIN = Exercise(
    name="gans.sliced_wasserstein",
    points=3,
    asks="the mean over directions of the 1-D Wasserstein distance between the projections of x and y",
    reference=sliced_wasserstein,
    inputs=[shifted_clouds, a_wider_cloud, three_dimensional_clouds, an_eightfold_cloud],
    mistakes={
        "The projections are not sorted. The i-th smallest of x belongs to the i-th smallest of y.": (
            lambda x, y, u: _projected(x, y, u, sort=False).abs().mean()
        ),
        "You sorted along the directions. Sort the points: along dimension 0 of (n, m).": lambda x, y, u: (
            ((x @ u.T).sort(1).values - (y @ u.T).sort(1).values).abs().mean()
        ),
        "You squared the differences. This distance is their mean absolute value.": (
            lambda x, y, u: _projected(x, y, u).square().mean(),
            lambda x, y, u: _projected(x, y, u).square().mean().sqrt(),
            lambda x, y, u: _projected(x, y, u).square().mean(0).sqrt().mean(),
        ),
        "You added up everything. Take the mean over points and directions.": lambda x, y, u: (
            _projected(x, y, u).abs().sum()
        ),
        "You sorted all directions together. Sort each column of (n, m) for itself.": lambda x, y, u: (
            ((x @ u.T).flatten().sort().values - (y @ u.T).flatten().sort().values).abs().mean()
        ),
        "sort gives values and indices. You compared the indices.": lambda x, y, u: (
            ((x @ u.T).sort(0).indices - (y @ u.T).sort(0).indices).abs().double().mean()
        ),
        "Without abs, differences to both sides cancel.": (
            lambda x, y, u: _projected(x, y, u).mean(),
            lambda x, y, u: _projected(x, y, u).mean().abs(),
        ),
        "You compared only the means of the projections.": lambda x, y, u: _projected(x, y, u).mean(0).abs().mean(),
        "You added up the points. Take their mean.": lambda x, y, u: _projected(x, y, u).abs().sum(0).mean(),
        "You added up the directions. Take their mean.": lambda x, y, u: _projected(x, y, u).abs().mean(0).sum(),
        "You took the largest distance over the directions. The mean is asked.": lambda x, y, u: (
            _projected(x, y, u).abs().mean(0).max()
        ),
        "Only the first direction was used.": lambda x, y, u: _projected(x, y, u[:1]).abs().mean(),
        "You sorted before projecting, coordinate by coordinate. Project first: sorting breaks the points apart.": (
            lambda x, y, u: ((x.sort(0).values - y.sort(0).values) @ u.T).abs().mean()
        ),
        "You sorted only one of the two.": (
            lambda x, y, u: ((x @ u.T).sort(0).values - y @ u.T).abs().mean(),
            lambda x, y, u: (x @ u.T - (y @ u.T).sort(0).values).abs().mean(),
        ),
        "You compared the coordinates and did not project.": lambda x, y, u: (
            (x.sort(0).values - y.sort(0).values).abs().mean()
        ),
        "A number for each direction came back. Take their mean.": lambda x, y, u: _projected(x, y, u).abs().mean(0),
    },
)


# ---------------------------------------------------------------- modes


def count_modes(x, means, sd):
    """Modes covered, and the share of points within 3 sd of one: (n, d), (k, d), number -> two numbers."""
    distance, mode = torch.cdist(x, means).min(1)
    good = distance <= 3 * sd
    counts = torch.bincount(mode[good], minlength=len(means))
    covered = (counts >= 0.1 * len(x) / len(means)).sum()
    return covered.item(), good.double().mean().item()


def _modes(g, k, n, sd, wide, lost, d=2, stray=0):
    means = 4 * torch.rand(k, d, generator=g).sort(0).values + 3 * torch.arange(k)[:, None]
    weights = torch.ones(k - lost)
    weights[0] = 0.25  # a mode that few points reach
    which = torch.multinomial(weights, n, replacement=True, generator=g)
    x = means[which] + wide * sd * _normal(g, n, d)
    if stray:
        x[:stray] = means[-1] + 0.1 * sd
    return {"x": x, "means": means, "sd": sd}


def two_modes_are_lost(g):
    return _modes(g, 6, 200, 0.2, 1.3, lost=2, stray=1)


def blurred_samples(g):
    return _modes(g, 5, 150, 0.15, 3.0, lost=1, stray=2)


def far_points_at_a_lost_mode(g):
    a = _modes(g, 5, 150, 0.15, 1.2, lost=1)
    a["x"][2:12] = a["means"][-1] + 4 * a["sd"]  # nearest to it, and not close
    return a


def collapsed_to_one(g):
    return _modes(g, 4, 120, 0.1, 1.6, lost=3, stray=2)


def three_dimensions(g):
    return _modes(g, 5, 260, 0.2, 1.5, lost=1, d=3, stray=3)


def _near(x, means):
    distance, mode = torch.cdist(x, means).min(1)
    return distance, mode


def _wrong_count(good=None, covered=None, quality=None):
    def wrong(x, means, sd):
        distance, mode = _near(x, means)
        close = distance <= 3 * sd if good is None else good(x, means, sd, distance, mode)
        counts = torch.bincount(mode[close], minlength=len(means))
        fair = 0.1 * len(x) / len(means)
        number = (counts >= fair).sum() if covered is None else covered(counts, fair, mode, means)
        share = close.double().mean() if quality is None else quality(close, counts, means)
        return float(number), float(share)

    return wrong


def _all_counts(mode, means):
    return torch.bincount(mode, minlength=len(means))


COUNT_MODES = Exercise(
    name="gans.count_modes",
    points=4,
    asks="how many modes are covered, and the share of points within 3 sd of the nearest mode",
    reference=count_modes,
    inputs=[two_modes_are_lost, blurred_samples, far_points_at_a_lost_mode, collapsed_to_one, three_dimensions],
    mistakes={
        "One stray point covers a mode with you. It should get at least a tenth of its fair share, 0.1 n / k points.": (
            _wrong_count(covered=lambda counts, fair, mode, means: (counts > 0).sum())
        ),
        "You counted points that are farther than 3 sd from their mode. Count the modes of good points, mode[good].": (
            _wrong_count(covered=lambda counts, fair, mode, means: (_all_counts(mode, means) >= fair).sum())
        ),
        "n is the number of all samples, the bad ones included.": _wrong_count(
            covered=lambda counts, fair, mode, means: (counts >= 0.1 * counts.sum() / len(means)).sum()
        ),
        "You averaged over the whole table. A sample is close or not: look at its nearest mode.": (
            lambda x, means, sd: (
                count_modes(x, means, sd)[0],
                (torch.cdist(x, means) <= 3 * sd).double().mean().item(),
            )
        ),
        "That is how many points are close, not their share.": _wrong_count(
            quality=lambda close, counts, means: close.sum()
        ),
        "You compared the squared distance with 3 sd.": (
            _wrong_count(good=lambda x, means, sd, distance, mode: distance.square() <= 3 * sd),
        ),
        "You took 1 sd for 3.": _wrong_count(good=lambda x, means, sd, distance, mode: distance <= sd),
        "The order is the other way round: first the number of modes, then the share.": lambda *a: (
            count_modes(*a)[1],
            count_modes(*a)[0],
        ),
        "You counted the modes that are lost.": _wrong_count(
            covered=lambda counts, fair, mode, means: (counts < fair).sum()
        ),
        "That is the share of modes covered. Their number is asked.": _wrong_count(
            covered=lambda counts, fair, mode, means: (counts >= fair).sum() / len(means)
        ),
        "You looked at each coordinate by itself. The Euclidean distance to the mean is asked.": _wrong_count(
            good=lambda x, means, sd, distance, mode: ((x - means[mode]).abs() <= 3 * sd).all(1)
        ),
        "That is the share of points that are far from every mode.": _wrong_count(
            quality=lambda close, counts, means: 1 - close.double().mean()
        ),
        "A mode needs a tenth of its fair share, 0.1 n / k. You asked for the whole of it, n / k.": _wrong_count(
            covered=lambda counts, fair, mode, means: (counts >= 10 * fair).sum()
        ),
        "The fair share is n / k. You forgot to divide by the number of modes.": _wrong_count(
            covered=lambda counts, fair, mode, means: (counts >= fair * len(means)).sum()
        ),
        "You returned the counts of all modes. How many of them are covered is asked.": lambda x, means, sd: (
            torch.bincount(_near(x, means)[1], minlength=len(means))
        ),
    },
)


# ---------------------------------------------------------------- the average of G


def average(thetas, decay):
    """a_1 = theta_1, then a_t = decay a_(t-1) + (1 - decay) theta_t; the last a: (t, P), number -> (P,)."""
    a = thetas[0]
    for theta in thetas[1:]:
        a = decay * a + (1 - decay) * theta
    return a


def _walk(g, t, P, decay):
    return {"thetas": 1 + _normal(g, t, P).cumsum(0), "decay": decay}


def a_short_walk(g):
    return _walk(g, 4, 5, 0.9)


def a_long_walk(g):
    return _walk(g, 60, 12, 0.95)


def half_and_half(g):
    return _walk(g, 7, 9, 0.6)


def _average_from(a, thetas, decay):
    for theta in thetas:
        a = decay * a + (1 - decay) * theta
    return a


AVERAGE = Exercise(
    name="gans.average",
    points=3,
    asks="the running average of theta_1, ..., theta_t after the last step, starting from theta_1",
    reference=average,
    inputs=[a_short_walk, a_long_walk, half_and_half],
    mistakes={
        "decay is on the wrong one: it is the weight of the old average, which is nearly 1.": lambda t, decay: (
            _average_from(t[0], t[1:], 1 - decay)
        ),
        "Your average starts at 0. It should start at theta_1.": lambda t, decay: _average_from(
            torch.zeros_like(t[0]), t, decay
        ),
        "That is the plain mean of all steps. The running average forgets old ones.": lambda t, decay: t.mean(0),
        "That is the last theta. Nothing was averaged.": lambda t, decay: t[-1],
        "That is the first theta. Nothing was averaged.": lambda t, decay: t[0],
        "You went through the steps backwards.": lambda t, decay: _average_from(t[-1], t.flip(0)[1:], decay),
        "You forgot the factor 1 - decay.": lambda t, decay: _forgets(t, decay),
        "Only the last step was averaged. Take all steps, one after another.": lambda t, decay: (
            decay * t[-2] + (1 - decay) * t[-1]
        ),
        "You left out the last step.": lambda t, decay: average(t[:-1], decay),
        "You averaged over the parameters. Each has an average of its own.": lambda t, decay: average(
            t.mean(1, keepdim=True), decay
        ).expand(t.shape[1]),
        "You returned the averages after every step. The last one is asked.": lambda t, decay: torch.stack(
            [average(t[: i + 1], decay) for i in range(len(t))]
        ),
        "You left out theta_2: after thetas[0] comes thetas[1].": lambda t, decay: _average_from(t[0], t[2:], decay),
        "Your `return` stands inside the loop: only theta_2 was averaged in.": lambda t, decay: average(t[:2], decay),
        "You forgot the factor decay in front of the old average.": lambda t, decay: _keeps(t, decay),
    },
)


def _forgets(thetas, decay):
    a = thetas[0]
    for theta in thetas[1:]:
        a = decay * a + theta
    return a


def _keeps(thetas, decay):
    a = thetas[0]
    for theta in thetas[1:]:
        a = a + (1 - decay) * theta
    return a


EXERCISES = [
    DISCRIMINATOR_LOSS,
    OPTIMAL_DISCRIMINATOR,
    JENSEN_SHANNON,
    GENERATOR_GRADIENTS,
    GENERATOR_LOSS,
    DISCRIMINATOR_STEP,
    GENERATOR_STEP,
    ALTERNATE,
    SLICED_WASSERSTEIN,
    COUNT_MODES,
    AVERAGE,
]
