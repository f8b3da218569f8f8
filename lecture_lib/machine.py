"""What depends on the machine, in one place: half precision, memory layout, a compiler, processes, files.

So the game itself, `gans/training.py`, reads as on the slides.
"""

from __future__ import annotations

import io
import os
import shutil
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from importlib.util import find_spec
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

# ---------------------------------------------------------------- speed


def has_bfloat16(device: torch.device) -> bool:
    """Is arithmetic in bfloat16 faster than in float32 there? On a CPU it takes AVX512-BF16 or AMX."""
    if device.type == "cuda":  # torch.cuda.is_bf16_supported() also counts GPUs that only emulate it
        return torch.version.hip is not None or torch.cuda.get_device_capability(device) >= (8, 0)
    asks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # not yet in torch's public interface
    return device.type == "cpu" and any(getattr(torch.cpu, ask, bool)() for ask in asks)


def can_compile(device: torch.device) -> bool:
    """Can `torch.compile` work there? It takes a newer GPU, Triton (torch brings it on Linux) and a C compiler."""
    compiler = os.environ.get("CC") or any(map(shutil.which, ("cc", "gcc", "clang")))
    able = device.type == "cuda" and torch.cuda.get_device_capability(device) >= (7, 0)
    return bool(able and find_spec("triton") and compiler)


class Machine:
    """What is done for speed, if `fast`; nothing if not.

    Convolutions and matrix products in bfloat16, with the parameters, Adam and the losses in float32, where the device
    has it; images with their channels last in memory; on a GPU the networks compiled by `torch.compile`, which fuses
    what stands between two convolutions.
    """

    def __init__(self, device: torch.device, fast: bool):
        self.device, self.fast = device, fast
        self.half = fast and has_bfloat16(device)

    def prepare(self, net: nn.Module, twice: bool = False) -> nn.Module:
        """The same parameters, in a form that runs faster. twice: will its gradients be differentiated again?

        A compiled network cannot do that, and is not tried with several processes.
        """
        if not self.fast:
            return net
        net.to(memory_format=torch.channels_last)
        several = any(isinstance(part, (DistributedDataParallel, JointBatchNorm2d)) for part in net.modules())
        if twice or several or not can_compile(self.device):
            return net
        torch._dynamo.config.cache_size_limit = 64  # each size of a network takes four of its places, and 8 are usual
        return torch.compile(net, dynamic=False)

    def arithmetic(self) -> AbstractContextManager:
        """A context for the forward pass."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.half else nullcontext()


@contextmanager
def evaluating(*nets: nn.Module):
    """A context in which the networks are in evaluation mode; each of their parts then gets its own mode back."""
    modes = {part: part.training for net in nets for part in net.modules()}
    try:
        for net in nets:
            net.eval()
        yield
    finally:
        for part, mode in modes.items():
            part.training = mode


@contextmanager
def fixed(parameters: list[Tensor]):
    """A context in which these get no gradients. A compiler decides in the forward pass which ones it computes."""
    wanted = [p.requires_grad for p in parameters]
    try:
        for p in parameters:
            p.requires_grad_(False)
        yield
    finally:
        for p, want in zip(parameters, wanted):
            p.requires_grad_(want)


# ---------------------------------------------------------------- several processes


class Team:
    """The processes that train the networks together; a team of one, if they are no `DistributedDataParallel`.

    All of them draw the same random numbers for the joint batch, and each takes its share: so any number of processes
    plays the same game.
    """

    def __init__(self, *nets: nn.Module):
        wrapped = {isinstance(net, DistributedDataParallel) for net in nets}
        if len(wrapped) > 1:
            raise ValueError("One network is a DistributedDataParallel and the other is not. Both should be, or none.")
        self.size = dist.get_world_size() if wrapped == {True} else 1
        self.rank = dist.get_rank() if self.size > 1 else 0

    def share(self, rows: Tensor) -> Tensor:
        """This process's part of the joint batch."""
        return rows if self.size == 1 else rows.chunk(self.size)[self.rank]

    def mean(self, value: Tensor) -> Tensor:
        """The mean over the processes."""
        if self.size == 1:
            return value
        value = value.clone()
        dist.all_reduce(value)
        return value / self.size


