"""Laws of what makes a game faster: it gives the same numbers.

The references are torch's own Adam, the plain networks, the plain steps, and one process for many.
"""

import copy
import os
import platform
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from lecture_lib import fast, gans

from . import game_of_processes
from .test_dcgan import nets, trained
from .test_gans import logits, seed
from .test_gans_training import FUSED, adams, game, images, losses_of, pictures, play, same, state

CPU = torch.device("cpu")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@pytest.fixture
def bfloat16(monkeypatch):
    """Every CPU can, though few are faster for it."""
    monkeypatch.setattr(fast, "has_bfloat16", lambda device: True)


def relative(a, b) -> float:
    return ((a - b).norm() / b.norm()).item()


# ---------------------------------------------------------------- the optimizer


def some_parameters(dtype=torch.float32) -> list[torch.Tensor]:
    """Of a few shapes; no loss depends on the last one."""
    return [
        logits(*shape, number=i).to(dtype).requires_grad_() for i, shape in enumerate([(4, 3), (3,), (), (2, 2), (5,)])
    ]


def descend(params, optimizer, steps: range) -> None:
    for number in steps:
        optimizer.param_groups[0]["lr"] = 0.1 / (1 + number)  # as a schedule does
        used = params[: 3 if number == 1 else 4]  # one has no part in the second step
        optimizer.zero_grad()
        sum(((i + 1) * (p - number).square()).sum().sin() for i, p in enumerate(used)).backward()
        optimizer.step()


def both(dtype=torch.float32):
    """The same parameters twice, with torch's optimizer and with ours; the last two in a group of their own."""
    for make in (FUSED, fast.Adam):
        params = some_parameters(dtype)
        optimizer = make(params[:3], 0.1, (0.5, 0.99), eps=1e-7)
        optimizer.add_param_group({"params": params[3:], "lr": 0.02, "betas": (0.8, 0.9)})
        yield params, optimizer


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("default", [torch.float32, torch.float64])
def test_adam_is_torchs_to_the_last_bit(dtype, default):
    before = torch.get_default_dtype()
    try:
        torch.set_default_dtype(default)
        (theirs, torchs), (ours, fasts) = both(dtype)
        for params, optimizer in ((theirs, torchs), (ours, fasts)):
            start = copy.deepcopy(params)
            descend(params, optimizer, range(6))
    finally:
        torch.set_default_dtype(before)
    assert same(ours, theirs)
    assert [torch.equal(a, b) for a, b in zip(ours, start)] == [False] * 4 + [True]
    states = [optimizer.state_dict()["state"] for optimizer in (torchs, fasts)]
    assert states[0].keys() == states[1].keys() and 4 not in states[0]
    for number, moments in states[0].items():
        for name, value in moments.items():
            assert torch.equal(value, states[1][number][name]) and value.dtype == states[1][number][name].dtype


@pytest.mark.parametrize("first, then", [(0, 1), (1, 0)], ids=["torch's, then ours", "ours, then torch's"])
def test_what_one_adam_saved_the_other_goes_on_with_to_the_last_bit(first, then, tmp_path):
    (expected, optimizer), _ = both()
    descend(expected, optimizer, range(7))
    params, optimizer = [*both()][first]
    descend(params, optimizer, range(3))
    torch.save([params, optimizer.state_dict()], tmp_path / "adam.pt")
    saved, adam = torch.load(tmp_path / "adam.pt")
    params, optimizer = [*both()][then]
    for p, value in zip(params, saved):
        p.data = value.data
    optimizer.load_state_dict(adam)
    descend(params, optimizer, range(3, 7))
    assert same(params, expected)


def test_adam_without_any_gradient_moves_nothing_and_a_schedule_is_heard():
    (_, _), (params, optimizer) = both()
    before = copy.deepcopy(params)
    optimizer.step()
    assert same(params, before)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.0)
    descend(params, optimizer, range(1))
    assert not same(params, before)
    schedule.step()
    before = copy.deepcopy(params)
    params[0].sum().backward()
    optimizer.step()
    assert same(params, before)


# ---------------------------------------------------------------- one pass through D


@pytest.mark.parametrize("name", ["single", "many", "images"])
@pytest.mark.parametrize("loss", [gans.cross_entropy, gans.further.hinge], ids=["cross entropy", "hinge"])
def test_real_and_fake_in_one_pass_give_the_same_step(name, loss):
    make = {"single": game, "many": partial(game, 3), "images": images}[name]
    lead, shape = (3,) if name == "many" else (), (1, 4, 4) if name == "images" else (2,)
    ends = []
    for step in (gans.discriminator_step, fast.discriminator_step):
        G, D = make()
        before, rng, (adam_d, _) = state(G), seed(4), adams(G, D, (0.05, 0.05))
        losses = []
        for n in (16, 16, 11):  # the last time of data and of noise not equally many
            x, z = (torch.randn(*lead, m, *s, generator=rng).double() for m, s in ((n, shape), (16, (3,))))
            with torch.no_grad():
                losses.append(step(G, D, adam_d, x, z, loss))
        assert same(state(G), before) and not any(p.grad is not None for p in G.parameters())
        ends.append([*losses, *state(D)])
    torch.testing.assert_close(*ends, rtol=1e-9, atol=1e-9)


