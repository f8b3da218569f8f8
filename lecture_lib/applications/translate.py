"""Transfer: images of one kind become images of another, without a single pair. Slide "Additional Applications".

    b = G(a), a = H(b)                 two generators whose noise is an image, `cyclegan`
    is b real? is a real?              two discriminators, D_B and D_A: part 4's game, played twice
    H(G(a)) = a, G(H(b)) = b           `cycle_loss`, which ties the two games together
    by turns                           `discriminators_step`, `generators_step`; `train_cyclegan`

CycleGAN, Zhu and others 2017. Which map it should learn is said nowhere: see `maps`, where it is known.
"""

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.optim import Optimizer

from lecture_lib.applications.checked import checked_cycle
from lecture_lib.checks import as_input, cpu_rng, fits_memory, positive_int, require, takes_arrays, with_gradients
from lecture_lib.gans import ImageDiscriminator, Step, descend, discriminator_step, non_saturating, turns
from lecture_lib.gans.networks import SLOPE

WEIGHTS = Path(__file__).parent / "edges.safetensors"


class Translator(nn.Module):
    """b = G(a): pictures (n, 1, height, width) to others of the same size, in [-1, 1]; height and width are even.

    Half of what the last layer sees comes straight from the first, so what is where need not pass through the middle:
    two residual convolutions with InstanceNorm, at half of the side. width: channels outside, half of the middle's.
    """

    def __init__(self, width: int):
        super().__init__()
        self.first, self.down = nn.Conv2d(1, width, 3, padding=1), nn.Conv2d(width, 2 * width, 4, 2, 1)
        parts = [(nn.ReLU(), nn.Conv2d(2 * width, 2 * width, 3, padding=1), nn.InstanceNorm2d(2 * width)) for _ in "12"]
        self.middle = nn.ModuleList(nn.Sequential(*part) for part in parts)
        self.up, self.last = nn.ConvTranspose2d(2 * width, width, 4, 2, 1), nn.Conv2d(2 * width, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        outside = torch.relu(self.first(as_input(x, self.last.weight, 4, 1)))
        inside = self.down(outside)
        for part in self.middle:
            inside = inside + part(inside)
        return torch.tanh(self.last(torch.cat([outside, torch.relu(self.up(torch.relu(inside)))], 1)))


def cyclegan(size=28, width=8, rng=None) -> tuple[Translator, Translator, ImageDiscriminator, ImageDiscriminator]:
    """G: A -> B, H: B -> A, D_A, D_B for pictures of size x size pixels.

    size: even. width: channels of the first layers. rng: of the first weights, torch's own in distribution.
    """
    size, width, rng = positive_int("size", size, least=4), positive_int("width", width), cpu_rng(rng)
    require(size % 2 == 0, f"size is {size}. It should be an even number of pixels.")
    fits_memory("A layer", 16 * width, 2 * width + size**2)
    with torch.random.fork_rng([]), torch.device("cpu"):  # torch's own first weights are not used
        nets = [Translator(width), Translator(width)]
        for _ in "AB":
            first, second = nn.Conv2d(1, width, 4, 2, 1), nn.Conv2d(width, 2 * width, 4, 2, 1)
            logit = nn.Flatten(), nn.Linear(2 * width * (size // 4) ** 2, 1), nn.Flatten(0)
            nets.append(ImageDiscriminator(first, nn.LeakyReLU(SLOPE), second, nn.LeakyReLU(SLOPE), *logit))
    for p in nn.ModuleList(nets).parameters():  # weights and biases
        nn.init.kaiming_uniform_(p, math.sqrt(5), generator=rng) if p.ndim > 1 else nn.init.zeros_(p)
    return tuple(net.to(memory_format=torch.channels_last) for net in nets)


def edge_translators() -> tuple[Translator, Translator]:
    """G: clothes -> their edges, H: back again, which come with the course; pictures of 28 x 28 pixels in [-1, 1]."""
    G, H, *_ = cyclegan(rng=torch.Generator())
    nn.ModuleList([G, H]).load_state_dict(load_file(WEIGHTS))
    return G.eval(), H.eval()


@takes_arrays
def cycle_loss(G: Callable, H: Callable, a: Tensor, b: Tensor) -> Tensor:
    """E |H(G(a)) - a| + E |G(H(b)) - b|, a mean over images and pixels each: there and back again. Shape ().

    a, b: batches of A and B, (n, ...) and (m, ...). 0 for all G and H that undo each other, whatever they do.
    """
    return (H(G(a)) - a).abs().mean() + (G(H(b)) - b).abs().mean()


@with_gradients
def discriminators_step(nets, optimizer: Optimizer, a: Tensor, b: Tensor) -> Tensor:
    """Part 4's step for D_B, on b and G(a), and for D_A, on a and H(b); the sum of their losses before, in nats.

    nets: G, H, D_A, D_B. optimizer holds the parameters of both D: each step moves those that its loss depends on.
    """
    G, H, D_A, D_B = nets
    return discriminator_step(G, D_B, optimizer, b, a) + discriminator_step(H, D_A, optimizer, a, b)


@with_gradients
def generators_step(
    nets, optimizer: Optimizer, a: Tensor, b: Tensor, weight: float = 10.0, cycle: Callable = cycle_loss
) -> Tensor:
    """A step of G and H down -E log D_B(G(a)) - E log D_A(H(b)) + weight cycle(G, H, a, b), D_A and D_B fixed.

    nets: G, H, D_A, D_B. optimizer holds the parameters of G and H. weight: lambda in the paper. Returns the loss
    before the step.
    """
    G, H, D_A, D_B = nets
    made_b, made_a = G(a), H(b)
    loss = non_saturating(D_B(made_b)) + non_saturating(D_A(made_a))
    if weight:
        known = lambda net, x, made: lambda y: made if y is x else net(y)  # noqa: E731 (G(a), H(b) are not made twice)
        loss = loss + weight * cycle(known(G, a, made_b), known(H, b, made_a), a, b)
    return descend(optimizer, loss)


def rising(weight: float, steps: int) -> Callable[[int], float]:
    """weight t / w for the first w = 2 steps / 5 steps, then weight.

    At its full weight from the start, the cycle loss holds G near the identity: that undoes itself already, and what
    lies between it and its negative is grey. So the discriminators come first.
    """
    return lambda number: weight * min(1.0, 2.5 * number / steps)


@with_gradients
def train_cyclegan(
    nets, g_optimizer, d_optimizer, a, b, steps=1200, batch_size=4, weight=10.0, lr=None, g_step=None, rng=None
) -> Iterator[Step]:
    """min over G, H of max over D_A, D_B of both games + weight `cycle_loss`, by turns; yields a `Step` after each.

    nets: G, H, D_A, D_B, as of `cyclegan`. g_optimizer holds the parameters of G and H, d_optimizer those of the D.
    a, b: images of A and of B, (n, ...) and (m, ...). A batch of each is drawn by itself, with replacement: no pairs.
    steps: of D's and G's together. weight, lr: numbers, or functions of the step's number, such as `rising(...)` and
        `warm_up_cosine(...)`; lr is by default the optimizers' own. rng: of the batches, on the CPU.
    g_step: by default `generators_step`, called as g_step(nets, g_optimizer, a, b, weight=weight).
    All state is the caller's, as with `gans.alternate`. ValueError at the call if something does not fit;
    FloatingPointError at a loss that is not finite.
    """
    steps, batch_size, rng = positive_int("steps", steps), positive_int("batch_size", batch_size), cpu_rng(rng, True)
    a, b, weight, lr = checked_cycle(*nets, g_optimizer, d_optimizer, a, b, weight, lr)
    fits_memory("A batch", batch_size, a[0].numel() + b[0].numel())

    @with_gradients
    def play() -> Iterator[Step]:  # apart, so that all of the above happens at the call
        for number, player in zip(range(1, steps + 1), turns((1, 1))):
            optimizer = d_optimizer if player == "D" else g_optimizer
            for group in optimizer.param_groups if lr else ():
                group["lr"] = lr(number)
            batch = [x[torch.randint(len(x), (batch_size,), generator=rng, device="cpu")] for x in (a, b)]
            if player == "D":
                loss = discriminators_step(nets, optimizer, *batch)
            else:
                loss = (g_step or generators_step)(nets, optimizer, *batch, weight=weight(number))
            yield Step(number, player, loss)

    return play()
