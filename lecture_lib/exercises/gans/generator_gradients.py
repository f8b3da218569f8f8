"""The derivative with respect to D's logit of log(1 - D) and of -log D, at each logit."""

import torch
from torch.nn.functional import softplus

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.gans import _normal


def generator_gradients(logits):
    """d/da of log(1 - D) and of -log D at each logit a, D = sigmoid(a): (n,) -> (n,), (n,)."""
    return -torch.sigmoid(logits), -torch.sigmoid(-logits)


def _by_autograd(loss):
    def gradient(logits):
        a = logits.clone().requires_grad_()
        loss(a).sum().backward()
        return a.grad

    return gradient


exercise = Exercise("gans.generator_gradients", points=4, reference=generator_gradients, parts=("minimax", "trick"))

exercise.case("around 0", lambda rng: {"logits": _normal(rng, 9, sd=1.5)})
exercise.case("d is sure that they are fake", lambda rng: {"logits": _normal(rng, 12, mean=-7.0)})
exercise.case("d is fooled", lambda rng: {"logits": _normal(rng, 9, mean=5.0, sd=2.0)})
exercise.case(
    "far out",
    lambda rng: {"logits": torch.cat([_normal(rng, 6, mean=-200.0), _normal(rng, 6, mean=200.0), _normal(rng, 3)])},
)

exercise.mistake(
    "The order is the other way round: first minimax, then the trick.", lambda a: generator_gradients(a)[::-1]
)
exercise.mistake(
    "Both have the wrong sign. Both losses fall when the logit rises.",
    lambda a: (
        torch.sigmoid(a),
        torch.sigmoid(-a),
    ),
)
exercise.mistake(
    "The sign of the first is wrong: log(1 - D) falls when the logit rises.",
    lambda a: (
        torch.sigmoid(a),
        -torch.sigmoid(-a),
    ),
)
exercise.mistake(
    "The sign of the second is wrong: -log D falls when the logit rises.",
    lambda a: (
        -torch.sigmoid(a),
        torch.sigmoid(-a),
    ),
)
exercise.mistake(
    "You differentiated with respect to D. The chain rule goes on: dD/da = D (1 - D).",
    lambda a: (
        -1 / (1 - torch.sigmoid(a)),
        -1 / torch.sigmoid(a),
    ),
)
exercise.mistake(
    "Those are the losses themselves. Their derivatives are asked.", lambda a: (-softplus(a), softplus(-a))
)
exercise.mistake("You gave the derivative of minimax twice.", lambda a: (-torch.sigmoid(a), -torch.sigmoid(a)))
exercise.mistake("You gave the derivative of the trick twice.", lambda a: (-torch.sigmoid(-a), -torch.sigmoid(-a)))
exercise.mistake(
    "You stopped at dD/da = D (1 - D). The derivative of the log, 1 / D or 1 / (1 - D), is a second factor.",
    lambda a: (-torch.sigmoid(a) * torch.sigmoid(-a), -torch.sigmoid(a) * torch.sigmoid(-a)),
)
exercise.mistake(
    "The logit far out was rounded: sigmoid gave exactly 0 or 1, and then 0 / 0. Simplify by hand first, or "
    "differentiate logsigmoid.",
    lambda a: (
        _by_autograd(lambda a: torch.log(1 - torch.sigmoid(a)))(a),
        _by_autograd(lambda a: -torch.log(torch.sigmoid(a)))(a),
    ),
    lambda a: (
        -torch.sigmoid(a) * (1 - torch.sigmoid(a)) / (1 - torch.sigmoid(a)),
        -torch.sigmoid(a) * (1 - torch.sigmoid(a)) / torch.sigmoid(a),
    ),
    lambda a: (-torch.exp(a) / (1 + torch.exp(a)), -1 / (1 + torch.exp(a))),
)
exercise.mistake(
    "You divided by n. Here each logit stands for itself; there is no mean.",
    lambda a: (
        -torch.sigmoid(a) / len(a),
        -torch.sigmoid(-a) / len(a),
    ),
)
