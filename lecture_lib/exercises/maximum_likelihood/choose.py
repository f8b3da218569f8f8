"""Which model, by trials with the same seeds: the fewest parameters that are not worse than the best beyond doubt."""

import math

import torch

from lecture_lib.exercises.engine import Exercise, normal


def choose(nats, parameters):
    """(i, difference, error): of the models that are not worse than the best beyond doubt that with the fewest.

    (models, seeds), (models,) -> three numbers. Beyond doubt: mean of nats - nats of the best > 2 standard errors.
    """
    difference, error = _differences(nats, nats.mean(1).argmin())
    i = torch.where(difference <= 2 * error, parameters, torch.inf).argmin()
    return torch.stack([i.to(nats), difference[i], error[i]])


def _differences(nats, best, correction=1):
    """Mean over the seeds of nats - nats[best], and its standard error: twice (models,)."""
    gap = nats - nats[best]
    return gap.mean(1), gap.std(1, correction=correction) / math.sqrt(nats.shape[1])


def _trials(rng, seeds, first):
    """Of eight models, drawn until each wrong rule takes one of its own, and no decision hangs on a rounding.

    first: which of those that will do stands before the others, 5 (one error), 6 (the best) or 7 (the largest).
    """
    uniform = lambda low, high: low + (high - low) * torch.rand((), generator=rng).item()  # noqa: E731
    scale = uniform(0.02, 0.1)  # the standard error of the best one's mean
    while True:
        by_seed = _standard(rng, 1, seeds) * scale * math.sqrt(seeds)
        error = torch.tensor([0.5, 2.0, 0.3, 0.2, uniform(0.1, 0.3), uniform(0.1, 0.3), 0, uniform(0.1, 0.3)])
        difference = torch.tensor([8, 6, uniform(2.2, 2.6), uniform(0.6, 1.4), 0, 0, 0, 0])
        difference[4:] = error[4:] * torch.tensor([uniform(1.2, 1.8), uniform(0.3, 0.8), 0, uniform(1.1, 1.8)])
        own = error[:, None] * math.sqrt(seeds) * _standard(rng, 8, seeds)
        nats = uniform(1, 3) + by_seed + scale * (difference[:, None] + own)
        parameters = torch.randperm(40, generator=rng)[:8].sort().values.float() + 2
        place = torch.randperm(8, generator=rng)
        while min([4, 5, 6, 7], key=place.tolist().index) != first:
            place = torch.randperm(8, generator=rng)
        given = nats[place], parameters[place]
        taken = [place[int(rule(*given)[0])].item() for rule in (*RULES, choose)]
        if taken == [6, 0, 5, 1, 2, 3, first, 4]:
            return {"nats": given[0], "parameters": given[1]}


def _standard(rng, *shape):
    """Numbers of mean 0 and standard deviation 1 in each row."""
    z = normal(rng, *shape)
    return (z - z.mean(1, keepdim=True)) / z.std(1, keepdim=True)


def _rule(allowed=lambda nats, best: 2 * _differences(nats, best)[1], order=lambda nats, parameters: parameters):
    """The least of order(...) among the models whose difference to the best is at most allowed(nats, best)."""

    def wrong(nats, parameters):
        best = nats.mean(1).argmin()
        difference, error = _differences(nats, best)
        will_do = difference <= allowed(nats, best)
        i = torch.where(will_do, order(nats, parameters), torch.inf).argmin()
        return torch.stack([i.to(nats), difference[i], error[i]])

    return wrong


def _unpaired(nats, best):
    """The errors of the two means, as if each model had seeds of its own."""
    error = nats.std(1) / math.sqrt(nats.shape[1])
    return 2 * (error**2 + error[best] ** 2).sqrt()


lowest = _rule(order=lambda nats, parameters: nats.mean(1))
fewest = _rule(allowed=lambda nats, best: torch.inf)
one_error = _rule(allowed=lambda nats, best: _differences(nats, best)[1])
spread = _rule(allowed=lambda nats, best: 2 * _differences(nats, best)[1] * math.sqrt(nats.shape[1]))
unpaired = _rule(allowed=_unpaired)
of_the_best = _rule(allowed=lambda nats, best: 2 * nats[best].std() / math.sqrt(nats.shape[1]))
first = _rule(order=lambda nats, parameters: torch.arange(len(nats)).float())
RULES = [lowest, fewest, one_error, spread, unpaired, of_the_best, first]

exercise = Exercise("likelihood.choose", points=3, reference=choose)

exercise.case("8 seeds", lambda rng: _trials(rng, 8, first=5))
exercise.case("20 seeds", lambda rng: _trials(rng, 20, first=6))
exercise.case("6 seeds", lambda rng: _trials(rng, 6, first=7))
exercise.case("12 seeds", lambda rng: _trials(rng, 12, first=5))


