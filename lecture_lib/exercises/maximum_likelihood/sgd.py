"""Mean and log_sd after each step of gradient descent on mini-batches."""

import torch

from lecture_lib.exercises.engine import Exercise, normal
from lecture_lib.exercises.maximum_likelihood.gradient import gradient


def sgd(x, batches, lr, mean, log_sd):
    """theta after each step theta - lr gradient(x[batch], theta): (n,), (steps, b), numbers -> (steps, 2)."""
    path = torch.zeros(len(batches), 2)
    for t in range(len(batches)):
        by_mean, by_log_sd = gradient(x[batches[t]], mean, log_sd).tolist()
        mean = mean - lr * by_mean
        log_sd = log_sd - lr * by_log_sd
        path[t] = torch.tensor([mean, log_sd])
    return path


def _run(rng, n, steps, b, lr, mean=-1.0, log_sd=0.7):
    batches = torch.stack([torch.randperm(n, generator=rng)[:b] for _ in range(steps)])
    return {"x": normal(rng, n, mean=1.0, sd=0.8), "batches": batches, "lr": lr, "mean": mean, "log_sd": log_sd}


def _one_after_the_other(x, batches, lr, mean, log_sd):
    path = []
    for batch in batches:
        mean = mean - lr * gradient(x[batch], mean, log_sd)[0].item()
        log_sd = log_sd - lr * gradient(x[batch], mean, log_sd)[1].item()
        path.append([mean, log_sd])
    return torch.tensor(path)


def _at_the_start(x, batches, lr, mean, log_sd):
    """Each step of the walk, as from the start."""
    return -lr * torch.stack([gradient(x[batch], mean, log_sd) for batch in batches])


def _with_the_start(*a):
    return torch.cat([torch.tensor([a[3:]]), sgd(*a)])


exercise = Exercise("likelihood.sgd", points=4, reference=sgd)

exercise.case("one step", lambda rng: _run(rng, n=10, steps=1, b=3, lr=0.5))
exercise.case("batches of 5", lambda rng: _run(rng, n=40, steps=8, b=5, lr=0.3))
exercise.case("single points", lambda rng: _run(rng, n=20, steps=30, b=1, lr=0.02))
exercise.case("large batches", lambda rng: _run(rng, n=300, steps=4, b=100, lr=0.4, mean=3.0, log_sd=1.0))

exercise.mistake(
    "You walk uphill. The gradient points to more nats: subtract lr times the gradient.",
    lambda x, batches, lr, *start: sgd(x, batches, -lr, *start),
)
exercise.mistake(
    "You moved mean first, and took the derivative for log_sd at the new mean. Compute the whole gradient, "
    "then move both.",
    _one_after_the_other,
)
exercise.mistake(
    "Every step of yours begins at the start. Begin where the last step ended.",
    lambda *a: torch.tensor(a[3:]) + _at_the_start(*a),
)
exercise.mistake(
    "You added up the gradients of the batch. Take their mean.",
    lambda x, batches, lr, *start: sgd(x, batches, lr * batches.shape[1], *start),
)
exercise.mistake(
    "You used the numbers in batches as data. They say which points to take: x[batch].",
    lambda x, *a: sgd(torch.arange(len(x)).float(), *a),
)
exercise.mistake(
    "You took the one point x[t] in step t. It sees the points x[batches[t]].",
    lambda x, batches, *a: sgd(x, torch.arange(len(batches)), *a),
)
exercise.mistake("Your path begins with the start. Only the places after a step are asked.", _with_the_start)
exercise.mistake("You noted each place before its step. Step first, then note.", lambda *a: _with_the_start(*a)[:-1])
exercise.mistake(
    "All your rows are equal: you stored the same tensor again and again, and it went on changing. Store a copy, "
    "theta.clone().",
    lambda *a: sgd(*a)[-1:].expand(len(a[1]), 2),
)
exercise.mistake(
    "Only the first step is done. Does your function return inside the loop?",
    lambda *a: torch.cat([sgd(*a)[:1], torch.zeros(len(a[1]) - 1, 2)]),
    lambda *a: sgd(*a)[:1],
    lambda *a: sgd(*a)[0],
)
exercise.mistake(
    "Your second column is sd. The walk is in log_sd, and log_sd is asked.",
    lambda *a: torch.stack([sgd(*a)[:, 0], sgd(*a)[:, 1].exp()], 1),
)
exercise.mistake(
    "You took every gradient at the start. Take it where the last step ended.",
    lambda *a: torch.tensor(a[3:]) + _at_the_start(*a).cumsum(0),
)
exercise.mistake(
    "You always took the first batch. Step t sees x[batches[t]].",
    lambda x, batches, *rest: sgd(x, batches[:1].expand_as(batches), *rest),
)
exercise.mistake(
    "You took a step for each point of the batch. A batch is one step, along the mean of its gradients.",
    lambda x, batches, *rest: sgd(x, batches.reshape(-1, 1), *rest)[batches.shape[1] - 1 :: batches.shape[1]],
)
