"""What `clothes_model` loads, trained by the course itself: python -m lecture_lib.applications.train clothes

The weights are in bfloat16, with the command, seed, date, data and figures in their metadata.
"""

import argparse
import time
from datetime import date

import torch
from safetensors.torch import save_file

from lecture_lib import data
from lecture_lib.applications.pixels import MODEL, PixelModel, train_pixels
from lecture_lib.evaluate import bits_per_dim
from lecture_lib.likelihood import nll


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=["clothes"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=50_000)
    parser.add_argument("--out", default="clothes.safetensors", help="default: in the current folder")
    options = parser.parse_args()
    torch.set_num_threads(1)
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