# ---------------------------------------------------------------- half precision


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="needs /proc/cpuinfo")
@pytest.mark.parametrize("sooner", [True, False])
def test_the_cpu_is_asked_what_the_kernel_says_of_it_and_whether_it_gains_by_it(sooner, monkeypatch):
    monkeypatch.setattr(fast, "sooner_in_bfloat16", lambda: sooner)
    flags = re.search(r"flags\s*:(.*)", Path("/proc/cpuinfo").read_text())
    flags = flags[1].split() if flags else []
    if platform.machine() in ("x86_64", "AMD64"):
        assert fast.has_bfloat16(CPU) == (sooner and ("avx512_bf16" in flags or "amx_tile" in flags))
    assert fast.has_bfloat16(torch.device("mps")) is False


def test_hooks_before_and_after_a_step_are_called_and_may_change_the_gradients():
    (theirs, torchs), (ours, fasts) = both()
    called = []
    for params, optimizer in ((theirs, torchs), (ours, fasts)):
        optimizer.register_step_pre_hook(lambda *_, params=params: [p.grad.mul_(2) for p in params[:3]] and None)
        optimizer.register_step_post_hook(lambda self, args, kwargs: called.append(type(self)))
        descend(params, optimizer, range(2))
    assert same(ours, theirs) and called == 2 * [torch.optim.Adam] + 2 * [fast.Adam]


def test_the_trial_of_the_cpu_leaves_random_numbers_gradients_and_dtypes_as_they_are():
    before = torch.get_rng_state()
    with torch.inference_mode(), torch.device("meta"):
        found = fast.sooner_in_bfloat16.__wrapped__()
    assert found in (True, False) and torch.equal(torch.get_rng_state(), before)


def test_half_shares_its_parameters_and_answers_what_the_network_answers(bfloat16):
    G, _ = trained(8, 4)
    before = copy.deepcopy(G.state_dict())
    wrapped = fast.half(G)
    assert {id(p) for p in wrapped.parameters()} == {id(p) for p in G.parameters()}
    assert G.state_dict().keys() == before.keys() and same(G.state_dict().values(), before.values())
    assert torch.equal(wrapped.noise(5, seed(1)), G.noise(5, seed(1))) and wrapped.z_dim == 3
    assert torch.equal(wrapped.sample(5, seed(1)), G.sample(5, seed(1)))
    with torch.no_grad():
        next(wrapped.parameters()).zero_()
    assert not next(G.parameters()).any()
    assert not hasattr(wrapped, "log_prob")


def test_in_one_pass_half_is_near_float32(bfloat16):
    """bfloat16 has 8 bits: each number is off by up to 0.4 %. Of the whole, after all layers, 0.5 % over 12 seeds."""
    G, D = trained()
    z, x = G.noise(64, seed(5)), pictures(64, 16)
    with torch.no_grad():
        for net, given in ((G, z), (D, x), (D, G(z))):
            exact, half = net(given), fast.half(net)(given)
            assert half.dtype == torch.float32 and 1e-5 < relative(half, exact) < 0.01
        assert (G(z) - fast.half(G)(z)).abs().max() < 0.01  # of a range of 2: about one of 256 grey levels


def test_halfs_gradients_point_where_float32s_point(bfloat16):
    """Each player's whole gradient. (A single bias's may be next to nothing, and rounding then a large part of it.)"""
    G, D = trained()
    z, x = G.noise(64, seed(5)), pictures(64, 16)
    ways = []
    for g, d in ((G, D), (fast.half(G), fast.half(D))):
        d_loss, g_loss = gans.cross_entropy(d(x), d(g(z).detach())), gans.non_saturating(d(g(z)))
        slopes = torch.autograd.grad(d_loss, [*D.parameters()]), torch.autograd.grad(g_loss, [*G.parameters()])
        ways.append([torch.cat([part.flatten() for part in slope]) for slope in slopes])
    for exact, half in zip(*ways):
        assert half.dtype == torch.float32
        assert torch.cosine_similarity(exact, half, 0) > 0.995
        assert abs(half.norm() / exact.norm() - 1) < 0.03


@pytest.mark.parametrize("dtype, able", [(torch.float32, False), (torch.float64, True)], ids=["no bfloat16", "double"])
def test_where_there_is_nothing_to_halve_the_numbers_are_the_same_to_the_last_bit(dtype, able, monkeypatch):
    monkeypatch.setattr(fast, "has_bfloat16", lambda device: able)
    G, D = (net.to(dtype) for net in trained(8, 4))
    z, x = G.noise(9, seed(5)).to(dtype), pictures(9).to(dtype)
    half_G, half_D = fast.half(G), fast.half(D)  # both lay the weights out anew
    for net, half, given in ((G, half_G, z), (D, half_D, x)):
        assert torch.equal(half(given), net(given))


