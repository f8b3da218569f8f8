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


def _played(turns=lambda rounds, d, g: rounds * [d * "D" + g * "G"], z="step", batch="step"):
    """turns: who steps in each round; z, batch: for how long one is kept."""

    def wrong(d_step, g_step, x, rounds, ratio, n, rng):
        kept = {}
        for i, players in enumerate(turns(rounds, *ratio)):
            for j, player in enumerate(players):
                until = {"step": (i, j), "round": i, "game": 0, "D's last": (i, min(j, ratio[0] - 1))}
                until["first round"] = j
                noise = kept.setdefault(("z", until[z]), torch.randn(n, 2, generator=rng))
                data = kept.setdefault(("x", until[batch]), x[torch.randint(len(x), (n,), generator=rng)])
                d_step(data, noise) if player == "D" else g_step(noise)

    return wrong


def _drawn(z=lambda z: z, batch=lambda x, b: b):
    """Other noise, other batches."""
    return lambda d_step, g_step, x, *others: play(
        lambda b, noise: d_step(batch(x, b), z(noise)), lambda noise: g_step(z(noise)), x, *others
    )


exercise = Exercise("gans.alternate", points=4, reference=play, adapter=on_records)

exercise.case("five to one", lambda rng: _rounds(rng, 4, 5, 1, 8, rows=11))  # so few that none is left out
exercise.case("one to three", lambda rng: _rounds(rng, 6, 1, 3, 16))
exercise.case("two to three", lambda rng: _rounds(rng, 3, 2, 3, 10))
exercise.case("d alone", lambda rng: _rounds(rng, 7, 4, 0, 5))

exercise.mistake(
    "The ratio is on the wrong player. ratio is (d_steps, g_steps).", _played(lambda r, d, g: r * [g * "D" + d * "G"])
)
exercise.mistake(
    "G went first. In each round D steps first, so that G learns from a D that knows its latest forgeries.",
    _played(lambda r, d, g: r * [g * "G" + d * "D"]),
)
exercise.mistake("Each player took one step a round, whatever the ratio.", _played(lambda r, d, g: r * ["DG"]))
exercise.mistake(
    "The loop for G stands inside of the loop for D. First all d_steps, then all g_steps.",
    _played(lambda r, d, g: r * [d * ("D" + g * "G")]),
)
exercise.mistake(
    "All steps of D came before all steps of G. They alternate, round by round.",
    _played(lambda r, d, g: [r * d * "D" + r * g * "G"]),
)
exercise.mistake(
    "z was drawn once for the whole game, so G learns to place these few points only. Draw z anew in each step.",
    _played(z="game"),
)
exercise.mistake("z was drawn once a round. Draw z anew in each step.", _played(z="round"))
exercise.mistake(
    "z and the batch were drawn once a round. Draw both anew in each step.", _played(z="round", batch="round")
)
exercise.mistake(
    "Each round draws the numbers of the first again. Is the generator's seed set inside of the loop?",
    _played(z="first round", batch="first round"),
)
exercise.mistake("G used the z of D's last step again. Draw z anew in each step.", _played(z="D's last"))
exercise.mistake(
    "D saw the same rows in every step. Draw n rows at random, anew in each step.",
    _played(batch="game"),
    _drawn(batch=lambda x, b: x[: len(b)]),
)
exercise.mistake(
    "Some rows of x were never drawn. Draw from all: torch.randint(len(x), (n,)).",
    lambda d, g, x, rounds, ratio, n, rng: play(d, g, x[:n], rounds, ratio, n, rng),
    lambda d, g, x, *others: play(d, g, x[: len(x) // 2], *others),
    lambda d, g, x, *others: play(d, g, x[:-1], *others),
)
exercise.mistake("D saw all data in each step. Draw n rows at random.", _drawn(batch=lambda x, b: x))
exercise.mistake(
    "z is not like torch.randn(n, 2): mean 0, standard deviation 1, and another row for each point.",
    _drawn(z=torch.erf),
    _drawn(z=lambda z: z[:1].expand_as(z)),
)

exercise.law("drawn by the generator", follows_the_generator)
