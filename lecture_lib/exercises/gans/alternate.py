"""For each step: player (1 is D, 2 is G), is z new, are the data new; last, whether rows of all x were drawn."""

import torch

from lecture_lib.answers.adapters import on_records
from lecture_lib.answers.call import Seed
from lecture_lib.exercises.engine import Exercise, close
from lecture_lib.exercises.gans import _normal


def play(d_step, g_step, x, rounds, ratio, n, rng):
    """rounds times: ratio[0] steps of D, then ratio[1] steps of G, each on a fresh batch of n."""
    d_steps, g_steps = ratio
    for _ in range(rounds):
        for _ in range(d_steps):
            rows = torch.randint(len(x), (n,), generator=rng)
            d_step(x[rows], torch.randn(n, 2, generator=rng))
        for _ in range(g_steps):
            g_step(torch.randn(n, 2, generator=rng))


def _rounds(rng, rounds, d_steps, g_steps, n):
    x = _normal(rng, 50, 2)
    return {"x": x, "rounds": rounds, "d_steps": d_steps, "g_steps": g_steps, "n": n, "rng": Seed(5)}


def two_to_three(rng):
    return _rounds(rng, 3, 2, 3, 10)


def _batch(x, n, rng):
    return x[torch.randint(len(x), (n,), generator=rng)]


def _noise(n, rng):
    return torch.randn(n, 2, generator=rng)


def _g_first(d_step, g_step, x, rounds, ratio, n, g):
    for _ in range(rounds):
        for _ in range(ratio[1]):
            g_step(_noise(n, g))
        for _ in range(ratio[0]):
            d_step(_batch(x, n, g), _noise(n, g))


def _z_once(d_step, g_step, x, rounds, ratio, n, g):
    z = _noise(n, g)
    for _ in range(rounds):
        for _ in range(ratio[0]):
            d_step(_batch(x, n, g), z)
        for _ in range(ratio[1]):
            g_step(z)


def _z_each_round(d_step, g_step, x, rounds, ratio, n, g):
    for _ in range(rounds):
        z = _noise(n, g)
        for _ in range(ratio[0]):
            d_step(_batch(x, n, g), z)
        for _ in range(ratio[1]):
            g_step(z)


def _all_in_each_round(d_step, g_step, x, rounds, ratio, n, g):
    for _ in range(rounds):
        z, batch = _noise(n, g), _batch(x, n, g)
        for _ in range(ratio[0]):
            d_step(batch, z)
        for _ in range(ratio[1]):
            g_step(z)


def _batch_each_round(d_step, g_step, x, rounds, ratio, n, g):
    for _ in range(rounds):
        batch = _batch(x, n, g)
        for _ in range(ratio[0]):
            d_step(batch, _noise(n, g))
        for _ in range(ratio[1]):
            g_step(_noise(n, g))


def _first_rows(d_step, g_step, x, rounds, ratio, n, g):
    for _ in range(rounds):
        for _ in range(ratio[0]):
            d_step(x[:n], _noise(n, g))
        for _ in range(ratio[1]):
            g_step(_noise(n, g))


def _one_batch(d_step, g_step, x, rounds, ratio, n, g):
    batch = _batch(x, n, g)
    play(lambda _, z: d_step(batch, z), g_step, x, rounds, ratio, n, g)


def _from_the_first(d_step, g_step, x, rounds, ratio, n, rng):
    play(lambda _, z: d_step(x[torch.randint(n, (n,), generator=rng)], z), g_step, x, rounds, ratio, n, rng)


def _gs_old_z(d_step, g_step, x, rounds, ratio, n, g):
    z = _noise(n, g)
    for _ in range(rounds):
        for _ in range(ratio[0]):
            z = _noise(n, g)
            d_step(_batch(x, n, g), z)
        for _ in range(ratio[1]):
            g_step(z)


def _z_each_round_for_d(d_step, g_step, x, rounds, ratio, n, g):
    for _ in range(rounds):
        z = _noise(n, g)
        for _ in range(ratio[0]):
            d_step(_batch(x, n, g), z)
        for _ in range(ratio[1]):
            g_step(_noise(n, g))


def _z_each_round_for_g(d_step, g_step, x, rounds, ratio, n, g):
    for _ in range(rounds):
        for _ in range(ratio[0]):
            d_step(_batch(x, n, g), _noise(n, g))
        z = _noise(n, g)
        for _ in range(ratio[1]):
            g_step(z)


