"""Broadcasting: the table of all differences."""

from lecture_lib.exercises.engine import Exercise, normal


def differences(x, y):
    """The table x_i - y_j: (n,), (m,) -> (n, m)."""
    return x[:, None] - y


exercise = Exercise("start.differences", points=1, reference=differences)
exercise.style(differences)


@exercise.style
def by_unsqueeze(x, y):
    return x.unsqueeze(1) - y.unsqueeze(0)


exercise.case("4 and 6 numbers", lambda rng: {"x": normal(rng, 4), "y": normal(rng, 6)})
exercise.case("5 and 5 numbers", lambda rng: {"x": normal(rng, 5), "y": normal(rng, 5)})
exercise.case("1 and 3 numbers", lambda rng: {"x": normal(rng, 1), "y": normal(rng, 3)})

exercise.slips(
    """
You subtracted number by number. With shapes (n,) and (n,) torch takes the first from the first and so on; a table
needs a column: x[:, None].
    x[:, None] -> x
Your table is turned: row i belongs to x_i. The column is x[:, None], of shape (n, 1).
    x[:, None] - y -> x - y[:, None]
The sign: x_i - y_j is asked.
    x[:, None] - y -> y - x[:, None]
You multiplied. x_i - y_j is a difference.
    x[:, None] - y -> x[:, None] * y
You took absolute values. x_i - y_j has a sign.
    x[:, None] - y -> (x[:, None] - y).abs()
"""
)
