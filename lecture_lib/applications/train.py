"""What comes with the course, made by the course itself: python -m lecture_lib.applications.train NAME

clothes: the weights that `clothes_model` loads, in bfloat16. transfer: pictures by 15 CycleGANs, for 3 maps and 5
weights of the cycle loss, which the slider shows. The metadata has the command, seed, date, data and figures.
"""

import argparse
import time
from datetime import date

import torch
from safetensors.torch import save_file
from torch import nn

from lecture_lib import data
from lecture_lib.applications import maps
from lecture_lib.applications.pixels import MODEL, PixelModel, SomePixels
from lecture_lib.applications.translate import cyclegan, rising, train_cyclegan
from lecture_lib.evaluate import bits_per_dim
from lecture_lib.likelihood import maximize_likelihood, nll, warm_up_cosine

CYCLE_WEIGHTS = (0.0, 1.0, 3.0, 10.0, 30.0)


def train_pixels(model: PixelModel, images, steps: int, batch_size=32, every=16, lr=6e-3, seed=0):
    """`maximize_likelihood` of some pixels, 32 images and every 16th pixel a step; yields its steps."""
    rng = torch.Generator().manual_seed(seed)
    adam = torch.optim.Adam(model.parameters(), betas=(0.9, 0.99), fused=True)
    some, lr = SomePixels(model, every, rng), warm_up_cosine(lr, steps)
    return maximize_likelihood(some, images.train, steps, batch_size, lr, adam, rng=rng)


def train_clothes(images, steps: int, seed: int) -> tuple[dict[str, torch.Tensor], str]:
    """The weights in bfloat16, and their bits/dim."""
    began = time.process_time()
    model = PixelModel(**MODEL, rng=torch.Generator().manual_seed(seed))
    for step in train_pixels(model, images, steps, seed=seed):
        if step.number % 2000 == 0:
            print(f"step {step.number}, {time.process_time() - began:.0f} CPU seconds", flush=True)
    seconds = time.process_time() - began
    kept = {name: value.bfloat16() for name, value in model.state_dict().items()}
    model.load_state_dict({name: value.float() for name, value in kept.items()})
    with torch.no_grad():
        train, test = (bits_per_dim(-nll(model, x[:1000]), model.d).item() for x in (images.train, images.test))
    return kept, f"bits/dim of 1,000 images: {train:.4f} to train, {test:.4f} to test; {seconds:.0f} CPU seconds"


def train_translators(truth, images, steps: int = 1200, weight=10.0, seed=0) -> tuple[nn.Module, nn.Module]:
    """G and H of one half of the images and truth(b) of the other half, so that no pair exists."""
    rng = torch.Generator().manual_seed(seed)
    a, b = (images.scaled(half) for half in images.train.chunk(2))
    nets = G, H, D_A, D_B = cyclegan(rng=rng)
    optimizers = (
        torch.optim.Adam(nn.ModuleList(nets).parameters(), betas=(0.5, 0.99), fused=True)
        for nets in ([G, H], [D_A, D_B])
    )
    lr = warm_up_cosine(2e-3, steps)
    for _ in train_cyclegan(nets, *optimizers, a, truth(b), steps, 4, rising(weight, steps), lr, rng):
        pass
    return G.eval(), H.eval()


@torch.no_grad()
def walked(G, H, a, b) -> list[torch.Tensor]:
    """G(a), H(G(a)), H(b) of pictures a and the true b."""
    through = lambda net, x: torch.cat([net(part) for part in x.split(250)])  # noqa: E731
    return [made := through(G, a), through(H, made), through(H, b)]


def record_transfer(images, steps: int, seed: int) -> tuple[dict[str, torch.Tensor], str]:
    """Six test images under each map and weight, as levels; the errors of 2,000; and how long it all took.

    given: a and the true b, (maps, 2, n, d). made: G(a), H(G(a)), H(b), (maps, weights, 3, n, d). errors: theirs.
    """
    a, began = images.scaled(images.test[:2000]), time.process_time()
    shown, given, made, errors = [images.test_labels.tolist().index(c) for c in (9, 2, 1, 8, 3, 5)], [], [], []
    for name, truth in maps.KNOWN.items():
        levels = lambda *all: torch.stack([images.levels_of(x[shown]).byte() for x in all])  # noqa: E731
        given.append(levels(a, b := truth(a)))
        for weight in CYCLE_WEIGHTS:
            there, back, back_true = walked(*train_translators(truth, images, steps, weight, seed), a, b)
            made.append(levels(there, back, back_true))
            errors.append(torch.stack([maps.grey_error(*pair) for pair in ((there, b), (back, a), (back_true, a))]))
            print(name, weight, errors[-1].tolist(), f"{time.process_time() - began:.0f} CPU seconds", flush=True)
    made, errors = (torch.stack(x).unflatten(0, (len(given), -1)) for x in (made, errors))
    table = {"given": torch.stack(given), "made": made, "errors": errors, "weights": torch.tensor(CYCLE_WEIGHTS)}
    return table, f"errors of 2,000 test images are in the file; {time.process_time() - began:.0f} CPU seconds"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=["clothes", "transfer"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="default: 50,000 for clothes, 1,200 for transfer")
    parser.add_argument("--out", help="default: NAME.safetensors in the current folder")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.name == "transfer":
        steps = options.steps or 1200
        kept, figures = record_transfer(data.fashion_mnist(), steps, options.seed)
    else:
        steps = options.steps or 50_000
        kept, figures = train_clothes(data.fashion_mnist(), steps, options.seed)
    words = {
        "command": f"python -m lecture_lib.applications.train {options.name} --steps {steps} --seed {options.seed}",
        "seed": str(options.seed),
        "date": date.today().isoformat(),
        "data": "Fashion-MNIST, Xiao, Rasul and Vollgraf 2017, MIT licence",
        "torch": torch.__version__,
        "figures": figures,
    }
    save_file(kept, options.out or f"{options.name}.safetensors", words)
    print(words)


if __name__ == "__main__":
    main()
