"""For each step: player (1 is D, 2 is G), is z new, do its rows differ, are the data new; last, how all were drawn."""

import torch

from lecture_lib.exercises.engine import Exercise, normal
from lecture_lib.sandbox.adapters import on_records
from lecture_lib.sandbox.call import Seed


def play(d_step, g_step, x, rounds, ratio, n, rng):
    """rounds times: ratio[0] steps of D, then ratio[1] steps of G, each on a fresh batch of n."""
    d_steps, g_steps = ratio
    for _ in range(rounds):
        for _ in range(d_steps):
            batch = x[torch.randint(len(x), (n,), generator=rng)]
            z = torch.randn(n, 2, generator=rng)
            d_step(batch, z)
        for _ in range(g_steps):
            z = torch.randn(n, 2, generator=rng)
            g_step(z)


def _rounds(rng, rounds, d_steps, g_steps, n, rows=50):
    x = normal(rng, rows, 2)
    return {"x": x, "rounds": rounds, "d_steps": d_steps, "g_steps": g_steps, "n": n, "rng": Seed(5)}


def follows_the_generator(call, rng):
    x = _rounds(rng, 1, 2, 3, 10)
    first, again, other, later = (call({**x, "rng": s}) for s in (Seed(5), Seed(5), Seed(6), Seed(5, drawn=7)))
    if first[:5, 0].tolist() != [1, 1, 2, 2, 2]:
        return "The steps do not come in their order yet."
    for column, what in {2: "The batch", 1: "z"}.items():
        if not torch.equal(first[:, column], again[:, column]) or torch.equal(first[:, column], other[:, column]):
            draw = "randint" if column == 2 else "randn"
            return f"{what} was drawn without rng. Pass generator=rng to torch.{draw}, and leave its seed alone."
    if torch.equal(first, later):
        return "You start anew from rng's seed: two games in a row would draw the same. Let rng itself go on."
    return ""


exercise = Exercise("gans.alternate", points=4, reference=play, adapter=on_records)

exercise.case("five to one", lambda rng: _rounds(rng, 4, 5, 1, 8, rows=11))  # so few that none is left out
exercise.case("one to three", lambda rng: _rounds(rng, 6, 1, 3, 16))
exercise.case("two to three", lambda rng: _rounds(rng, 3, 2, 3, 10))
exercise.case("d alone", lambda rng: _rounds(rng, 7, 4, 0, 5))

exercise.slips(
    """
The ratio is on the wrong player. ratio is (d_steps, g_steps).
    d_steps, g_steps = ratio -> g_steps, d_steps = ratio
G went first. In each round D steps first, so that G learns from a D that knows its latest forgeries.
    = [play(d_step, g_step, x, 1, turn, n, rng) for _ in range(rounds) for turn in ((0, ratio[1]), (ratio[0], 0))]
Each player took one step a round, whatever the ratio.
    = play(d_step, g_step, x, rounds, (1, 1), n, rng)
The loop for G stands inside of the loop for D. First all d_steps, then all g_steps.
    = play(d_step, g_step, x, rounds * ratio[0], (1, ratio[1]), n, rng)
All steps of D came before all steps of G. They alternate, round by round.
    = play(d_step, g_step, x, 1, (rounds * ratio[0], rounds * ratio[1]), n, rng)
z was drawn once for the whole game, so G learns to place these few points only. Draw z anew in each step.
    z = -> _ =; g_steps = ratio -> g_steps, z = *ratio, torch.randn(n, 2, generator=rng)
z was drawn once a round. Draw z anew in each step.
    z = -> _ =; _ in range(rounds) -> z in torch.randn(rounds, n, 2, generator=rng)
z and the batch were drawn once a round. Draw both anew in each step.
    z = -> _ =; _ in range(rounds) -> z in torch.randn(rounds, n, 2, generator=rng); batch = -> batch = batch if _ else
Each round draws the numbers of the first again. Is the generator's seed set inside of the loop?
    range(d_steps) -> range(rng.manual_seed(0) and d_steps)
G used the z of D's last step again. Draw z anew in each step.
    d_step(batch, z) -> d_step(batch, last := z); g_step(z) -> g_step(last)
D saw the same rows in every step. Draw n rows at random, anew in each step.
    batch = -> _ =; g_steps = ratio -> g_steps, batch = *ratio, x[torch.randint(len(x), (n,), generator=rng)]
    x[torch.randint(len(x), (n,), generator=rng)] -> x[:n]
Some rows of x were never drawn. Draw from all: torch.randint(len(x), (n,)).
    len(x) -> {n | len(x) // 2 | len(x) - 1}
D saw as many rows as there are data in each step. Draw n of them at random.
    d_step(batch, z) -> d_step(x, z)
z is not like torch.randn(n, 2): mean 0, standard deviation 1, and another row for each point.
    torch.randn( -> torch.rand(
    torch.randn(n, 2, generator=rng) -> torch.randn(1, 2, generator=rng).expand(n, 2)
"""
)

exercise.law("drawn by the generator", follows_the_generator)
