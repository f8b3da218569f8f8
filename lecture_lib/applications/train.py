"""What comes with the course, made by the course itself: python -m lecture_lib.applications.train NAME

clothes, edges, video: the weights, in bfloat16, that `clothes_model`, `edge_translators` and `video_model` load.
transfer: pictures by CycleGANs of 3 maps and 5 weights of the cycle loss, which the slider shows. Command, seed, date,
data and figures are in the metadata.
"""

import argparse
import copy
import time
from collections.abc import Iterator
from datetime import date

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from lecture_lib import data, evaluate, fast
from lecture_lib.applications import maps, video
from lecture_lib.applications.clips import motion, moving_digits, moving_frames
from lecture_lib.applications.pixels import MODEL, PixelModel, train_pixels
from lecture_lib.applications.translate import cyclegan, rising, train_cyclegan
from lecture_lib.evaluate import bits_per_dim
from lecture_lib.gans import alternate
from lecture_lib.likelihood import nll, warm_up_cosine

CYCLE_WEIGHTS = (0.0, 1.0, 3.0, 10.0, 30.0)
CLOTHES = "Fashion-MNIST, Xiao, Rasul and Vollgraf 2017, MIT licence"
DIGITS = "moving digits, of scikit-learn's; Alpaydin and Kaynak, UCI 1998, CC BY 4.0"
Made = tuple[dict[str, Tensor], str]  # what is saved, and its figures in words


def clothes(steps: int, seed: int) -> Iterator[Made]:
    """The weights of `clothes_model`, in bfloat16, and their bits/dim."""
    images, began = data.fashion_mnist(), time.process_time()
    model = PixelModel(**MODEL, rng=torch.Generator().manual_seed(seed))
    for step in train_pixels(model, images, steps, lr=3e-3, seed=seed):  # longer, so smaller steps
        if step.number % 2000 == 0:
            print(f"step {step.number}, {time.process_time() - began:.0f} CPU seconds", flush=True)
    seconds = time.process_time() - began
    kept = {name: value.bfloat16() for name, value in model.state_dict().items()}
    model.load_state_dict(kept)
    with torch.no_grad():
        train, test = (bits_per_dim(-nll(model, x[:1000]), model.d).item() for x in (images.train, images.test))
    yield kept, f"bits/dim of 1,000 images: {train:.4f} to train, {test:.4f} to test; {seconds:.0f} CPU seconds"


def train_translators(truth, images, steps: int = 1200, weight=10.0, seed=0) -> tuple[nn.Module, nn.Module]:
    """G and H of one half of the images and truth(b) of the other half, so that no pair exists."""
    rng = torch.Generator().manual_seed(seed)
    a, b = (images.scaled(half) for half in images.train.chunk(2))
    G, H, *_ = nets = cyclegan(rng=rng)
    both = nn.ModuleList(nets[:2]), nn.ModuleList(nets[2:])
    adams = (torch.optim.Adam(two.parameters(), betas=(0.5, 0.99), fused=True) for two in both)
    lr = warm_up_cosine(2e-3, steps)
    for _ in train_cyclegan(nets, *adams, a, truth(b), steps, 4, rising(weight, steps), lr, rng=rng):
        pass
    return G.eval(), H.eval()


def edges(steps: int, seed: int) -> Iterator[Made]:
    """The weights of `edge_translators`, in bfloat16, and their errors."""
    images, began = data.fashion_mnist(), time.process_time()
    nets = nn.ModuleList(train_translators(maps.edges, images, steps, seed=seed))
    kept = {name: value.bfloat16().contiguous() for name, value in nets.state_dict().items()}
    seconds = time.process_time() - began
    nets.load_state_dict(kept)
    a = images.scaled(images.test[:2000])
    share = maps.smuggled(*nets, a, maps.edges(a))
    yield kept, f"of 2,000 test images: smuggled {share:.3f}; {seconds:.0f} CPU seconds"


def transfer(steps: int, seed: int) -> Iterator[Made]:
    """Six test images under each map and weight, as levels; the errors of 2,000; and how long it all took.

    given: a and the true b, (maps, 2, n, d). made: G(a), H(G(a)), H(b), (maps, weights, 3, n, d). errors: theirs.
    """
    images, began = data.fashion_mnist(), time.process_time()
    a = images.scaled(images.test[:2000])
    shown, given, made, errors = [images.test_labels.tolist().index(c) for c in (9, 2, 1, 8, 3, 5)], [], [], []
    for name, truth in maps.KNOWN.items():
        levels = lambda *all: torch.stack([images.levels_of(x[shown]).byte() for x in all])  # noqa: E731
        given.append(levels(a, b := truth(a)))
        for weight in CYCLE_WEIGHTS:
            there, back, back_true = maps.round_trips(*train_translators(truth, images, steps, weight, seed), a, b)
            made.append(levels(there, back, back_true))
            errors.append(torch.stack([maps.grey_error(*pair) for pair in ((there, b), (back, a), (back_true, a))]))
            print(name, weight, errors[-1].tolist(), f"{time.process_time() - began:.0f} CPU seconds", flush=True)
    made, errors = (torch.stack(x).unflatten(0, (len(given), -1)) for x in (made, errors))
    table = {"given": torch.stack(given), "made": made, "errors": errors, "weights": torch.tensor(CYCLE_WEIGHTS)}
    yield table, f"errors of 2,000 test images are in the file; {time.process_time() - began:.0f} CPU seconds"


