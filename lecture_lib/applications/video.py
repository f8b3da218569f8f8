"""Video: a generator that goes through time, and two discriminators, one of frames and one of time: a small DVD-GAN.

Slide "Applications: Generate Video". After Clark, Donahue and Simonyan (2019), Adversarial Video Generation on Complex
Datasets. One discriminator of everything would be large: D_S sees few frames, sharp, and nothing of time; D_T sees
time, in a quarter of the pixels.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from lecture_lib.applications.clips import ROOM, SIDE, as_clips, placed, some_frames
from lecture_lib.checks import as_input, cpu_rng, fits_memory, positive_int, sampler
from lecture_lib.gans.networks import SLOPE, eval_mode

WEIGHTS = Path(__file__).parent / "video.safetensors"
MODEL = {"z_dim": 32, "hidden": 64, "width": 48, "frames": 8}


class VideoGenerator(nn.Module):
    """Clips G(z), z ~ N(0, I): (n, z_dim) -> (n, frames, 1, 16, 16) in [-1, 1], of one thing that moves.

        what = transposed convolutions(z)                 a picture of 8 x 8 pixels, one for all frames
        h_t = GRU(h_(t-1), z), where_t = network(h_t)     the same z in each frame, one step of time a frame

    Content and motion apart, as Tulyakov and others (2018, MoCoGAN) have them. hidden: numbers in h. width: channels
    of the picture's last layer. rng: of the first weights.
    """

    def __init__(self, z_dim=32, hidden=64, width=48, frames=8, rng=None):
        super().__init__()
        numbers = {"z_dim": z_dim, "hidden": hidden, "width": width, "frames": frames}
        self.z_dim, hidden, width, self.frames = (positive_int(name, value) for name, value in numbers.items())
        self.d = self.frames * SIDE**2
        fits_memory("The layers", 32 * width, hidden + self.z_dim)
        with first_weights(rng):
            self.begin, self.time = nn.Linear(z_dim, hidden), nn.GRU(z_dim, hidden, batch_first=True)
            self.where = nn.Sequential(nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 2), nn.Sigmoid())
            layers = [nn.Linear(z_dim, 32 * width, bias=False), nn.Unflatten(1, (2 * width, 4, 4))]
            layers += [nn.BatchNorm2d(2 * width), nn.ReLU(), nn.ConvTranspose2d(2 * width, width, 4, 2, 1, bias=False)]
            layers += [nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, 1, 3, 1, 1), nn.Tanh()]
            self.what = nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        z = as_input(z, self.begin.weight, 2, self.z_dim)
        again = z[:, None].expand(-1, self.frames, -1)  # (n, frames, z_dim)
        h, _ = self.time(again, self.begin(z).tanh()[None])  # (n, frames, hidden)
        return placed(self.what(z), ROOM * self.where(h))

    @sampler
    def noise(self, n, rng=None) -> Tensor:
        """z, (n, z_dim), on the CPU."""
        return torch.randn(n, self.z_dim, generator=rng)

    @sampler
    def sample(self, n, rng=None) -> Tensor:
        """n clips, BatchNorm with its running statistics, on the CPU."""
        with eval_mode(self):
            return torch.cat([self(z).cpu() for z in self.noise(n, rng).split(250)])


class FrameDiscriminator(nn.Module):
    """D_S: the mean logit of k random frames of a clip, each at full size by itself. It cannot know their order.

    (n, frames, 1, 16, 16) -> (n,). rng: of which frames it looks at, and of the first weights.
    """

    def __init__(self, k=4, width=32, rng=None):
        super().__init__()
        self.k, width, self.rng = positive_int("k", k), positive_int("width", width), cpu_rng(rng)
        with first_weights(rng):
            layers = [nn.Conv2d(1, width, 4, 2, 1), nn.LeakyReLU(SLOPE), nn.Conv2d(width, 2 * width, 4, 2, 1)]
            layers += [nn.LeakyReLU(SLOPE), nn.Conv2d(2 * width, 4 * width, 4, 2, 1), nn.LeakyReLU(SLOPE)]
            self.net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * width, 1), nn.Flatten(0))

    def forward(self, clips: Tensor) -> Tensor:
        frames = some_frames(as_clips(clips, side=SIDE).to(self.net[0].weight), self.k, self.rng)
        return self.net(frames.flatten(0, 1)).unflatten(0, frames.shape[:2]).mean(1)


class TimeDiscriminator(nn.Module):
    """D_T: the logit of a whole clip, each 2 x 2 pixels of a frame averaged, by convolutions over time and space.

    (n, frames, 1, 16, 16) -> (n,). It cannot know what the average removed. rng: of the first weights.
    """

    def __init__(self, frames=8, width=32, rng=None):
        super().__init__()
        self.frames, width = positive_int("frames", frames, least=2), positive_int("width", width)
        with first_weights(rng):
            layers = [nn.Conv3d(1, width, (3, 4, 4), (1, 2, 2), 1), nn.LeakyReLU(SLOPE)]
            layers += [nn.Conv3d(width, 2 * width, 4, 2, 1), nn.LeakyReLU(SLOPE), nn.Flatten()]
            self.net = nn.Sequential(*layers, nn.Linear(8 * width * (self.frames // 2), 1), nn.Flatten(0))

    def forward(self, clips: Tensor) -> Tensor:
        clips = as_clips(clips, self.frames, side=SIDE).to(self.net[0].weight)
        pooled = avg_pool2d(clips.flatten(0, 1), 2).unflatten(0, clips.shape[:2])
        return self.net(pooled.transpose(1, 2))  # (n, 1, frames, 8, 8)


class Jury(nn.Module):
    """Discriminators side by side, a row of logits each: (n, ...) -> (judges, n).

    The losses of `gans` take a mean over the last dimension, so each of the judges gets a loss of its own, and
    `descend` adds them: `alternate(G, Jury(D_S, D_T), ...)` is a game with both.
    """

    def __init__(self, *judges: nn.Module):
        super().__init__()
        self.judges = nn.ModuleList(judges)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([judge(x) for judge in self.judges])


@contextmanager
def first_weights(rng) -> Iterator[None]:
    """torch's own first weights, on the CPU, drawn by rng."""
    seed = torch.randint(2**62, (1,), generator=cpu_rng(rng), device="cpu").item()
    with torch.random.fork_rng([]), torch.device("cpu"):
        torch.manual_seed(seed)
        yield


def video_model() -> VideoGenerator:
    """The generator of moving digits that comes with the course."""
    model = VideoGenerator(**MODEL, rng=torch.Generator())  # torch's own random numbers stay as they are
    model.load_state_dict(load_file(WEIGHTS))
    return model.eval()
