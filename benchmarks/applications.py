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
import importlib
import json
from time import process_time

import torch

PARTS = ("compress", "lossy", "represent", "translate", "video", "notebook")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}; all if none")
    parser.add_argument("--quick", action="store_true", help="without the long training, or with one seed")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {min(unknown)}; there are {', '.join(PARTS)}")
    torch.set_num_threads(1)
    result = {}
    for name in options.parts or PARTS:
        began = process_time()
        print(f"\n==== {name}", flush=True)
        result |= importlib.import_module(f"parts.{name}").run(options.quick)
        print(f"{process_time() - began:.0f} CPU seconds", flush=True)
    print(json.dumps({key: round(value, 4) for key, value in result.items()}))


if __name__ == "__main__":
    main()
