"""Which model, by trials with the same seeds: the fewest parameters that are not worse than the best beyond doubt."""

import math

import torch

from lecture_lib.exercises.engine import Exercise, normal


def choose(nats, parameters):
    """(i, difference, error) of the model with the fewest parameters among those not worse than the best beyond doubt.

    (models, seeds), (models,) -> three numbers. Beyond doubt: mean of nats - nats of the best > 2 standard errors.
    """
    difference, error = _differences(nats, nats.mean(1).argmin())
    i = torch.where(difference <= 2 * error, parameters, torch.inf).argmin()
    return torch.stack([i.to(nats), difference[i], error[i]])


def _differences(nats, best):
    """Mean over the seeds of nats - nats[best], and its standard error: twice (models,)."""
    gap = nats - nats[best]
    return gap.mean(1), gap.std(1) / math.sqrt(nats.shape[1])


def _trials(rng, seeds, first):
    """Of nine models, drawn until each wrong rule takes one of its own, and no decision hangs on a rounding.

    first: which of those that will do stands before the others, 6 (one error), 7 (the best) or 8 (the largest).
    """
    uniform = lambda low, high: low + (high - low) * torch.rand((), generator=rng).item()  # noqa: E731
    scale = uniform(0.02, 0.1)  # the standard error of the best one's mean
    while True:
        by_seed = _standard(rng, 1, seeds) * scale * math.sqrt(seeds)
        error = torch.tensor([0.5, 2.0, 0.3, 0.2, uniform(0.1, 0.3), 0.2, uniform(0.1, 0.3), 0, uniform(0.1, 0.3)])
        errors = [uniform(1.2, 1.8), uniform(12, 15), uniform(0.3, 0.8), 0, uniform(1.1, 1.8)]  # 5 will not do, 4 will
        difference = torch.tensor([8, 6, uniform(2.2, 2.6), uniform(0.6, 1.4), *errors])
        difference[4:] *= error[4:]
        own = error[:, None] * math.sqrt(seeds) * _standard(rng, 9, seeds)
        nats = uniform(1, 3) + by_seed + scale * (difference[:, None] + own)
        parameters = torch.randperm(40, generator=rng)[:9].sort().values.float() + 2
        place = torch.randperm(9, generator=rng)
        while min([4, 6, 7, 8], key=place.tolist().index) != first:
            place = torch.randperm(9, generator=rng)
        given = {"nats": nats[place], "parameters": parameters[place]}
        if place[taken(**given)].tolist() == [7, 0, 6, 1, 2, 3, first, 4]:
            return given


def _standard(rng, *shape):
    """Numbers of mean 0 and standard deviation 1 in each row."""
    z = normal(rng, *shape)
    return (z - z.mean(1, keepdim=True)) / z.std(1, keepdim=True)


def taken(nats, parameters):
    """The models that seven wrong rules take, each by its own, and last the one of `choose`: numbers."""
    best = nats.mean(1).argmin()
    difference, error = _differences(nats, best)
    spread, own = error * math.sqrt(nats.shape[1]), nats.std(1) / math.sqrt(nats.shape[1])
    unpaired = (own**2 + own[best] ** 2).sqrt()
    first = (difference <= 2 * error).int().argmax()
    allowed = (error, 2 * spread, 2 * unpaired, 2 * own[best])
    within = (torch.where(difference <= most, parameters, torch.inf).argmin() for most in allowed)
    return [int(i) for i in (best, parameters.argmin(), *within, first, choose(nats, parameters)[0])]


def the_best_alone_will_do(call, rng):
    nats = torch.tensor([3.0, 1.0, 2.0])[:, None] + normal(rng, 3, 10, sd=0.1)
    i, *rest = call({"nats": nats, "parameters": torch.tensor([4.0, 9.0, 6.0])}).tolist()
    if i == 1 and max(map(abs, rest)) < 1e-4:
        return ""
    return (
        "The others of 3 models are worse beyond doubt, and the best one, number 1, is not worse than itself: "
        f"difference <= 2 error, where both are 0. You returned number {i:g}, difference {rest[0]:.4g}."
    )


exercise = Exercise("likelihood.choose", points=3, reference=choose)

exercise.case("8 seeds", lambda rng: _trials(rng, 8, first=6))
exercise.case("20 seeds", lambda rng: _trials(rng, 20, first=7))
exercise.case("6 seeds", lambda rng: _trials(rng, 6, first=8))
exercise.case("12 seeds", lambda rng: _trials(rng, 12, first=6))
exercise.law("the best alone will do", the_best_alone_will_do)


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


exercise.slips(
    """
That is the lowest mean, which may be lowest by luck. Do you take the fewest parameters of all that are not worse
beyond doubt?
    parameters, torch.inf -> difference, torch.inf
    i.to(nats) -> difference.argmin()
That is the model with the fewest parameters of all. Do you leave out what is worse than the best beyond doubt?
    <= 2 * error -> <= torch.inf
    i.to(nats) -> parameters.argmin()
That is the smallest model within one standard error. Do you allow two?
    <= 2 * error -> <= error
    i.to(nats) -> torch.where(difference <= error, parameters, torch.inf).argmin()
That is the smallest model within two standard deviations of the differences. Do you allow two errors of their mean,
sd / sqrt(seeds)?
    2 * error and -> 2 * gap.std() and
    gap.std() / len(gap) ** 0.5 -> gap.std()
That is the smallest model by the error of two means with seeds of their own. Here the seeds are the same: subtract
first, seed by seed, and take the error of these differences.
    2 * error and -> 2 * ((nats[i].var() + nats[best].var()) / len(gap)).sqrt() and
    gap.std() -> (nats[i].var() + nats[best].var()).sqrt()
That is the smallest model by the error of the best one's mean. The spread of the differences, nats[i] - nats[best],
is asked.
    2 * error and -> 2 * nats[best].std() / len(gap) ** 0.5 and
    gap.std() -> nats[best].std()
You took each model's own error. The spread of the differences, nats[i] - nats[best], is asked.
    gap.std() -> nats[i].std()
That is the first model that is not worse beyond doubt. Do you take the one with the fewest parameters?
    (found is None or parameters[i] < parameters[found[0]]) -> found is None
    i.to(nats) -> (difference <= 2 * error).int().argmax()
That is the largest of the models that are not worse beyond doubt. The fewest parameters are asked.
    parameters[i] < -> parameters[i] >
The model is right. Its difference should be nats[i] - nats[best]: yours has the other sign.
    found = i, difference -> found = i, -difference
The model is right. Its mean nats are returned, and their difference to the best ones is asked.
    found = i, difference -> found = i, nats[i].mean()
The model is right. Its error should be that of the differences, std() / sqrt(seeds): yours is their std().
    found = i, difference, error -> found = i, difference, gap.std()
The model and its difference are right. Your third number is two errors, and one is asked.
    found = i, difference, error -> found = i, difference, 2 * error
The std divides by seeds - 1, as torch's std() does; numpy's needs ddof=1.
    gap.std() -> gap.std(correction=0)
Your first number is how many parameters the model has. Its number i is asked, the row of nats.
    i.to(nats) -> parameters[i]
You took a place among the models that are left, as in parameters[mask].argmin(). The row of nats is asked.
    i = torch.where(difference <= 2 * error, parameters, torch.inf) -> i = parameters[difference <= 2 * error]
The best is one model, that with the lowest mean over the seeds. You took the best one of each seed.
    nats - nats[best] -> nats - nats.amin(0)
"""
)
