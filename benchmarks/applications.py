# ruff: noqa: E402 (the number of threads has to be set before the imports)
"""What generative models are good for, each beside its peers and its controls.

    python benchmarks/applications.py                     # all parts, 40 CPU minutes
    python benchmarks/applications.py compress represent  # some of them
    python benchmarks/applications.py --quick             # without the long training, or with one seed

compress: files without loss. lossy: files beside JPEG at the same error. represent: features with few labels.
translate: CycleGAN against a known map. video: motion. notebook: its peak memory. The last line is all numbers as JSON.
"""

import os

for threads in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[threads] = "1"

import argparse
import json
from importlib import import_module
from time import process_time

import torch


def main(description: str, parts: dict) -> None:
    """The command line. parts: by name, a function of `quick` that prints its table and returns its numbers."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(parts)}; all if none")
    parser.add_argument("--quick", action="store_true", help="without the long training, or with one seed")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(parts):
        parser.error(f"there is no part {min(unknown)}; there are {', '.join(parts)}")
    torch.set_num_threads(1)
    result = {}
    for name in options.parts or parts:
        began = process_time()
        print(f"\n==== {name}", flush=True)
        result |= parts[name](options.quick)
        print(f"{process_time() - began:.0f} CPU seconds", flush=True)
    print(json.dumps({key: round(value, 4) for key, value in result.items()}))


if __name__ == "__main__":
    names = ("compress", "lossy", "represent", "translate", "video", "notebook")
    main(__doc__, {name: lambda quick, name=name: import_module(f"parts.{name}").run(quick) for name in names})
