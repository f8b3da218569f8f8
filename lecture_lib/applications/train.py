"""What `clothes_model` and `video_model` load, trained by the course itself.

    python -m lecture_lib.applications.train clothes
    python -m lecture_lib.applications.train video

The weights are in bfloat16, with the command, seed, date, data and figures in their metadata.
"""

import argparse
import copy
import time
from datetime import date

import torch
from safetensors.torch import save_file
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from lecture_lib import data, evaluate, fast
from lecture_lib.applications import video
from lecture_lib.applications.clips import motion, moving_digits, moving_frames
from lecture_lib.applications.pixels import MODEL, PixelModel, SomePixels
from lecture_lib.evaluate import bits_per_dim
from lecture_lib.gans import alternate
from lecture_lib.likelihood import maximize_likelihood, nll, warm_up_cosine


def train_pixels(model: PixelModel, images, steps: int, batch_size=32, every=16, lr=6e-3, seed=0):
    """`maximize_likelihood` of some pixels, 32 images and every 16th pixel a step; yields its steps."""
    rng = torch.Generator().manual_seed(seed)
    adam = torch.optim.Adam(model.parameters(), betas=(0.9, 0.99), fused=True)
    some, lr = SomePixels(model, every, rng), warm_up_cosine(lr, steps)
    return maximize_likelihood(some, images.train, steps, batch_size, lr, adam, rng=rng)


def train_video(G, D, average, clips, rounds: int, batch_size=16, lr=1e-3, seed=0):
    """`alternate` for so many rounds, at a step size that falls to 0 over their second half; yields G's steps.

    average: torch's AveragedModel of G, which is kept up to date.
    """
    rng = torch.Generator().manual_seed(seed)
    adams = [torch.optim.Adam(net.parameters(), lr, betas=(0.0, 0.99), fused=True) for net in (D, G)]
    game = alternate(G, D, *adams, clips, 2 * rounds, (1, 1), batch_size, rng, d_step=fast.discriminator_step)
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


def ship_video(rounds: int, seed: int, out: str) -> None:
    """Trains `video_model`; every 500 rounds the weights so far are written."""
    images, rng = data.digits(), torch.Generator().manual_seed(seed)
    yardstick, began = Yardstick(images), time.process_time()
    digits = images.train[torch.randint(len(images.train), (30_000,), generator=rng)]
    clips = moving_digits(images.scaled(digits), rng=rng)
    G = video.VideoGenerator(**video.MODEL, rng=rng)
    D = video.Jury(video.FrameDiscriminator(rng=rng), video.TimeDiscriminator(rng=rng))
    G.what.to(memory_format=torch.channels_last), D.judges[0].to(memory_format=torch.channels_last)  # sooner
    average = AveragedModel(G, multi_avg_fn=get_ema_multi_avg_fn(0.998))
    for number, _ in enumerate(train_video(G, D, average, clips, rounds, seed=seed), 1):
        if number % 500 and number < rounds:
            continue
        kept, seconds = copy.deepcopy(average.module), time.process_time() - began
        update_bn([kept.noise(250, torch.Generator().manual_seed(seed)) for seed in range(20)], kept)
        weights = {name: value.bfloat16().contiguous() for name, value in kept.state_dict().items()}
        kept.load_state_dict({name: value.float() for name, value in weights.items()})
        found = yardstick(kept.sample(2000, torch.Generator().manual_seed(seed)))
        real = yardstick(clips[:2000])
        words = [f"{name} {value:.2f} (real {real[name]:.2f})" for name, value in found.items()]
        words = {
            "command": f"python -m lecture_lib.applications.train video --steps {rounds} --seed {seed}",
            "seed": str(seed),
            "date": date.today().isoformat(),
            "data": "moving digits, of scikit-learn's; Alpaydin and Kaynak, UCI 1998, CC BY 4.0",
            "torch": torch.__version__,
            "figures": f"of 2,000 clips after {number} rounds: {', '.join(words)}; {seconds:.0f} CPU seconds",
        }
        save_file(weights, out, words)
        print(words["figures"], flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=["clothes", "video"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="default: 50,000 for the clothes, 12,000 rounds for the video")
    parser.add_argument("--out", help="default: NAME.safetensors in the current folder")
    options = parser.parse_args()
    options.out = options.out or f"{options.name}.safetensors"
    options.steps = options.steps or {"clothes": 50_000, "video": 12_000}[options.name]
    torch.set_num_threads(1)
    if options.name == "video":
        return ship_video(options.steps, options.seed, options.out)
    images, began = data.fashion_mnist(), time.process_time()
    model = PixelModel(**MODEL, rng=torch.Generator().manual_seed(options.seed))
    for step in train_pixels(model, images, options.steps, seed=options.seed):
        if step.number % 2000 == 0:
            print(f"step {step.number}, {time.process_time() - began:.0f} CPU seconds", flush=True)
    seconds = time.process_time() - began
    kept = {name: value.bfloat16() for name, value in model.state_dict().items()}
    model.load_state_dict({name: value.float() for name, value in kept.items()})
    with torch.no_grad():
        train, test = (bits_per_dim(-nll(model, x[:1000]), model.d).item() for x in (images.train, images.test))
    words = {
        "command": f"python -m lecture_lib.applications.train clothes --steps {options.steps} --seed {options.seed}",
        "seed": str(options.seed),
        "date": date.today().isoformat(),
        "data": "Fashion-MNIST, Xiao, Rasul and Vollgraf 2017, MIT licence",
        "torch": torch.__version__,
        "figures": f"bits/dim of 1,000 images: {train:.4f} to train, {test:.4f} to test; {seconds:.0f} CPU seconds",
    }
    save_file(kept, options.out, words)
    print(words)


if __name__ == "__main__":
    main()
