"""Broadcasting along columns: points brought into the unit box."""

from lecture_lib.exercises.engine import Exercise, normal


def in_unit_box(x, low, high):
    """(x_ij - low_j) / (high_j - low_j), each column with its own: (n, d), (d,), (d,) -> (n, d)."""
    return (x - low) / (high - low)


exercise = Exercise("start.in_unit_box", points=1, reference=in_unit_box)
exercise.style(in_unit_box)


@exercise.style
def column_by_column(x, low, high):
    y = x.clone()
    for j in range(x.shape[1]):
        y[:, j] = (x[:, j] - low[j]) / (high[j] - low[j])
    return y


def _box(n, d):
    def make(rng):
        low = normal(rng, d)
        return {"x": normal(rng, n, d), "low": low, "high": low + 0.5 + normal(rng, d).abs()}

    return make


exercise.case("points in the plane", _box(6, 2))
exercise.case("as many points as dimensions", _box(3, 3))
exercise.case("one dimension", _box(4, 1))

exercise.slips(
    """
A parenthesis is missing: low comes off first, then all is divided.
    (x - low) / -> x - low /
The result should be divided by the width high - low, not by high.
    (high - low) -> high
You used the points' own smallest and largest numbers. low and high are given.
    = (x - x.amin(0)) / (x.amax(0) - x.amin(0))
That is the way back, out of the unit box: asked are 0 for low and 1 for high.
    = low + x * (high - low)
low is still to be subtracted.
    (x - low) -> x
Every column has edges of its own, low[j] and high[j]. You took one for all.
    = (x - low[0]) / (high[0] - low[0])
    = (x - low.min()) / (high.max() - low.min())
You gave each row an edge of its own. low[j] and high[j] are those of column j.
    range(x.shape[1]) -> range(len(x)); [:, j] -> [j]
Parentheses are missing: (x - low) / (high - low).
    = x - low / high - low
You say which points lie in the box. Where in it they lie is asked: (x - low) / (high - low).
    = ((x >= low) & (x <= high)).float()
"""
)