def within(net: nn.Module) -> nn.Module:
    """The network inside of a `DistributedDataParallel`, or the network itself."""
    return net.module if isinstance(net, DistributedDataParallel) else net


def parallel(net: nn.Module) -> DistributedDataParallel:
    """The network, to be trained by all processes together, with BatchNorm over the joint batch.

    For a script that is started by `torchrun --nproc_per_node=2 script.py` (or one process for each GPU):

        torch.distributed.init_process_group("gloo")
        G, D = map(machine.parallel, gans.dcgan(28))
        for step in gans.alternate(G, D, x, generator=torch.Generator().manual_seed(0)):  # the same seed everywhere

    With GPUs: init_process_group("nccl"), torch.cuda.set_device(int(os.environ["LOCAL_RANK"])), and G.cuda(), D.cuda()
    before `parallel`. That was not tried: only gloo on CPUs is tested. The first weights are those of process 0.
    """
    return DistributedDataParallel(_joint(net))


def _joint(net: nn.Module) -> nn.Module:
    if isinstance(net, nn.BatchNorm2d):
        if net.momentum is None or not net.affine:
            raise ValueError("A BatchNorm2d has no momentum or no gain. JointBatchNorm2d needs both.")
        return JointBatchNorm2d(net)
    for name, part in net.named_children():
        setattr(net, name, _joint(part))
    return net


class _Sum(torch.autograd.Function):
    """The sum over all processes; its gradient is the sum of the gradients that it gets in all of them."""

    @staticmethod
    def forward(ctx, part: Tensor) -> Tensor:
        part = part.clone()
        dist.all_reduce(part)
        return part

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return _Sum.apply(gradient)


class JointBatchNorm2d(nn.BatchNorm2d):
    """BatchNorm by mean and variance of the joint batch of all processes. (torch's SyncBatchNorm needs a GPU.)"""

    def __init__(self, norm: nn.BatchNorm2d):
        super().__init__(norm.num_features, norm.eps, norm.momentum)
        self.to(norm.weight).load_state_dict(norm.state_dict())
        self.train(norm.training)

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, height, width) -> the same shape; n images of this process."""
        if not self.training:
            return super().forward(x)
        kind, x = x.dtype, x.to(self.weight)  # sums in float32, also of what is bfloat16
        size = dist.get_world_size()
        joint = lambda part: _Sum.apply(part.mean((0, 2, 3), keepdim=True)) / size  # noqa: E731
        mean = joint(x)
        variance = joint((x - mean).square())
        with torch.no_grad():
            n = size * x[:, 0].numel()
            for running, new in ((self.running_mean, mean), (self.running_var, variance * n / (n - 1))):
                running.lerp_(new.flatten().to(running), self.momentum)
            self.num_batches_tracked += 1
        gain, bias = self.weight[:, None, None], self.bias[:, None, None]
        return ((x - mean) * (variance + self.eps).rsqrt() * gain + bias).to(kind)


# ---------------------------------------------------------------- files


def save(state: dict, path: str | Path) -> None:
    """Write a checkpoint, such as `step.checkpoint()`; `path` then holds all of it, or else what it held before.

    It goes to a new file beside `path`, which takes its place when it is complete and on the disk. If the disk is full
    (OSError), or the machine stops half way, the checkpoint from before is still there.
    """
    path, whole = Path(path), io.BytesIO()
    torch.save(state, whole)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(new, "wb") as file:
            file.write(whole.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except OSError as error:
        before = "; what was there before is untouched" if path.exists() else ""
        raise OSError(error.errno, f"Not saved{before}: {error.strerror}", str(path)) from error
    finally:
        with suppress(OSError):
            new.unlink()


def load(path: str | Path) -> dict:
    """What `save` wrote, on the CPU: numbers and tensors, never code. ValueError if the file is not complete."""
    whole = io.BytesIO(Path(path).read_bytes())
    try:
        return torch.load(whole, map_location="cpu", weights_only=True)
    except Exception as error:  # torch has many for a file that is cut off: OSError, KeyError, IndexError ...
        raise ValueError(f"{path} is not a complete checkpoint. Take an earlier one.") from error
