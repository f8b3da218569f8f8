"""From which layer on the styles of B: the most of B's tone, where the class is A's beyond doubt."""

import torch

from lecture_lib.exercises.engine import Exercise


def choose(share, counts, tone, wanted):
    """The start with the largest tone among those with share - 2 errors >= wanted, else how many there are.

    error = sqrt(share (1 - share) / counts); three times (starts,), a number -> number.
    """
    sure = share - 2 * (share * (1 - share) / counts).sqrt() >= wanted
    return torch.where(sure, tone, -torch.inf).argmax() if sure.any() else len(counts)


def _experiment(rng, errors, counts, tone, wanted=0.6, before=(-30, 0.97), after=(8, 0.1)):
    """Shares that lie so many of their standard errors above wanted.

    before, after: errors and tone of further starts, none to two, so that no number of a start is known by heart.
    """
    first, last = torch.randint(3, (2,), generator=rng).tolist()
    errors = [before[0]] * first + errors + [after[0]] * last
    tone = [before[1]] * first + tone + [after[1] - 0.05 * i for i in range(last)]
    counts = counts[:1] * first + counts + counts[-1:] * last
    counts = torch.tensor(counts) + torch.randint(0, 1 + min(counts) // 10, (len(counts),), generator=rng)
    share = torch.full((len(counts),), wanted)
    for _ in range(30):
        share = (wanted + torch.tensor(errors) * (share * (1 - share) / counts).sqrt()).clamp(0.02, 0.99)
    luck = 0.02 * torch.rand(len(tone), generator=rng)
    return {"share": share, "counts": counts, "tone": torch.tensor(tone) + luck, "wanted": wanted}


def the_first_start_has_number_0(call, rng):
    share, tone = torch.tensor([0.9, 0.8]), torch.tensor([0.6, 0.3])
    found = call({"share": share, "counts": torch.tensor([400, 500]), "tone": tone, "wanted": 0.5}).item()
    return "" if found == 0 else f"Both of 2 starts are sure, and the first has the larger tone: 0. Yours is {found:g}."


exercise = Exercise("timeline.choose", points=3, reference=choose)


@exercise.case("some shares may be luck")
def _(rng):
    tone = [0.96, 0.92, 0.88, 0.84, 0.80, 0.76, 0.72, 0.5]
    given = _experiment(rng, [-30, 0.5, 1.5, 0.6, 1.6, 2.2, 2.5, 10], [500, 60, 16, 150, 300, 25, 500, 500], tone)
    given["share"][given["share"].argmax()] = 0.99  # sure even by the spread of single images
    return given


@exercise.case("few images, and many")
def _(rng):
    tone = [0.95, 0.9, 0.82, 0.75, 0.7, 0.2]
    return _experiment(rng, [-40, 0.2, 1.98, 3.5, 12, 4], [900, 10, 25, 1500, 1500, 300], tone, wanted=0.5)


@exercise.case("tone that falls the other way")
def _(rng):
    """Only the start that is not sure has a tone above 0, and the right one is sure by nothing: 2 errors, exactly."""
    root = 2 ** int(torch.randint(3, 6, (), generator=rng))  # of its count: in float32, too, all of this is exact
    errors, tone = [5, -30, 6, 0, 7, 9, 6], [-0.5, 0.6, -0.85, -0.15, -0.3, -0.45, -0.35]
    given = _experiment(rng, errors, [400] * 7, tone, 0.5 - 1 / root, before=(6, -0.7), after=(6, -0.7))
    at = (given["share"] - 0.5 + 1 / root).abs().argmin()
    given["share"][at], given["counts"][at] = 0.5, root**2
    return given


@exercise.case("none is sure")
def _(rng):
    tone = [0.95, 0.9, 0.85, 0.8, 0.7, 0.6]
    return _experiment(rng, [-20, -10, -1, 0.3, 1.5, 0.7], [200, 220, 200, 230, 210, 230], tone, after=(-3, 0.5))


exercise.law("the first start has number 0", the_first_start_has_number_0)


@exercise.style
def with_a_mask(share, counts, tone, wanted):
    error = (share * (1 - share) / counts).sqrt()
    sure = share - 2 * error >= wanted  # (starts,)
    if not sure.any():
        return len(counts)
    return torch.where(sure, tone, -torch.inf).argmax()


@exercise.style
def in_a_loop(share, counts, tone, wanted):
    best = len(counts)
    for s in range(len(counts)):
        error = (share[s] * (1 - share[s]) / counts[s]) ** 0.5
        if share[s] - 2 * error >= wanted and (best == len(counts) or tone[s] > tone[best]):
            best = s
    return best


exercise.slips(
    """
A share from a few images may be luck. Subtract two standard errors before you compare it with wanted.
    share - 2 * error -> share
One error is too little: 2 are asked.
    2 * error -> error
Two errors are asked, not 1.96 of them.
    2 * error -> 1.96 * error
You took the error of wanted. Each share has its own: sqrt(share (1 - share) / count).
    share * (1 - share) -> wanted * (1 - wanted)
The errors are added: a share that is too low would pass by its doubt. Subtract them.
    share - 2 * error -> share + 2 * error
Your error is too small. That of a share is sqrt(share (1 - share) / count): the root is of all of it.
    (share * (1 - share) / counts).sqrt() -> share * (1 - share) / counts
    (share * (1 - share) / counts).sqrt() -> (share * (1 - share)).sqrt() / counts
You took the spread of single images. The error of a share is smaller: divide by the count, inside of the root.
    (1 - share) / counts -> (1 - share)
The factor 1 - share is missing: the error of a share is sqrt(share (1 - share) / count).
    share * (1 - share) -> share
Each share has its own count. You took one for all.
    / counts -> / counts.{float().mean | sum}()
That is how many starts there are, as if none were sure. Look at which are: share - 2 errors >= wanted.
    = len(counts)
That is the largest tone of all. Only starts with the class of A beyond doubt come in.
    = tone.argmax()
That is the largest share. Among the starts that are sure the largest tone is asked.
    = share.argmax()
That is the first start that is sure. Of all that are, the one with the largest tone is asked.
    (best == len(counts) or tone[s] > tone[best]) -> best == len(counts)
That is the last start that is sure. Of all that are, the one with the largest tone is asked.
    >= wanted and (best == len(counts) or tone[s] > tone[best]) -> >= wanted
A tone of -0.9 is the opposite of B's. You took the size of the correlation.
    (sure, tone, -> (sure, tone.abs(),
At least wanted is enough: a start that lies two errors above it, exactly, is sure, too.
    >= wanted -> > wanted
A start that is not sure got the tone 0, which is more than any tone below 0. With -inf it can never win.
    -torch.inf -> 0.0
Only tones above 0 can win here. Tones may all be below 0: begin with the first start that is sure, or with -inf.
    and (best == len(counts) -> and tone[s] > 0 and (best == len(counts)
You counted among the starts that are sure. The number among all starts is asked.
    torch.where(sure, tone, -torch.inf).argmax() -> tone[sure].argmax()
A tone has to be larger than the largest so far. You compared it with that of the start before.
    tone[s] > tone[best] -> tone[s] > tone[s - 1]
Where no start is sure, B gets no layer: return len(counts).
    else len(counts) -> else {0 | -1 | len(counts) - 1}
That is a tone. The number of its start is asked.
    return best -> return tone[min(best, len(tone) - 1)]
    .argmax() -> .max()
    .argmax() if sure.any() else len(counts) -> .max()
"""
)
