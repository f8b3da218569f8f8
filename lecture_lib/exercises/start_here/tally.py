"""bincount: how often each level comes up."""

import torch

from lecture_lib.exercises.engine import Exercise


def tally(levels, k):
    """How often each of 0, ..., k - 1 comes up: (n,) whole numbers, number -> (k,)."""
    return torch.bincount(levels, minlength=k)


exercise = Exercise("start.tally", points=1, reference=tally)
exercise.style(tally)


@exercise.style
def level_by_level(levels, k):
    counts = torch.zeros(k)
    for i in range(k):
        counts[i] = (levels == i).sum()
    return counts


exercise.case(
    "every level comes up",
    lambda rng: {"levels": torch.cat([torch.arange(4), torch.randint(4, (20,), generator=rng)]), "k": 4},
)
exercise.case("the last levels never do", lambda rng: {"levels": torch.randint(3, (12,), generator=rng), "k": 7})
exercise.case("a gap", lambda rng: {"levels": 2 * torch.randint(4, (15,), generator=rng), "k": 8})

exercise.slips(
    """
torch.bincount ends at the largest number that it has seen. With minlength=k there is a count for each level.
    levels, minlength=k -> levels
You returned shares. The counts are asked.
    minlength=k) -> minlength=k) / len(levels)
Only levels that come up are counted: unique leaves out the others. They have the count 0.
    = levels.unique(return_counts=True)[1]
    i in range(k) -> i, level in enumerate(levels.unique()); levels == i -> levels == level
You returned the levels in order. How often each comes up is asked.
    = levels.sort().values
You count from 1. The levels begin at 0.
    levels == i -> levels == i + 1
Each level counts once with you, however often it comes: = 1 writes it anew, and counts[levels] += 1 adds to each place
once. Use bincount, or += 1 in a loop.
    = torch.zeros(k).index_fill(0, levels, 1.0)
That is how often k comes, which is no level. Count each of 0 to k - 1.
    = (levels == k).sum()
"""
)
