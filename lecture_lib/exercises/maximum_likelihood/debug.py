"""SGD of a softmax histogram by autograd: a function that is to be repaired, since its curve swings and never lands."""

import torch

from lecture_lib.exercises.engine import Exercise


def train(x, batches, lr, k):
    """p after each step of SGD on theta, from theta = 0: (n,) levels, (steps, b), number, number -> (steps, k)."""
    theta, path = torch.zeros(k), torch.zeros(len(batches), k)
    for t in range(len(batches)):
        shares = torch.bincount(x[batches[t]], minlength=k) / batches.shape[1]
        theta = theta - lr * (theta.softmax(0) - shares)
        path[t] = theta.softmax(0)
    return path


def _levels(rng, n, steps, b, lr, k):
    """Levels of unequal shares, of which the highest never occurs; batches with replacement."""
    x = torch.multinomial(torch.rand(k - 1, generator=rng) + 0.1, n, replacement=True, generator=rng)
    batches = torch.randint(n, (steps, b), generator=rng)
    return {"x": x, "batches": batches, "lr": lr, "k": k}


def a_lone_level_wins(call, rng):
    """All points at one level: its share rises at every step, as no noise is left."""
    given = _levels(rng, n=20, steps=25, b=4, lr=1.0, k=5)
    p = call({**given, "x": torch.full((20,), 2)})[:, 2]
    if (p.diff() < 0).any():
        return "All points are at level 2, and its share falls in some step. It should rise in every one."
    return "" if p[-1] > 0.9 else f"All points are at level 2. After 25 steps of 1 its share is {p[-1]:.2f}, not 0.98."


exercise = Exercise("likelihood.debug", points=3, reference=train)
exercise.style(train)

exercise.case("one step", lambda rng: _levels(rng, n=12, steps=1, b=4, lr=0.8, k=3))
exercise.case("a few large steps", lambda rng: _levels(rng, n=40, steps=6, b=10, lr=2.0, k=5))
exercise.case("single points", lambda rng: _levels(rng, n=30, steps=20, b=1, lr=0.3, k=4))
exercise.law("where all points are at one level its share rises", a_lone_level_wins)


@exercise.style
def by_autograd(x, batches, lr, k):
    theta = torch.zeros(k, requires_grad=True)
    path = []
    for batch in batches:
        loss = -theta.log_softmax(0)[x[batch]].mean()
        theta.grad = None
        loss.backward()
        with torch.no_grad():
            theta -= lr * theta.grad
        path.append(theta.detach().softmax(0))
    return torch.stack(path)


exercise.slips(
    """
Nothing is repaired yet: these are the broken function's numbers. Print theta.grad in two steps in a row.
    -theta.log_softmax -> -theta.softmax(0).log_softmax; theta.grad = None -> pass
One fault is left: backward() adds to theta.grad. Clear it before, theta.grad = None, or each step repeats all earlier
ones.
    theta.grad = None -> pass
One fault is left: cross_entropy takes theta itself, and makes the softmax. Yours is the softmax of a softmax.
    -theta.log_softmax -> -theta.softmax(0).log_softmax
You walk uphill: subtract lr times the gradient.
    theta -= lr -> theta += lr
    theta -= lr -> theta += lr; -theta.log_softmax -> -theta.softmax(0).log_softmax
    theta -= lr -> theta += lr; theta.grad = None -> pass
You noted p before its step. Step first, then note.
    path = [] -> path = [torch.zeros(k).softmax(0)]; stack(path) -> stack(path[:-1])
That is theta. Its softmax p is asked, after each step.
    path[t] = theta.softmax(0) -> path[t] = theta
You added up the losses of the batch. Take their mean.
    .mean() -> .sum()
Each of your steps is that of the gradient at theta = 0. Take it where the last step ended; and nll_loss of theta
itself, without log_softmax, has the same slope everywhere.
    (theta.softmax(0) - shares) -> (1 / k - shares)
All your rows are equal: the same tensor was stored again and again, and went on changing. Store a copy.
    path[t] = -> path[:] =
You always took the first batch. Step t sees x[batches[t]].
    x[batches[t]] -> x[batches[0]]
Each step of yours sees all points. Step t sees x[batches[t]].
    [x[batch]] -> [x]
Nothing moves: all your rows are 1/k. Does each step change theta, and is theta.grad cleared before backward()?
    theta = theta - lr -> step = theta - lr
The log is missing in your loss: it is the mean of -log p, and yours that of -p.
    log_softmax -> softmax
    log_softmax -> softmax; theta.grad = None -> pass
"""
)
