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
    batches = torch.randint(n, (steps, b), generator=rng)
    return {"x": normal(rng, n, mean=1.0, sd=0.8), "batches": batches, "lr": lr, "mean": mean, "log_sd": log_sd}


exercise = Exercise("likelihood.sgd", points=4, reference=sgd)

exercise.case("one step", lambda rng: _run(rng, n=10, steps=1, b=3, lr=0.5))
exercise.case("batches of 5", lambda rng: _run(rng, n=40, steps=8, b=5, lr=0.3))
exercise.case("single points", lambda rng: _run(rng, n=20, steps=30, b=1, lr=0.02))
exercise.case("large batches", lambda rng: _run(rng, n=300, steps=4, b=100, lr=0.4, mean=3.0, log_sd=1.0))

exercise.slips(
    """
You walk uphill. The gradient points to more nats: subtract lr times the gradient.
    - lr * by -> + lr * by
You moved mean first, and took the derivative for log_sd at the new mean. Compute the whole gradient, then move both.
    lr * by_log_sd -> lr * gradient(x[batches[t]], mean, log_sd)[1].item()
Every step of yours begins at the start. Begin where the last step ended.
    mean = mean - -> m = mean -; log_sd = log_sd - -> s = log_sd -; [mean, log_sd] -> [m, s]
You added up the gradients of the batch. Take their mean.
    - lr * by -> - lr * batches.shape[1] * by
You used the numbers in batches as data. They say which points to take: x[batch].
    x[batches[t]] -> batches[t].float()
You took the one point x[t] in step t. It sees the points x[batches[t]].
    x[batches[t]] -> x[t]
Your path begins with the start. Only the places after a step are asked.
    = torch.cat([torch.tensor([[mean, log_sd]]), sgd(x, batches, lr, mean, log_sd)])
You noted each place before its step. Step first, then note.
    = torch.cat([torch.tensor([[mean, log_sd]]), sgd(x, batches, lr, mean, log_sd)[:-1]])
All your rows are equal: you stored the same tensor again and again, and it went on changing. Store a copy,
theta.clone().
    path[t] = -> path[:] =
Only the first step is done. Does your function return inside the loop?
    range(len(batches)) -> range(1)
    return path -> return path[:1]
    return path -> return path[0]
Your second column is sd. The walk is in log_sd, and log_sd is asked.
    [mean, log_sd] -> [mean, math.exp(log_sd)]
You took every gradient at the start. Take it where the last step ended.
    path = torch -> start, path = (mean, log_sd), torch; mean, log_sd).tolist() -> *start).tolist()
Your gradients add up, as backward() does unless theta.grad is cleared. Each step takes that of its batch alone.
    path = torch -> g, path = torch.zeros(2), torch; gradient( -> g.add_(gradient(; log_sd).tolist -> log_sd)).tolist
You always took the first batch. Step t sees x[batches[t]].
    x[batches[t]] -> x[batches[0]]
You took a step for each point of the batch. A batch is one step, along the mean of its gradients.
    = sgd(x, batches.reshape(-1, 1), lr, mean, log_sd)[batches.shape[1] - 1 :: batches.shape[1]]
"""
)