def test_a_halved_network_is_copied_averaged_and_put_into_evaluation(bfloat16):
    G, D = map(fast.half, nets(dtype=torch.float32))
    ema = AveragedModel(G, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    play(G, D, x=pictures(), steps=3)
    ema.update_parameters(G)
    copied = copy.deepcopy(G)
    for other in (ema.module, copied):
        assert same(state(other), state(G)) and torch.equal(other.sample(3, seed(0)), G.sample(3, seed(0)))
    play(G, D, x=pictures(), steps=3)
    assert not same(state(copied), state(G))
    with gans.eval_mode(G):
        assert not G.training and not G.net.training and not G.net[2].training
    assert G.training and G.net[2].training


# ---------------------------------------------------------------- layers called directly


@pytest.mark.parametrize("n_models", [None, 3])
def test_a_direct_game_is_the_same_game_to_the_last_bit(n_models):
    ends = []
    for wrap in (lambda net: net, fast.direct):
        G, D = game(n_models)
        steps = play(wrap(G), wrap(D), adams(G, D))
        ends.append([losses_of(steps), *state(G, D)])
    assert same(*ends)


def test_a_direct_network_is_copied_and_moved_with_its_layers():
    G, D = map(fast.direct, game())
    copied, z = copy.deepcopy(D), G.noise(5, seed(1)).to(torch.float64)
    with torch.no_grad():
        next(D.parameters()).zero_()
    assert not torch.equal(copied(G(z)), D(G(z)))  # a copy's weights are its own
    assert torch.equal(G.float()(z.float()), G.net(z.float())) and G.z_dim == G.net.z_dim


def test_what_has_a_forward_of_its_own_is_no_direct_network():
    class Doubled(gans.Discriminator):
        def forward(self, x):
            return super().forward(2 * x)

    with pytest.raises(ValueError, match="net is a Doubled"):
        fast.direct(Doubled(2))


# ---------------------------------------------------------------- the compiler


def test_without_a_gpu_a_network_is_not_compiled():
    for net in (*nets(), *game()):
        assert fast.compiled(net) is net


def test_a_compiled_game_is_the_same_game():
    """torch's compiler with its own backend in Python stands in for the one that writes code for a GPU."""
    ends = []
    for wrap in (lambda net: net, partial(torch.compile, backend="aot_eager", dynamic=False)):
        G, D = nets()
        steps = play(wrap(G), wrap(D), adams(G, D), pictures(), steps=3)
        ends.append([losses_of(steps), *state(G, D)])
    torch.testing.assert_close(*ends, rtol=1e-8, atol=1e-10)


# ---------------------------------------------------------------- several processes


@pytest.mark.skipif(not dist.is_gloo_available(), reason="torch is built without gloo")
def test_two_processes_of_torchrun_play_the_games_of_one_with_the_joint_batch(tmp_path):
    """Losses and parameters, to 1e-12, and each process knows them."""
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    done = subprocess.run(
        [*run, game_of_processes.__file__, str(tmp_path / "end")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    expected = game_of_processes.play(many=False)
    for rank in range(2):
        found = torch.load(tmp_path / f"end.{rank}")
        assert found.pop("refused") == "batch_size is 13. Each of 2 processes should get an equal share of it."
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


# ---------------------------------------------------------------- on a GPU


@needs_cuda
@pytest.mark.parametrize("default", [torch.float32, torch.float64])
def test_on_a_gpu_adam_is_torchs_too(default, monkeypatch):
    ends = []
    for make in (FUSED, fast.Adam):
        G, D = (net.cuda() for net in game(dtype=torch.float32))
        play(G, D, adams(G, D, make=make))
        ends.append(state(G, D))
    assert same(*ends)


@needs_cuda
def test_on_a_gpu_a_fast_game_is_near_the_plain_one_on_the_cpu():
    ends, x = [], pictures(64, 28)
    for device, wrap in (
        ("cpu", lambda net: net),
        ("cuda", lambda net: net),
        ("cuda", lambda net: fast.half(fast.compiled(net))),
    ):
        G, D = (net.to(device) for net in nets(28, 8, dtype=torch.float32))
        steps = play(wrap(G), wrap(D), adams(G, D), x)
        assert {p.device.type for p in state(G, D)} == {device} and {p.dtype for p in G.parameters()} == {torch.float32}
        ends.append((losses_of(steps).cpu(), G.sample(30, seed(2))))
    (losses, made), plain, half = ends
    torch.testing.assert_close(plain[0], losses, rtol=0, atol=2e-3)
    torch.testing.assert_close(half[0], losses, rtol=0, atol=0.1)
    assert relative(plain[1], made) < 0.02 and relative(half[1], made) < 0.1
