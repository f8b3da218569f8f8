"""Video: clips by both discriminators, by each alone, and real ones in order and shuffled.

Live: the same small generator, so many rounds against both judges, against D_S alone, against D_T alone. Speed and
acceleration are of the centre of mass, in pixels a frame; the frame FD is over the features of a classifier of frames
of real clips, against real clips of the test digits. Medians over 3 seeds.
"""

import statistics
from time import process_time

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from lecture_lib import data, fast
from lecture_lib.applications import (
    FrameDiscriminator,
    Jury,
    TimeDiscriminator,
    VideoGenerator,
    moving_digits,
    some_frames,
    video_model,
)
from lecture_lib.applications.train import Yardstick, train_averaged
from lecture_lib.applications.video import MODEL

JUDGES = {
    "live, D_S and D_T": (FrameDiscriminator, TimeDiscriminator),
    "live, D_S alone": (FrameDiscriminator,),
    "live, D_T alone": (TimeDiscriminator,),
}
ROUNDS = 400


def live(clips: torch.Tensor, judges, seed: int) -> VideoGenerator:
    """The average of G's weights in a short game against these judges."""
    rng = torch.Generator().manual_seed(seed)
    G, D = VideoGenerator(**MODEL, rng=rng), Jury(*(judge(rng=rng) for judge in judges))
    average = AveragedModel(G, multi_avg_fn=get_ema_multi_avg_fn(0.99))
    for _ in train_averaged(G, D, average, clips, ROUNDS, d_step=fast.discriminator_step, seed=seed):
        pass
    update_bn([G.noise(250, rng) for _ in range(4)], average.module)
    return average.module


def run(quick: bool) -> dict[str, float]:
    """A table, and its numbers: with `quick`, of real and shipped clips alone."""
    images, rng = data.digits(), torch.Generator().manual_seed(0)
    yardstick, x = Yardstick(images), images.scaled(images.train)
    real = moving_digits(x[torch.randint(len(x), (10_000,), generator=rng)], rng=rng)
    found, head = {}, "speed, acceleration, flicker, same class, frame FD, CPU s".split(", ")
    print(f"\nclips of moving digits\n{'':<20}" + "".join(f"{name:>14}" for name in head))

    def row(name: str, runs: list[dict[str, float]]) -> None:
        found[name] = {key: statistics.median(one[key] for one in runs) for key in runs[0]}
        print(f"{name:<20}" + "".join(f"{value:14.2f}" for value in found[name].values()), flush=True)

    row("real", [yardstick(real[:2000])])
    row("real, shuffled", [yardstick(some_frames(real[:2000], 8, rng))])
    row("shipped", [yardstick(video_model().sample(2000, rng))])
    for name, judges in {} if quick else JUDGES.items():
        runs = []
        for seed in range(3):
            began = process_time()
            G = live(real, judges, seed)
            seconds = process_time() - began
            runs.append(yardstick(G.sample(2000, torch.Generator().manual_seed(seed))) | {"CPU s": seconds})
        row(name, runs)
    ratio = lambda name: found[name]["acceleration"] / found["real"]["acceleration"]  # noqa: E731
    result = {
        "video_acceleration_ratio": ratio("shipped"),
        "video_shuffled_ratio": ratio("real, shuffled"),
        "video_frame_fd": found["shipped"]["frame FD"],
        "video_same_class": found["shipped"]["same class"],
    }
    for key, name in zip(("both", "frames", "time"), JUDGES):
        if name in found:
            result |= {f"video_acceleration_ratio_{key}": ratio(name), f"video_frame_fd_{key}": found[name]["frame FD"]}
    return result


if __name__ == "__main__":
    import sys

    torch.set_num_threads(1)
    print(run("--quick" in sys.argv))
