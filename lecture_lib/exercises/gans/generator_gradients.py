"""The derivative with respect to D's logit of log(1 - D) and of -log D, at each logit."""

import torch

from lecture_lib.exercises.engine import Exercise, normal


def generator_gradients(logits):
    """d/da of log(1 - D) and of -log D at each logit a, D = sigmoid(a): (n,) -> (n,), (n,)."""
    return -torch.sigmoid(logits), -torch.sigmoid(-logits)


exercise = Exercise("gans.generator_gradients", points=4, reference=generator_gradients, parts=("minimax", "trick"))

exercise.case("around 0", lambda rng: {"logits": normal(rng, 9, sd=1.5)})
exercise.case("d is sure that they are fake", lambda rng: {"logits": normal(rng, 12, mean=-7.0)})
exercise.case("d is fooled", lambda rng: {"logits": normal(rng, 9, mean=5.0, sd=2.0)})
exercise.case(
    "far out",
    lambda rng: {"logits": torch.cat([normal(rng, 6, mean=-800.0), normal(rng, 6, mean=800.0), normal(rng, 3)])},
)

exercise.slips(
    """
The order is the other way round: first minimax, then the trick.
    = generator_gradients(logits)[::-1]
You differentiated with respect to D. The chain rule goes on: dD/da = D (1 - D).
    = -1 / (1 - torch.sigmoid(logits)), -1 / torch.sigmoid(logits)
    = 1 / (1 - torch.sigmoid(logits)), -1 / torch.sigmoid(logits)
Those are the losses themselves. Their derivatives are asked.
    = -F.softplus(logits), F.softplus(-logits)
You gave the same derivative twice: that of minimax is -D, that of the trick -(1 - D).
    (-logits) -> (logits)
    (logits), -> (-logits),
You stopped at dD/da = D (1 - D). The derivative of the log, 1 / D or 1 / (1 - D), is a second factor.
    = -torch.sigmoid(logits) * torch.sigmoid(-logits), -torch.sigmoid(logits) * torch.sigmoid(-logits)
A number far out was rounded, to 0, 1 or infinity, and divided by one that was, too. Simplify by hand first, or
differentiate logsigmoid.
    = -(d := torch.sigmoid(logits)) * (1 - d) / (1 - d), -d * (1 - d) / d
    = -logits.exp() / (1 + logits.exp()), -1 / (1 + logits.exp())
Both are the sum of the two derivatives: backward() adds to .grad, which stays one tensor. Take torch.autograd.grad, or
a new leaf for the second.
    = -torch.ones_like(logits), -torch.ones_like(logits)
"""
)
