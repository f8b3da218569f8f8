"""The same numbers, sooner: objects to pass in, which wrap networks, optimizers and steps, never a loop.

    alternate(fast.half(G), fast.half(D), adam_d, adam_g, x)     arithmetic in half precision
    alternate(fast.compiled(G), fast.compiled(D), ...)           on a GPU: fewer, larger kernels
    alternate(fast.direct(G), fast.direct(D), ...)               less overhead around the layers of a small network
    fast.Adam(D.parameters(), lr)                                and around its optimizer's step
    alternate(..., d_step=fast.discriminator_step)               real and fake pass D together
    fast.average_gradients(adam_d), d_step=fast.shared(d_step)   several processes play one game

A wrapped network shares its parameters with the plain one, which goes on to answer `sample`.
"""

import time
from collections.abc import Callable
from functools import cache, partial

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.functional import conv2d

from lecture_lib.checks import require, with_gradients
from lecture_lib.gans import Discriminator, Generator, cross_entropy, descend


def has_bfloat16(device: torch.device) -> bool:
    """Is arithmetic in bfloat16 faster than in float32 there? On a CPU it takes AVX512-BF16 or AMX, and is tried."""
    if device.type == "cuda":  # torch.cuda.is_bf16_supported() also counts GPUs that only emulate it
        return torch.version.hip is not None or torch.cuda.get_device_capability(device) >= (8, 0)
    supported = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # not yet in torch's public interface
    return device.type == "cpu" and any(getattr(torch.cpu, name, bool)() for name in supported) and sooner_in_bfloat16()


@cache
@with_gradients
def sooner_in_bfloat16() -> bool:
    """The best of five convolutions, forward and back, on this CPU: some have the instructions, and lose by them."""
    ones = partial(torch.ones, dtype=torch.float32, device="cpu")
    x, weight = (ones(64, 64, side, side).to(memory_format=torch.channels_last) for side in (14, 4))
    weight.requires_grad_()

    def seconds(enabled: bool) -> float:
        began = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            conv2d(x, weight, stride=2).float().sum().backward()
        return time.perf_counter() - began

    _, *timed = [(seconds(True), seconds(False)) for _ in range(6)]  # the first one sets things up
    in_half, in_full = map(min, zip(*timed))
    return in_half < in_full


class Wrapped(nn.Module):
    """A network that is called in another way; all else is asked of the network itself."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def __getattr__(self, name: str):
        return super().__getattr__(name) if name in ("net", "training") else getattr(super().__getattr__("net"), name)


class half(Wrapped):
    """The network with convolutions and matrix products in bfloat16, where the device gains by it (torch.autocast).

    Parameters, optimizer and losses stay in float32, so losses differ in the third digit. The weights are laid out
    anew in memory, channels last, in place.
    """

    def __init__(self, net: nn.Module):
        super().__init__(net.to(memory_format=torch.channels_last))
        self.enabled = has_bfloat16(next(net.parameters()).device)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.enabled):
            return self.net(x).to(x.dtype)


class direct(Wrapped):
    """A `Generator` or `Discriminator` without what torch does around the call of each layer, such as hooks."""

    def __init__(self, net: Generator | Discriminator):
        plain = type(net) in (Generator, Discriminator)  # no other forward than theirs
        require(plain, f"net is a {type(net).__name__}. It should be a Generator or a Discriminator.")
        super().__init__(net)
        self.layers = [layer.forward for layer in net]

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x.squeeze(-1) if isinstance(self.net, Discriminator) else x


def compiled(net: nn.Module) -> nn.Module:
    """The network behind `torch.compile`, which fuses what stands between two convolutions; as it is, on a CPU.

    The first steps wait for the compiler. A gradient that is differentiated once more, as penalties on D's slope are,
    cannot pass through it.
    """
    return torch.compile(net, dynamic=False) if next(net.parameters()).is_cuda else net


class Adam(torch.optim.Adam):
    """torch's Adam, the same numbers: its fused kernel, without what torch looks up around it, but for its hooks."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr, betas, eps, fused=True)

    @torch.no_grad()
    def step(self) -> None:
        for hook in self._optimizer_step_pre_hooks.values():
            hook(self, (), {})
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            states = [self.state[p] or self.at_rest(p) for p in params]
            means, squares, steps = ([state[name] for state in states] for name in ("exp_avg", "exp_avg_sq", "step"))
            options = {"lr": group["lr"], "eps": group["eps"], **dict(zip(("beta1", "beta2"), group["betas"]))}
            options |= {"weight_decay": 0.0, "amsgrad": False, "maximize": False}
            if params:
                torch._foreach_add_(steps, 1)
                torch._fused_adam_(params, [p.grad for p in params], means, squares, [], steps, **options)
        for hook in self._optimizer_step_post_hooks.values():
            hook(self, (), {})

    step.hooked = True  # else torch puts its own way of calling the hooks around each step

    def at_rest(self, p: nn.Parameter) -> dict:
        """The state before p's first step, as torch has it, so that either Adam goes on with the other's."""
        self.state[p] = {name: torch.zeros_like(p) for name in ("exp_avg", "exp_avg_sq")}
        self.state[p]["step"] = torch.zeros((), dtype=torch.float32, device=p.device)
        return self.state[p]

    def zero_grad(self, set_to_none: bool = True) -> None:
        for p in (p for group in self.param_groups for p in group["params"]):
            p.grad = None


@with_gradients
def discriminator_step(G, D, optimizer, x: Tensor, z: Tensor, loss: Callable = cross_entropy) -> Tensor:
    """`gans.discriminator_step` with real and fake in one pass through D: the same numbers, if D has no BatchNorm."""
    along = z.ndim - 2  # n, behind n_models
    with torch.no_grad():
        both = torch.cat([x, G(z)], along)
    return descend(optimizer, loss(*D(both).tensor_split([x.shape[along]], -1)))


def average_gradients(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    """The optimizer, which from now on averages the gradients of all processes before each of its steps.

    For a script that is started by `torchrun --nproc_per_node=2 script.py`, after init_process_group("gloo"), or
    ("nccl") with a GPU for each process. All start with the same weights and the same `rng`:

        adam_d, adam_g = map(fast.average_gradients, (adam_d, adam_g))
        steps = {"d_step": fast.shared(discriminator_step), "g_step": fast.shared(generator_step)}
        for step in alternate(G, D, adam_d, adam_g, x, rng=rng, **steps):

    Then they play the game of one process with the joint batch. BatchNorm sees each process's share alone; on GPUs
    nn.SyncBatchNorm.convert_sync_batchnorm(net) mends that.
    """

    def average(optimizer, args, kwargs) -> None:
        for p in (p for group in optimizer.param_groups for p in group["params"] if p.grad is not None):
            dist.all_reduce(p.grad)
            p.grad /= dist.get_world_size()

    optimizer.register_step_pre_hook(average)
    return optimizer


def shared(step: Callable) -> Callable:
    """The step on this process's share of the joint batch; it returns the mean of the losses of all processes."""

    def on_my_share(G, D, optimizer, *batch: Tensor) -> Tensor:
        size, along = dist.get_world_size(), batch[-1].ndim - 2  # n, behind n_models
        n = batch[-1].shape[along]
        require(n % size == 0, f"batch_size is {n}. Each of {size} processes should get an equal share of it.")
        loss = step(G, D, optimizer, *(part.chunk(size, along)[dist.get_rank()] for part in batch))
        dist.all_reduce(loss)
        return loss / size

    return on_my_share