@exercise.style
def in_a_loop(nats, parameters):
    best = nats.mean(1).argmin()
    found = None
    for i in range(len(nats)):
        gap = nats[i] - nats[best]
        difference, error = gap.mean(), gap.std() / len(gap) ** 0.5
        if difference <= 2 * error and (found is None or parameters[i] < parameters[found[0]]):
            found = i, difference, error
    return torch.tensor(found)


def _number_of(wrong, right=choose):
    """The number of one, the difference and the error of another."""
    return lambda nats, parameters: torch.cat([wrong(nats, parameters)[:1], right(nats, parameters)[1:]])


def _numbers(formula):
    """The right model, and other numbers of it: formula(nats, i, best) -> difference, error."""

    def wrong(nats, parameters):
        i, *right = choose(nats, parameters)
        return torch.stack([i, *formula(nats, int(i), nats.mean(1).argmin(), *right)])

    return wrong


def _by_its_error(error):
    """The rule with another error: error(nats, best) -> (models,), which is returned, too."""

    def wrong(nats, parameters):
        best = nats.mean(1).argmin()
        difference, errors = _differences(nats, best)[0], error(nats, best)
        i = torch.where(difference <= 2 * errors, parameters, torch.inf).argmin()
        return torch.stack([i.to(nats), difference[i], errors[i]])

    return wrong


exercise.mistake(
    "That is the lowest mean, which may be lowest by luck. Do you take the fewest parameters of all that are not worse "
    "beyond doubt?",
    lowest,
    _number_of(lowest),
)
exercise.mistake(
    "That is the model with the fewest parameters of all. Do you leave out what is worse than the best beyond doubt?",
    fewest,
    _number_of(fewest),
)
exercise.mistake(
    "That is the smallest model within one standard error. Do you allow two?",
    one_error,
    _number_of(one_error),
)
exercise.mistake(
    "That is the smallest model within two standard deviations of the differences. Do you allow two errors of their "
    "mean, sd / sqrt(seeds)?",
    spread,
    _by_its_error(lambda nats, best: (nats - nats[best]).std(1)),
)
exercise.mistake(
    "That is the smallest model by the error of two means with seeds of their own. Here the seeds are the same: "
    "subtract first, seed by seed, and take the error of these differences.",
    unpaired,
    _by_its_error(lambda nats, best: _unpaired(nats, best) / 2),
)
exercise.mistake(
    "That is the smallest model by the error of the best one's mean. The spread of the differences, nats[i] - "
    "nats[best], is asked.",
    of_the_best,
    _by_its_error(lambda nats, best: (nats[best].std() / math.sqrt(nats.shape[1])).expand(len(nats))),
)
exercise.mistake(
    "You took each model's own error. The spread of the differences, nats[i] - nats[best], is asked.",
    _by_its_error(lambda nats, best: nats.std(1) / math.sqrt(nats.shape[1])),
)
exercise.mistake(
    "That is the first model that is not worse beyond doubt. Do you take the one with the fewest parameters?",
    first,
    _number_of(first),
)
exercise.mistake(
    "That is the largest of the models that are not worse beyond doubt. The fewest parameters are asked.",
    _rule(order=lambda nats, parameters: -parameters),
)
exercise.mistake(
    "The model is right. Its difference should be nats[i] - nats[best]: yours has the other sign.",
    _numbers(lambda nats, i, best, difference, error: (-difference, error)),
)
exercise.mistake(
    "The model is right. Its mean nats are returned, and their difference to the best ones is asked.",
    _numbers(lambda nats, i, best, difference, error: (nats[i].mean(), error)),
)
exercise.mistake(
    "The model is right. Its error should be that of the differences, std() / sqrt(seeds): yours is their std().",
    _numbers(lambda nats, i, best, difference, error: (difference, error * math.sqrt(nats.shape[1]))),
)
exercise.mistake(
    "The model and its difference are right. Your third number is two errors, and one is asked.",
    _numbers(lambda nats, i, best, difference, error: (difference, 2 * error)),
)
exercise.mistake(
    "The std divides by seeds - 1, as torch's std() does; numpy's needs ddof=1.",
    _by_its_error(lambda nats, best: _differences(nats, best, correction=0)[1]),
)
exercise.mistake(
    "Your first number is how many parameters the model has. Its number i is asked, the row of nats.",
    lambda nats, parameters: torch.cat(
        [parameters[choose(nats, parameters)[0].long()][None], choose(nats, parameters)[1:]]
    ),
)
exercise.mistake(
    "You compared along the wrong axis: a row is a model, a column a seed.",
    lambda nats, parameters: torch.stack(
        [(i := nats.mean(0).argmin()).to(nats), *(nats[:, i] - nats[:, 0]).mean()[None].expand(2)]
    ),
)
