"""The mean over directions of the 1-D Wasserstein distance between the projections of x and y."""

from lecture_lib.exercises.engine import Exercise, normal


def sliced_wasserstein(x, y, directions):
    """Mean over directions of the 1-D distance between the projections: (n, d), (n, d), (m, d) -> ()."""
    a = (x @ directions.T).sort(0).values  # (n, m)
    b = (y @ directions.T).sort(0).values
    return (a - b).abs().mean()


def _clouds(rng, n, d, m, shift, sd):
    u = normal(rng, m, d)
    x, y = normal(rng, n, d), shift + normal(rng, n, d, sd=sd)
    return {"x": x, "y": y, "directions": u / u.norm(dim=1, keepdim=True)}


exercise = Exercise("gans.sliced_wasserstein", points=3, reference=sliced_wasserstein)

exercise.case("shifted clouds", lambda rng: _clouds(rng, 12, 2, 5, 1.5, 1.0))
exercise.case("a wider cloud", lambda rng: _clouds(rng, 40, 2, 9, 0.0, 3.0))
exercise.case("three dimensional clouds", lambda rng: _clouds(rng, 15, 3, 4, -0.7, 0.5))
exercise.case("an eightfold cloud", lambda rng: _clouds(rng, 9, 8, 12, 0.4, 2.0))


@exercise.style
def in_steps(x, y, directions):
    a, b = ((points @ directions.T).sort(0).values for points in (x, y))
    return (a - b).abs().mean(0).mean()


exercise.style(sliced_wasserstein)

exercise.slips(
    """
The projections are not sorted. The i-th smallest of x belongs to the i-th smallest of y.
    .sort(0).values ->
You sorted only one of the two.
    (y @ directions.T).sort(0).values -> y @ directions.T
    (x @ directions.T).sort(0).values -> x @ directions.T
You squared the differences. This distance is their mean absolute value.
    .abs().mean() -> .square().mean(0).sqrt().mean()
You sorted all directions together. Sort each column of (n, m) for itself.
    .sort(0) -> .flatten().sort()
sort gives values and indices. You compared the indices.
    .values -> .indices.double()
You compared only the means of the projections.
    .sort(0).values -> .mean(0)
You sorted before projecting, coordinate by coordinate. Project first: sorting breaks the points apart.
    = ((x.sort(0).values - y.sort(0).values) @ directions.T).abs().mean()
You compared the coordinates and did not project.
    @ directions.T ->
"""
)
