"""What comes with part 7, made by the course itself: python -m lecture_lib.latent.train style

style: the weights, in bfloat16, that `style_model` loads. Command, seed, date, data and figures are in the metadata.
"""

import copy
import time
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from lecture_lib import data, evaluate
from lecture_lib.applications.train import CLOTHES, Made, main, train_averaged
from lecture_lib.latent import style


def tone(x: Tensor) -> Tensor:
    """The mean ink of what is not black: pictures (n, 1, height, width) in [-1, 1] -> (n,), from 0 to 1."""
    ink = (x.flatten(1) + 1) / 2
    inside = ink > 0.1
    return (ink * inside).sum(1) / inside.sum(1).clamp(min=1)


@torch.no_grad()
def mixing(G: style.StyleGenerator, net: evaluate.Classifier, start: int, n=2000, seed=0) -> dict[str, float]:
    """What n images of A have of A and of B, if B's styles enter from layer `start` on; without noise.

    class A, class B: the share whose class is that of A, of B, among pairs whose classes differ. tone A, tone B: the
    correlation of their `tone` with that of A, of B.
    """
    rng = torch.Generator().manual_seed(seed)
    w_a, w_b = (torch.cat([G.styles(z) for z in G.noise(n, rng).split(250)]) for _ in "AB")
    made = [torch.cat([G.synthesis(w) for w in ws.split(250)]) for ws in (w_a, w_b, style.mixed(w_a, w_b, start))]
    a, b, both = map(net.classify, made)
    r = torch.corrcoef(torch.stack([tone(x) for x in made]))[2]
    share = lambda c: (both == c)[a != b].double().mean().item()  # noqa: E731
    return {"class A": share(a), "class B": share(b), "tone A": r[0].item(), "tone B": r[1].item()}


def clothes(rounds: int, seed: int) -> Iterator[Made]:
    """The weights of `style_model`, in bfloat16, every 1,000 rounds, and what its images are like."""
    images, rng = data.fashion_mnist(), torch.Generator().manual_seed(seed)
    net, began = evaluate.classifier(images), time.process_time()
    real = net.features(images.scaled(images.test))
    G, D = style.StyleGenerator(**style.MODEL, rng=rng), style.style_discriminator(rng=rng)
    G.to(memory_format=torch.channels_last), D.to(memory_format=torch.channels_last)  # sooner
    average = AveragedModel(G, multi_avg_fn=get_ema_multi_avg_fn(0.999))
    game = train_averaged(G, D, average, images.scaled(images.train), rounds, lr=2e-3, seed=seed)
    for number, _ in enumerate(game, 1):
        if number % 1000 and number < rounds:
            continue
        kept, seconds = copy.deepcopy(average.module).eval(), time.process_time() - began
        weights = {name: value.bfloat16().contiguous() for name, value in kept.state_dict().items()}
        kept.load_state_dict(weights)
        made = kept.sample(5000, torch.Generator().manual_seed(seed))
        distance = evaluate.frechet(net.features(made), real, draws=0).value
        found = ", ".join(f"{name} {value:.2f}" for name, value in mixing(kept, net, 3).items())
        yield (
            weights,
            f"after {number} rounds: FD {distance:.2f}; styles of B from layer 3 on: {found}; {seconds:.0f} CPU s",
        )


KINDS = {"style": (clothes, 14_000, CLOTHES)}

if __name__ == "__main__":
    main(KINDS, "lecture_lib.latent.train", __doc__)
