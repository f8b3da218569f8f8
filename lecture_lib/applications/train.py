"""What the notebook loads, trained by the course itself: python -m lecture_lib.applications.train clothes

Weights are kept beside this file, in bfloat16, with the command, seed, date and figures in their metadata.
"""

import argparse
import json
import time
from datetime import date
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from lecture_lib import data
from lecture_lib.applications.pixels import PixelModel, SomePixels
from lecture_lib.checks import one_of
from lecture_lib.evaluate import bits_per_dim
from lecture_lib.likelihood import maximize_likelihood, nll, warm_up_cosine

FOLDER = Path(__file__).parent / "weights"
PIXELS = {  # options of the model, of its training
    "clothes": ({"shape": (28, 28), "levels": 256, "hidden": 144}, {"steps": 100_000, "batch_size": 32}),
    "digits": ({"shape": (8, 8), "levels": 17, "side": 3, "hidden": 64, "k": 3}, {"steps": 6_000, "batch_size": 64}),
}


def pixel_model(name: str) -> PixelModel:
    """The shipped model of the "clothes" or the "digits"."""
    one_of("name", name, PIXELS)
    model = PixelModel(**PIXELS[name][0])
    with safe_open(FOLDER / f"{name}.safetensors", "pt") as file:
        model.load_state_dict({key: file.get_tensor(key).float() for key in file.keys()})
    return model.eval()


def train_pixels(model, images, steps, batch_size, every=8, lr=6e-3, seed=0):
    """maximize_likelihood of some pixels; yields its steps."""
    rng = torch.Generator().manual_seed(seed)
    some = SomePixels(model, every, rng)
    adam = torch.optim.Adam(model.parameters(), betas=(0.9, 0.99), fused=True)
    return maximize_likelihood(some, images.train, steps, batch_size, warm_up_cosine(lr, steps), adam, rng=rng)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=PIXELS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="fewer than usual")
    options = parser.parse_args()
    torch.set_num_threads(1)
    images = data.digits() if options.name == "digits" else data.fashion_mnist()
    shape, training = PIXELS[options.name]
    model = PixelModel(**shape, rng=torch.Generator().manual_seed(options.seed))
    training = training | ({"steps": options.steps} if options.steps else {})
    began = time.process_time()
    for step in train_pixels(model, images, **training, seed=options.seed):
        if step.number % 2000 == 0:
            print(f"step {step.number}, {time.process_time() - began:.0f} CPU seconds", flush=True)
    seconds = time.process_time() - began
    kept = {name: value.bfloat16() for name, value in model.state_dict().items()}
    model.load_state_dict({name: value.float() for name, value in kept.items()})
    with torch.no_grad():
        bits = [bits_per_dim(-nll(model.eval(), x), model.d).item() for x in (images.train[:1000], images.test[:1000])]
    found = {"bits/dim, 1,000 training images": bits[0], "bits/dim, 1,000 test images": bits[1], "CPU seconds": seconds}
    words = {"command": f"python -m lecture_lib.applications.train {options.name}", "seed": str(options.seed)}
    words |= {"date": date.today().isoformat(), "training": json.dumps(training), "figures": json.dumps(found)}
    FOLDER.mkdir(exist_ok=True)
    save_file(kept, FOLDER / f"{options.name}.safetensors", words)
    print(words)


if __name__ == "__main__":
    main()