def train_averaged(G, D, average, x, rounds: int, batch_size=16, lr=1e-3, d_step=None, seed=0):
    """`alternate` for so many rounds, at a step size that falls to 0 over their second half; yields G's steps.

    average: torch's AveragedModel of G, which is kept up to date.
    """
    rng = torch.Generator().manual_seed(seed)
    adams = [torch.optim.Adam(net.parameters(), lr, betas=(0.0, 0.99), fused=True) for net in (D, G)]
    game = alternate(G, D, *adams, x, 2 * rounds, (1, 1), batch_size, rng, d_step)
    for step in game:
        if step.player == "G":
            average.update_parameters(G)
            for adam in adams:
                adam.param_groups[0]["lr"] = lr * min(1, 2 - step.number / rounds)
            yield step


class Yardstick:
    """Real clips of the test digits, and a classifier of frames of the others, to measure generated clips by."""

    def __init__(self, images: data.Images, n=2000, seed=1):
        rng = torch.Generator().manual_seed(seed)
        self.net = evaluate.classifier(moving_frames(images, rng))
        self.clips = moving_digits(images.scaled(images.test).repeat(-(-n // len(images.test)), 1, 1, 1)[:n], rng=rng)
        self.features = self.net.features(self.clips.flatten(0, 1))

    def __call__(self, clips) -> dict[str, float]:
        """speed, acceleration, flicker; same class: share of the clips with one class in all frames; frame FD."""
        classes = self.net.classify(clips.flatten(0, 1)).unflatten(0, clips.shape[:2])
        same = (classes == classes[:, :1]).all(1).double().mean().item()
        distance = evaluate.frechet(self.net.features(clips.flatten(0, 1)), self.features, draws=0).value
        return motion(clips)._asdict() | {"same class": same, "frame FD": distance}


def film(rounds: int, seed: int) -> Iterator[Made]:
    """The weights of `video_model`, in bfloat16, every 500 rounds, and what their clips are like."""
    images, rng = data.digits(), torch.Generator().manual_seed(seed)
    yardstick, began = Yardstick(images), time.process_time()
    digits = images.train[torch.randint(len(images.train), (30_000,), generator=rng)]
    clips = moving_digits(images.scaled(digits), rng=rng)
    G = video.VideoGenerator(**video.MODEL, rng=rng)
    D = video.Jury(video.FrameDiscriminator(rng=rng), video.TimeDiscriminator(rng=rng))
    G.what.to(memory_format=torch.channels_last), D.judges[0].to(memory_format=torch.channels_last)  # sooner
    average = AveragedModel(G, multi_avg_fn=get_ema_multi_avg_fn(0.998))
    game = train_averaged(G, D, average, clips, rounds, d_step=fast.discriminator_step, seed=seed)
    for number, _ in enumerate(game, 1):
        if number % 500 and number < rounds:
            continue
        kept, seconds = copy.deepcopy(average.module), time.process_time() - began
        update_bn([kept.noise(250, torch.Generator().manual_seed(seed)) for seed in range(20)], kept)
        weights = {name: value.bfloat16().contiguous() for name, value in kept.state_dict().items()}
        kept.load_state_dict(weights)
        found = yardstick(kept.sample(2000, torch.Generator().manual_seed(seed)))
        real = yardstick(clips[:2000])
        words = [f"{name} {value:.2f} (real {real[name]:.2f})" for name, value in found.items()]
        yield weights, f"of 2,000 clips after {number} rounds: {', '.join(words)}; {seconds:.0f} CPU seconds"


KINDS = {
    "edges": (edges, 1200, CLOTHES),
    "clothes": (clothes, 80_000, CLOTHES),
    "transfer": (transfer, 1200, CLOTHES),
    "video": (film, 12_000, DIGITS),
}


def main(kinds, module: str, description: str) -> None:
    """The command line. kinds: by name, what makes it, by default in how many steps, and of which data."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("name", choices=kinds)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help=", ".join(f"{n}: {many:,}" for n, (_, many, _) in kinds.items()))
    parser.add_argument("--out", help="default: NAME.safetensors in the current folder")
    options = parser.parse_args()
    torch.set_num_threads(1)
    make, steps, source = kinds[options.name]
    steps = options.steps or steps
    for made, figures in make(steps, options.seed):  # the last one stays
        words = {
            "command": f"python -m {module} {options.name} --steps {steps} --seed {options.seed}",
            "seed": str(options.seed),
            "date": date.today().isoformat(),
            "data": source,
            "torch": torch.__version__,
            "figures": figures,
        }
        save_file(made, options.out or f"{options.name}.safetensors", words)
        print(figures, flush=True)


if __name__ == "__main__":
    main(KINDS, "lecture_lib.applications.train", __doc__)
