"""Build, debug and choose of notebook 3: other right forms are right, a flow is judged by fresh points and its mass."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import AffineTransform, MultivariateNormal, Normal

from lecture_lib.exercises import EXERCISES, call_in_process, check, judge
from lecture_lib.exercises.flows import choose, moons_flow, net
from lecture_lib.sandbox.call import Outcome
from lecture_lib.sandbox.server import call as call_in_the_sandbox

HIDDEN = [None, 1812]


# ---------------------------------------------------------------- debug and choose


def log_prob_by_a_jacobian(x, mean, sd, ws):
    """One point at a time."""

    def back(x):
        a, b = (x - mean) / sd
        for w in ws.flip(0):
            shift, log_scale = net(a, w)
            a, b = (b - shift) / log_scale.exp(), a
        return torch.stack([a, b])

    z = torch.stack([back(row) for row in x])
    slopes = torch.stack([torch.linalg.slogdet(torch.func.jacrev(back)(row)).logabsdet for row in x])
    return MultivariateNormal(torch.zeros(2), torch.eye(2)).log_prob(z) + slopes


def log_prob_by_transforms(x, mean, sd, ws):
    standard = AffineTransform(mean, sd)
    z = standard.inv(x)
    total = -standard.log_abs_det_jacobian(z, x).sum(1)
    for w in list(ws)[::-1]:
        shift, log_scale = net(z[:, 0], w)
        z = torch.column_stack([(z[:, 1] - shift) * (-log_scale).exp(), z[:, 0]])
        total = total - log_scale
    return Normal(0.0, 1.0).log_prob(z).sum(-1) + total


def choose_by_numpy(nats, depths):
    nats = nats.double().numpy()
    kept = [(d, row.mean(), row.var(ddof=1) / len(row)) for d, row in zip(depths, nats) if np.isfinite(row).all()]
    _, lowest, variance = min(kept, key=lambda one: one[1])
    return min((d, m - lowest, np.sqrt(v + variance)) for d, m, v in kept if m - lowest <= 2 * np.sqrt(v + variance))


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize(
    "name, answer",
    [
        ("flows.debug", log_prob_by_a_jacobian),
        ("flows.debug", log_prob_by_transforms),
        ("flows.choose", choose_by_numpy),
    ],
)
def test_other_right_forms_get_all_points(name, answer, hidden):
    assert (report := check(name, answer, hidden=hidden)).points == report.out_of, report


@pytest.mark.parametrize("name", ["flows.debug", "flows.choose"])
def test_each_known_mistake_is_named_by_its_sentence(name):
    for sentence, wrong in EXERCISES[name].mistakes:
        report = check(name, wrong)
        assert report.points < report.out_of and any(sentence in why for why in report.whys), (sentence, report)


def test_no_rule_that_ignores_the_spread_decides_as_choose_does():
    for make in EXERCISES["flows.choose"].cases.values():
        for seed in range(5):
            given = make(torch.Generator().manual_seed(seed))
            right, blown = choose.choose(**given)[0], given["nats"].isinf().any()
            for name in ("lowest", "most", "one error", "spread", *(["luck"] if blown else [])):
                assert choose.OTHERS[name](**given)[0] != right, name


# ---------------------------------------------------------------- build: a flow on two moons


def gaussian(x, rng=None, low=0.0, scale=1.0, times=1.0, leak=0.0):
    """Not trained at all. times: mass that is too much; leak: what each point gets from the others of its batch."""
    normal = MultivariateNormal(x.mean(0) + low, scale * x.T.cov())
    return lambda x: normal.log_prob(x) + math.log(times) + leak * x.mean()


def the_truth(x, rng, worse=0.0):
    """A mixture of moons and a Gaussian, so many nats above the truth at the most."""
    other = gaussian(x, rng, scale=4.0)
    share = torch.tensor(math.exp(-worse))

    def log_prob(x):
        return torch.logaddexp(share.log() + moons_flow.MOONS.log_prob(x).float(), (1 - share + 1e-9).log() + other(x))

    return log_prob


@pytest.mark.parametrize(
    "answer, points",
    [
        (the_truth, 6),
        (lambda x, rng: the_truth(x, rng, 0.6), 4),
        (lambda x, rng: the_truth(x, rng, 0.8), 2),
        (gaussian, 0),
    ],
    ids=["truth", "0.6 nats worse", "0.8 nats worse", "a Gaussian"],
)
def test_a_density_gets_the_points_of_its_nats(answer, points):
    """With 100 seeds six affine couplings took 1.07 to 1.25 nats, one coupling 1.50 to 1.56."""
    exercise = EXERCISES["flows.moons_flow"]
    report = judge(exercise, call_in_process(answer, adapter=exercise.adapter))
    assert report.points == points, report


def test_a_flow_of_ones_own_gets_all_points_and_the_library_half_of_them():
    def own_flow(x, rng):
        return moons_flow.trained(x, rng, layers=6, steps=400)

    assert check("flows.moons_flow", own_flow, hidden=1812).points == 6

    def ready_made(x, rng):
        from lecture_lib.flows import Affine, Flow, Normal

        return Flow(Normal(2), [Affine.fit(x)]).log_prob if len(x) == 0 else the_truth(x, rng)

    report = check("flows.moons_flow", ready_made)
    assert report.points == 3 and any("uses Flow" in why for why in report.whys)


@pytest.mark.parametrize(
    "answer, words",
    [
        (lambda x, rng: None, "Your function returned None."),
        (lambda x, rng: x, "has type Tensor. Return a function"),
        (lambda x, rng: gaussian(x)(x), "has type Tensor. Return a function"),
        (lambda x, rng: lambda x: None, "Your log_prob returned None."),
        (lambda x, rng: lambda y: gaussian(x)(y).mean(), "gave shape (). It should be (10000,)"),
        (lambda x, rng: lambda y: gaussian(x)(y)[:, None], "gave shape (10000, 1)."),
        (lambda x, rng: lambda y: gaussian(x)(y) * torch.nan, "and a smaller step size helps."),
        (
            lambda x, rng: lambda y: gaussian(x)(y) + torch.where(y[:, 0] > 4.5, torch.inf, 0.0),
            "none of them a fresh one, your log_prob is NaN",
        ),
        (lambda x, rng: lambda y: -gaussian(x)(y), "These are the nats, -log p(x)"),
        (lambda x, rng: gaussian(x, times=1.2), "sums up to 1.2 over a box"),
        (lambda x, rng: gaussian(x, times=0.4), "sums up to 0.4 over a box"),
        (lambda x, rng: gaussian(x, times=2 * math.pi), "is log(2 pi) missing"),
        (lambda x, rng: gaussian(x, leak=1.0), "changes with the other points that are asked"),
        (lambda x, rng: lambda y: gaussian(x)(y) + torch.rand(len(y)), "or from call to call"),
        (gaussian, "At most 1.75 are asked here. A single Gaussian takes about 1.9."),
        (lambda x, rng: the_truth(x, rng, 0.8), "At most 1.45 are asked here. One coupling moves one coordinate"),
        (lambda x, rng: lambda y: gaussian(x)(y) + torch.where(y[:, 0] > 0, 0.0, -torch.inf), "sums up to 0."),
    ],
)
def test_what_is_no_density_or_a_poor_one_is_said(answer, words):
    report = check("flows.moons_flow", answer)
    assert report.points < 6 and any(words in why for why in report.whys), report


def test_who_knows_the_points_of_the_batch_gains_nothing():
    """A density of the asked points themselves, which are dense where fresh ones lie, is told by asking some again."""

    def spies(x, rng):
        def log_prob(points):
            near = torch.cdist(points[:, :], points[::5]) < 0.1
            return near.float().mean(1).clamp(min=1e-9).log() + 3

        return log_prob

    report = check("flows.moons_flow", spies)
    assert report.points == 0 and "changes with the other points" in report.whys[0]


def test_a_forged_answer_is_no_density():
    given = {**EXERCISES["flows.moons_flow"].cases["beyond one coupling: 1.45 nats"](torch.Generator().manual_seed(1))}
    for forged in (torch.zeros(()), torch.zeros(5), torch.zeros(len(given["points"])), torch.zeros(3, 2)):
        outcome = moons_flow.judged(lambda arguments, forged=forged: Outcome(forged.double()), given)
        assert outcome.value is None and "one number for each row" in outcome.problem


def test_it_is_asked_once_sees_no_limit_and_which_points_are_fresh_is_not_told():
    asked = []

    def counts(x, rng):
        asked.append(tuple(x.shape))
        return the_truth(x, rng)

    assert check("flows.moons_flow", counts).points == 6
    assert asked == [(2000, 2)]
    given = moons_flow._data(3)
    fresh = given["points"][given["fresh"]]
    assert not (fresh[:, None] == given["x"]).all(2).any() and 0.11 < given["fresh"][:9000].float().mean() < 0.15
    assert given["points"].dtype == given["x"].dtype


def test_out_of_the_sandbox_comes_the_same_density():
    request = {"call": "f", "parts": [], "adapter": "as_density"}
    request["arguments"] = [["x", ["tensor", None]], ["rng", ["seed", [3, 0]]], ["points", ["tensor", None]]]
    given = moons_flow._data(3)
    x, points = given["x"], given["points"][:500]
    there = call_in_the_sandbox({"f": gaussian}, request, [x, points])
    assert torch.allclose(there.value[:500], gaussian(x)(points).double())
    refused = call_in_the_sandbox({"f": lambda x, rng: 3}, request, [x, points])
    assert refused.value is None and refused.problem.startswith("What your function returned has type int.")
