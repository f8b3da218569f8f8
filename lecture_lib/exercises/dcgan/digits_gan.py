"""A whole GAN of the student's own that draws digits, judged by the Fréchet distance of its images."""

from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from lecture_lib import data, evaluate, fast, gans
from lecture_lib.exercises.engine import Exercise, asked_once
from lecture_lib.sandbox.call import Outcome, Seed

ROWS, Z = 1000, 32
NOISE, PIXELS, MISSING = 21.6, 14.1, 2.6  # the distances of noise, of single pixels of other images, of nine classes
READY = ("alternate", "discriminator_step", "generator_step", "dcgan", "ImageGenerator")  # the library's


def digits_gan(x, n, rng):
    """n images (n, 1, 8, 8) of a GAN that has learnt from images x (m, 1, 8, 8) in [-1, 1]."""
    return _draw(_trained(), n, rng)


@lru_cache(maxsize=1)
def _digits() -> Tensor:
    """All 1,797."""
    images = data.digits()
    return images.scaled(torch.cat([images.train, images.test]))


@lru_cache(maxsize=1)
@torch.enable_grad()
def _trained(rounds: int = 1500, n: int = 64, width: int = 128) -> nn.Module:
    """G, after three seconds, and only once: the order of the images makes no difference."""
    rng, x = torch.Generator().manual_seed(5), _digits()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        hidden = lambda d: (nn.Linear(d, width), nn.BatchNorm1d(width), nn.ReLU())  # noqa: E731
        G = nn.Sequential(*hidden(Z), *hidden(width), nn.Linear(width, 64), nn.Tanh(), nn.Unflatten(1, (1, 8, 8)))
        looks = lambda d: (nn.Linear(d, width), nn.LeakyReLU(0.2))  # noqa: E731
        D = nn.Sequential(nn.Flatten(), *looks(64), *looks(width), nn.Linear(width, 1), nn.Flatten(0))
    adam_d, adam_g = (fast.Adam(net.parameters(), 2e-3, betas=(0.0, 0.99)) for net in (D, G))
    for _ in range(rounds):
        real, fake = x[torch.randint(len(x), (n,), generator=rng)], G(torch.randn(n, Z, generator=rng))
        gans.descend(adam_d, softplus(-D(real)).mean() + softplus(D(fake.detach())).mean())
        gans.descend(adam_g, softplus(-D(fake)).mean())
    return G.eval()


@torch.no_grad()
def _draw(G: nn.Module, n: int, rng: torch.Generator) -> Tensor:
    return G(torch.randn(n, Z, generator=rng))


def judged(call, arguments) -> Outcome:
    """0, if the images are as near to the digits as the case asks; else a sentence."""
    answer = asked_once(call, {"x": arguments["x"], "n": ROWS, "rng": arguments["rng"]})
    if answer.value is None:
        return answer
    if wrong := _no_images(answer.value) or _copies(answer.value):
        return Outcome(problem=wrong)
    distance = _distance(answer.value.float())
    if distance > arguments["limit"]:
        got = f"The Fréchet distance of your images is {distance:.2f}. At most {arguments['limit']:g} is asked here."
        return Outcome(problem=f"{got} {_cause(distance, answer.value)}")
    return Outcome(torch.zeros(1))


@lru_cache(maxsize=1)
def _eyes() -> tuple[evaluate.Classifier, Tensor]:
    """The classifier of the digits, and its features of all of them."""
    net = evaluate.classifier(data.digits())
    return net, net.features(_digits())


def _distance(x: Tensor) -> float:
    net, real = _eyes()
    return evaluate.frechet(net.features(x), real, draws=0).value


def _no_images(x: Tensor) -> str:
    """What is wrong with them, or ""."""
    if x.shape != (ROWS, 1, 8, 8):
        return f"Return n images, shape (n, 1, 8, 8): here ({ROWS}, 1, 8, 8). Yours have shape {tuple(x.shape)}."
    if not x.isfinite().all():
        return "Some of your pixels are NaN or infinite. Is a step size too large, or the log of a rounded D taken?"
    low, high = x.min().item(), x.max().item()
    if low < -1.001 or high > 1.001:
        return f"Your pixels go from {low:.2f} to {high:.2f}, the data from -1 to 1. Does G end with tanh?"
    if (distinct := len(x.unique(dim=0))) < ROWS / 2:
        return f"Only {distinct} of your {ROWS} images differ. Each should come from a z of its own: z of n rows."
    return ""


@lru_cache(maxsize=1)
def _near() -> float:
    """The distance of a digit to its nearest other one; a tenth have a smaller one."""
    return torch.quantile(_two_nearest(_digits())[0], 0.1).item()


def _two_nearest(x: Tensor) -> Tensor:
    """The distances of x (m, 1, 8, 8) to the nearest and the second-nearest digit, but for itself: (2, m)."""
    distances = torch.cdist(x.double().flatten(1), _digits().double().flatten(1))
    if len(x) == len(_digits()):
        distances.fill_diagonal_(torch.inf)
    return distances.topk(2, largest=False).values.T


def _copies(x: Tensor) -> str:
    """A sentence, if the images are digits of x, with or without noise on them.

    Then the nearest digit is far nearer than the second-nearest: by a factor of 0.6 with little noise, of 0.83 with
    noise of sd 0.4, and with more noise than 0.48 the distance is above 3. Between real digits it is 0.90 on average,
    for a GAN's images 0.94.
    """
    first, second = _two_nearest(x)
    if (first / second).mean() < 0.88 or (first < _near()).double().mean() > 0.4:
        return (
            "Most of your images lie next to one of the digits in x, and to no other: they are copies, perhaps with "
            "noise. Images are G(z), of fresh noise z."
        )
    return ""


def _cause(distance: float, x: Tensor) -> str:
    """What usually helps."""
    if x.std(0).mean() < 0.1:
        return (
            "They are all nearly the same image. Does each player's optimizer hold its own parameters, and is D(G(z)) "
            "not detached in G's step?"
        )
    if distance > 1.1 * NOISE:
        return (
            f"Noise has {NOISE}, so something works against them. Is a zero_grad missing, or does an optimizer hold "
            "the other player's parameters?"
        )
    if distance > 1.1 * PIXELS:
        return (
            f"Images of which each pixel comes from another digit have {PIXELS:g}. What usually helps: a first beta "
            "of 0, betas=(0.0, 0.99)."
        )
    if distance > 7:
        return "What usually helps: BatchNorm after each layer of G but the last, before its ReLU."
    return (
        f"Digits without one of the ten classes have {MISSING}. What usually helps: step sizes of 2e-3, one step of D "
        "for each of G, 1,500 rounds, batches of 64, and betas=(0.0, 0.99)."
    )


def _at_most(limit):
    def make(rng):
        x = _digits()
        return {"x": x[torch.randperm(len(x), generator=rng)], "rng": Seed(rng.initial_seed()), "limit": limit}

    return make


exercise = Exercise("dcgan.digits_gan", points=6, reference=digits_gan, driver=judged, without=READY, trains=True)

exercise.case("it has learnt something: 12", _at_most(12))
exercise.case("shapes of digits: 6", _at_most(6))
exercise.case("as near as nine of the ten classes: 3", _at_most(3))
