"""What comes with part 7, made by the course itself: python -m lecture_lib.latent.train style

style: the weights, in bfloat16, that `style_model` loads. Command, seed, date, data and figures are in the metadata.
"""

import copy
import time
from collections.abc import Iterator
from itertools import count

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from lecture_lib import data, evaluate
from lecture_lib.applications.train import CLOTHES, Made, main, train_averaged
from lecture_lib.gans import cross_entropy, discriminator_step
from lecture_lib.gans.further import penalized_step, slopes
from lecture_lib.latent import style
from lecture_lib.latent.mixing import mixed_at


def lazy_r1(weight: float = 0.3, every: int = 8):
    """`discriminator_step`, every so often with R1 (Mescheder and others 2018), so many times as heavy."""
    number = count()
    r1 = lambda D, real, fake: every * weight / 2 * slopes(D, real).mean()  # noqa: E731

    def d_step(G, D, optimizer, x, z):
        if next(number) % every:
            return discriminator_step(G, D, optimizer, x, z)
        return penalized_step(G, D, optimizer, x, z, loss=cross_entropy, penalty=r1)

    return d_step


def clothes(rounds: int, seed: int) -> Iterator[Made]:
    """The weights of `style_model`, in bfloat16, every 1,000 rounds, and what its images are like."""
    images, rng = data.fashion_mnist(), torch.Generator().manual_seed(seed)
    net, began = evaluate.classifier(images), time.process_time()
    x, real = images.scaled(images.train), net.features(images.scaled(images.test))
    G, D = style.StyleGenerator(**style.MODEL, rng=rng), style.style_discriminator(rng=rng)
    G.to(memory_format=torch.channels_last), D.to(memory_format=torch.channels_last)  # sooner
    average = AveragedModel(G, multi_avg_fn=get_ema_multi_avg_fn(0.999))
    falls = rounds * 6 // 5  # so the step size stops at a third: of 0, mixed images would keep A's class less often
    game = train_averaged(G, D, average, x, falls, lr=2e-3, d_step=lazy_r1(), seed=seed)
    for number, _ in zip(range(1, rounds + 1), game):
        if number % 1000 and number < rounds:
            continue
        kept, seconds = copy.deepcopy(average.module).eval(), time.process_time() - began
        weights = {name: value.bfloat16().contiguous() for name, value in kept.state_dict().items()}
        kept.load_state_dict(weights)
        made = net.features(kept.sample(5000, torch.Generator().manual_seed(seed)))
        found = ", ".join(f"{name} {value:.2f}" for name, value in mixed_at(kept, net, 3)._asdict().items())
        found = f"FD {evaluate.frechet(made, real, draws=0).value:.2f}; styles of B from layer 3 on: {found}"
        yield weights, f"after {number} rounds: {found}; {seconds:.0f} CPU s"


KINDS = {"style": (clothes, 20_000, CLOTHES)}

if __name__ == "__main__":
    main(KINDS, "lecture_lib.latent.train", __doc__)
