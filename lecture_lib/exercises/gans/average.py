"""The running average of theta_1, ..., theta_t after the last step, starting from theta_1."""

from lecture_lib.exercises.engine import Exercise, normal


def average(thetas, decay):
    """a_1 = theta_1, then a_t = decay a_(t-1) + (1 - decay) theta_t; the last a: (t, P), number -> (P,)."""
    a = thetas[0]
    for theta in thetas[1:]:
        a = decay * a + (1 - decay) * theta
    return a


def _walk(rng, t, P, decay):
    return {"thetas": 1 + normal(rng, t, P).cumsum(0), "decay": decay}


exercise = Exercise("gans.average", points=3, reference=average)

exercise.case("a short walk", lambda rng: _walk(rng, 4, 5, 0.9))
exercise.case("a long walk", lambda rng: _walk(rng, 60, 12, 0.95))
exercise.case("half and half", lambda rng: _walk(rng, 7, 9, 0.6))

exercise.slips(
    """
decay is on the wrong one: it is the weight of the old average, which is nearly 1.
    decay * a + (1 - decay) * theta -> (1 - decay) * a + decay * theta
Your average starts at 0. It should start at theta_1.
    thetas[0] -> 0; thetas[1:] -> thetas
That is the plain mean of all steps. The running average forgets old ones.
    = thetas.mean(0)
That is one theta, the first or the last. Nothing was averaged.
    = thetas[{-1 | 0}]
Each theta gets a power of decay as its weight: the newest (1 - decay), the one before (1 - decay) decay, the oldest of
all decay^(T - 1) alone.
    = decay ** torch.arange(len(thetas)) @ thetas
    = (w := decay ** torch.arange(len(thetas))) @ thetas / w.sum()
    = (w := decay ** torch.arange(len(thetas)).flip(0)) @ thetas / w.sum()
Only the last step was averaged. Take all steps, one after another.
    = decay * thetas[-2] + (1 - decay) * thetas[-1]
You averaged over the parameters. Each has an average of its own.
    return a -> return a.mean().expand(len(a))
You returned the averages after every step. The last one is asked.
    = torch.stack([average(thetas[:t], decay) for t in range(1, len(thetas) + 1)])
"""
)