def _all_data(d_step, g_step, x, rounds, ratio, n, g):
    for _ in range(rounds):
        for _ in range(ratio[0]):
            d_step(x, _noise(n, g))
        for _ in range(ratio[1]):
            g_step(_noise(n, g))


def _one_each(d_step, g_step, x, rounds, ratio, n, g):
    for _ in range(rounds):
        d_step(_batch(x, n, g), _noise(n, g))
        g_step(_noise(n, g))


def _nested(d_step, g_step, x, rounds, ratio, n, g):
    for _ in range(rounds):
        for _ in range(ratio[0]):
            d_step(_batch(x, n, g), _noise(n, g))
            for _ in range(ratio[1]):
                g_step(_noise(n, g))


def _all_d_first(d_step, g_step, x, rounds, ratio, n, g):
    for _ in range(rounds * ratio[0]):
        d_step(_batch(x, n, g), _noise(n, g))
    for _ in range(rounds * ratio[1]):
        g_step(_noise(n, g))


def _same_game(got, expected):
    same = close(got, expected)
    same[..., -1, 2] = True  # what rng drew: the law below
    return same


def follows_the_generator(call, rng):
    table = call(two_to_three(rng))
    if table[:15, 0].tolist() != 3 * [1, 1, 2, 2, 2]:
        return "The steps do not come in their order yet."
    if not table[-1, 2]:
        return "You drew without rng. Pass generator=rng to torch.randint and torch.randn."
    return ""


exercise = Exercise("gans.alternate", points=4, reference=play, same=_same_game, adapter=on_records)

exercise.case("five to one", lambda rng: _rounds(rng, 4, 5, 1, 8))
exercise.case("one to three", lambda rng: _rounds(rng, 6, 1, 3, 16))
exercise.case("two to three", two_to_three)
exercise.case("d alone", lambda rng: _rounds(rng, 7, 4, 0, 5))

exercise.mistake(
    "The ratio is on the wrong player. ratio is (d_steps, g_steps).",
    lambda d, s, x, rounds, ratio, n, g: play(d, s, x, rounds, ratio[::-1], n, g),
)
exercise.mistake(
    "G went first. In each round D steps first, so that G learns from a D that knows its latest forgeries.", _g_first
)
exercise.mistake(
    "z was drawn once for the whole game, so G learns to place these few points only. Draw z anew in each step.",
    _z_once,
)
exercise.mistake("z was drawn once a round. Draw z anew in each step.", _z_each_round)
exercise.mistake("z and the batch were drawn once a round. Draw both anew in each step.", _all_in_each_round)
exercise.mistake("The batch was drawn once a round. Draw another batch of data in each step of D.", _batch_each_round)
exercise.mistake(
    "D saw the same rows in every step. Draw n rows at random, anew in each step.", _first_rows, _one_batch
)
exercise.mistake("D saw only the first n rows of x. Draw from all: torch.randint(len(x), (n,)).", _from_the_first)
exercise.mistake("D saw all data in each step. Draw n rows at random.", _all_data)
exercise.mistake("G used the z of D's last step again. Draw z anew in each step.", _gs_old_z)
exercise.mistake("z was drawn once a round for D. Draw it anew in each step.", _z_each_round_for_d)
exercise.mistake("z was drawn once a round for G. Draw it anew in each step.", _z_each_round_for_g)
exercise.mistake(
    "You played one round too many. range(rounds) gives as many as rounds says.",
    lambda d, s, x, rounds, ratio, n, g: play(d, s, x, rounds + 1, ratio, n, g),
)
exercise.mistake("Each player took one step a round, whatever the ratio.", _one_each)
exercise.mistake("The loop for G stands inside of the loop for D. First all d_steps, then all g_steps.", _nested)
exercise.mistake("All steps of D came before all steps of G. They alternate, round by round.", _all_d_first)
exercise.mistake(
    "You played one round too few. range(rounds) gives as many as rounds says.",
    lambda d, s, x, rounds, ratio, n, g: play(d, s, x, rounds - 1, ratio, n, g),
)
exercise.mistake("You played one round only.", lambda d, s, x, rounds, ratio, n, g: play(d, s, x, 1, ratio, n, g))

exercise.law("drawn by the generator", follows_the_generator)
