"""Clips whose motion is known, what is measured of them, and who can see what of it."""

import numpy as np
import pytest
import torch
from safetensors import safe_open
from scipy.ndimage import shift
from scipy.stats import chisquare
from torch.optim.swa_utils import AveragedModel

from lecture_lib import data, gans
from lecture_lib.applications import (
    FrameDiscriminator,
    Jury,
    TimeDiscriminator,
    VideoGenerator,
    motion,
    moving_digits,
    some_frames,
    video_model,
)
from lecture_lib.applications.clips import moving_frames, placed
from lecture_lib.applications.train import train_averaged
from lecture_lib.applications.video import WEIGHTS

ROOM = 8  # pixels that a digit can go along each axis
NEW = {
    "D_S": lambda rng: FrameDiscriminator(width=4, rng=rng),
    "D_T": lambda rng: TimeDiscriminator(width=4, rng=rng),
    "G": lambda rng: VideoGenerator(z_dim=5, hidden=7, width=4, rng=rng),
}
by_network = pytest.mark.parametrize("make", NEW.values(), ids=NEW)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def noise(n=6, frames=8, seed=0):
    """Clips in which no two frames are alike."""
    return 2 * torch.rand(n, frames, 1, 16, 16, generator=seeded(seed)) - 1


def dot(places):
    """A clip of one white pixel at these places, (frames, 2)."""
    clip = torch.full((1, len(places), 1, 16, 16), -1.0)
    for t, (row, column) in enumerate(places):
        clip[0, t, 0, row, column] = 1
    return clip


def centres(clips):
    """Of the ink, (n, frames, 2), in float64."""
    ink, pixel = (clips[:, :, 0].double() + 1) / 2, torch.arange(clips.shape[-1]).double()
    return torch.stack([ink.sum(3) @ pixel, ink.sum(2) @ pixel], 2) / ink.sum((2, 3))[..., None]


def test_a_digit_goes_straight_on_at_1_to_2_pixels_a_frame_until_it_meets_a_wall(rng):
    pictures = 2 * torch.rand(300, 1, 8, 8, generator=rng) - 1
    at = centres(moving_digits(pictures, 9, rng)) - centres(pictures[:, None])
    assert -1e-5 < at.min() and at.max() < ROOM + 1e-5  # inside
    step, ahead = at.diff(dim=1), 2 * at[:, 1:-1] - at[:, :-2]
    pace = step.abs().amax(1, keepdim=True)  # of each axis; where it bounces, a step may be shorter
    assert 0.999 < pace.norm(dim=2).min() < 1.1 and 1.9 < pace.norm(dim=2).max() < 2.001
    full = step[:, :-1].abs() > pace - 1e-4
    bounced = torch.where(ahead < 0, -ahead, torch.where(ahead > ROOM, 2 * ROOM - ahead, ahead))
    torch.testing.assert_close(at[:, 2:][full], bounced[full], rtol=0, atol=1e-3)
    assert (full & (ahead != bounced)).sum() > 100  # walls are met
    assert at.amin((0, 1)).max() < 0.1 and at.amax((0, 1)).min() > ROOM - 0.1  # and reached


def test_all_frames_hold_the_same_digit_between_the_pixels_by_linear_interpolation(rng):
    pictures = 2 * torch.rand(3, 1, 8, 8, generator=rng) - 1
    clips = moving_digits(pictures, rng=rng)
    at = centres(clips) - centres(pictures[:, None])
    for n, t in np.ndindex(3, 8):
        alone = np.pad((pictures[n, 0] + 1).numpy() / 2, (0, 8))
        moved = shift(alone, at[n, t].numpy(), order=1, mode="grid-constant")
        np.testing.assert_allclose((clips[n, t, 0] + 1) / 2, moved, atol=1e-4)


@pytest.mark.parametrize("row, column", [(0, 0), (3, 8), (8, 5)])
def test_at_whole_pixels_it_is_a_copy(row, column, rng):
    pictures = 2 * torch.rand(2, 1, 8, 8, generator=rng) - 1
    clips = placed(pictures, torch.tensor([row, column]).float().expand(2, 4, 2))
    wanted = torch.nn.functional.pad(pictures, (column, ROOM - column, row, ROOM - row), value=-1)
    torch.testing.assert_close(clips, wanted[:, None].expand(-1, 4, -1, -1, -1), rtol=0, atol=1e-6)


def test_clips_are_drawn_by_their_rng_alone():
    x, before = data.digits().scaled(data.digits().test[:20]), torch.get_rng_state()
    assert torch.equal(moving_digits(x, rng=seeded()), moving_digits(x, rng=seeded()))
    assert not torch.equal(moving_digits(x, rng=seeded()), moving_digits(x, rng=seeded(1)))
    assert torch.equal(torch.get_rng_state(), before)


def test_motion_by_hand():
    clips = noise(4, 5).numpy()
    centre, ink = np.zeros((4, 5, 2)), np.zeros((4, 5))
    for n, t, y, x in np.ndindex(4, 5, 16, 16):
        ink[n, t] += (clips[n, t, 0, y, x] + 1) / 2
        centre[n, t] += (clips[n, t, 0, y, x] + 1) / 2 * np.array([y, x])
    centre /= ink[:, :, None]
    speed = np.sqrt(((centre[:, 1:] - centre[:, :-1]) ** 2).sum(2)).mean()
    acceleration = np.sqrt(((centre[:, 2:] - 2 * centre[:, 1:-1] + centre[:, :-2]) ** 2).sum(2)).mean()
    flicker = np.abs(ink[:, 1:] - ink[:, :-1]).mean() / ink.mean()
    np.testing.assert_allclose(motion(clips), (speed, acceleration, flicker), rtol=1e-6)


@pytest.mark.parametrize("pace", [(0, 0), (0, 1), (-1, 1), (2, 0), (1, 2)])
def test_of_constant_velocity_the_acceleration_is_0(pace):
    clip = dot([(7 + pace[0] * t, 1 + pace[1] * t) for t in range(5)])
    assert motion(clip) == pytest.approx((np.hypot(*pace), 0, 0))


def test_a_turn_at_one_speed_is_acceleration_and_so_is_shuffling(rng):
    square = dot([(0, 0), (0, 2), (2, 2), (2, 0)])  # |(2, -2)| at each corner
    assert motion(square) == pytest.approx((2, 8**0.5, 0))
    clips = moving_digits(torch.ones(500, 1, 8, 8), rng=rng)
    shuffled = motion(some_frames(clips, 8, rng))
    assert shuffled.acceleration > 5 * motion(clips).acceleration and shuffled.speed > 1.5 * motion(clips).speed


def test_flicker_is_the_share_of_the_ink_that_comes_or_goes():
    clip = torch.full((1, 4, 1, 2, 2), -1.0)
    clip[0, ::2] = 1  # ink 4, 0, 4, 0: 4 of a mean of 2
    assert motion(clip).flicker == pytest.approx(2)
    assert motion(torch.full((1, 4, 1, 2, 2), -1.0)) == (0, 0, 0)  # no ink at all


@pytest.mark.parametrize("k", [1, 3, 8])
def test_some_frames_are_of_the_clip_each_at_most_once_and_all_equally_often(k):
    clips = torch.arange(8.0).reshape(1, 8, 1, 1, 1).expand(4000, -1, -1, -1, -1)
    drawn = some_frames(clips, k, seeded()).flatten(1).long()
    assert drawn.shape == (4000, k) and (drawn.sort(1).values.diff(dim=1) > 0).all()
    for place in range(k):
        assert chisquare(drawn[:, place].bincount(minlength=8).numpy()).pvalue > 1e-4


def test_the_discriminator_of_time_cannot_see_what_pooling_removed():
    D, x = NEW["D_T"](seeded()), noise()
    hidden = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(8, 8) * noise(seed=1)[..., :1, :1]  # 2 x 2 means: 0
    torch.testing.assert_close(D(x + hidden), D(x), rtol=0, atol=1e-5)
    assert (D(some_frames(x, 8, seeded())) - D(x)).abs().min() > 1e-4  # but it sees an order
    whole = FrameDiscriminator(8, width=4, rng=seeded())
    assert (whole(x + hidden) - whole(x)).abs().min() > 1e-4  # and the other sees what is hidden


def test_the_discriminator_of_frames_cannot_see_their_order():
    x, shuffled = noise(), some_frames(noise(), 8, seeded(3))
    D = FrameDiscriminator(8, width=4, rng=seeded())
    torch.testing.assert_close(D(shuffled), D(x), rtol=0, atol=1e-6)
    D = FrameDiscriminator(1, width=4, rng=seeded())
    logits = [torch.stack([D(clips) for _ in range(120)]).detach() for clips in (x, shuffled)]
    for a, b in zip(*(each.T.round(decimals=5) for each in logits)):  # of each clip all 8 that are possible
        assert len(a.unique()) == 8 and torch.equal(a.unique(), b.unique())


def test_a_jury_gives_each_judge_a_loss_of_its_own():
    D, real, fake = Jury(NEW["D_S"](seeded()), NEW["D_T"](seeded())), noise(), noise(seed=1)
    loss = gans.cross_entropy(D(real), D(fake))
    assert D(real).shape == (2, 6) and loss.shape == (2,)
    D_S, D_T = D.judges
    of_time = torch.autograd.grad(loss[1], [*D_S.parameters(), *D_T.parameters()])
    alone = torch.autograd.grad(gans.cross_entropy(D_T(real), D_T(fake)), [*D_T.parameters()])
    torch.testing.assert_close(of_time, (*map(torch.zeros_like, D_S.parameters()), *alone))


@by_network
def test_first_weights_are_drawn_by_rng_alone(make):
    before = torch.get_rng_state()
    a, b, other = ([*make(seeded(seed)).parameters()] for seed in (0, 0, 1))
    assert all(map(torch.equal, a, b)) and not any(torch.equal(p, q) for p, q in zip(a, other) if p.ndim > 1)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_generator_is_a_function_of_z(rng):
    G = NEW["G"](rng).eval()
    z = G.noise(4, rng)
    assert torch.equal(G(z), G(z)) and G(z).shape == (4, 8, 1, 16, 16) and G(z).abs().max() <= 1
    torch.testing.assert_close(G(z[2:3]), G(z)[2:3])  # whatever is drawn beside it
    assert (G(z).diff(dim=0).flatten(1).norm(dim=1) > 0).all() and (G(z).diff(dim=1).flatten(2).norm(dim=2) > 0).all()
    assert torch.equal(G.train().sample(3, seeded()), G.sample(3, seeded())) and G.training


@pytest.mark.parametrize("judges", [("D_S", "D_T"), ("D_S",), ("D_T",)], ids="+".join)
def test_a_game_moves_all_players_and_the_average_behind_them(judges, rng):
    G, D = NEW["G"](rng), Jury(*(NEW[name](rng) for name in judges))
    average, before = AveragedModel(G), [p.detach().clone() for net in (G, D) for p in net.parameters()]
    steps = [*train_averaged(G, D, average, noise(20), rounds=3, batch_size=5)]
    assert len(steps) == 3 and all(step.player == "G" and step.loss.shape == (len(judges),) for step in steps)
    assert not any(map(torch.equal, before, [*G.parameters(), *D.parameters()]))
    assert not all(map(torch.equal, average.module.parameters(), G.parameters()))


def test_frames_of_a_classifier_have_the_labels_of_their_digits():
    digits = data.digits()
    few = digits._replace(**{name: getattr(digits, name)[:5] for name in data.Images._fields[:4]})
    frames = moving_frames(few, seeded())
    assert frames.train.shape == frames.test.shape == (40, 256) and frames.shape == (16, 16)
    assert torch.equal(frames.train_labels, few.train_labels.repeat_interleave(8))
    ink = few.test.sum(1, keepdim=True).expand(-1, 8)
    torch.testing.assert_close(frames.test.reshape(5, 8, -1).sum(2).double(), ink.double(), rtol=0.05, atol=0)


def test_the_weights_that_come_with_the_course_say_where_they_are_from():
    with safe_open(WEIGHTS, "pt") as file:
        words = file.metadata()
    assert words["command"].startswith("python -m lecture_lib.applications.train video") and words["figures"]
    assert WEIGHTS.stat().st_size <= 1_000_000


def test_their_clips_move_as_the_digits_do(rng):
    before = torch.get_rng_state()
    clips = video_model().sample(300, rng)
    assert torch.equal(torch.get_rng_state(), before)
    digits = data.digits()
    real, found = motion(moving_digits(digits.scaled(digits.train), rng=rng)), motion(clips)
    assert found.acceleration == pytest.approx(real.acceleration, rel=0.3)
    assert found.speed == pytest.approx(real.speed, rel=0.3)
    assert motion(some_frames(clips, 8, rng)).acceleration > 3 * found.acceleration


WRONG = {
    "pictures": (lambda: moving_digits(torch.zeros(3, 64)), "pictures has shape"),
    "no frames": (lambda: moving_digits(torch.zeros(3, 1, 8, 8), 0), "frames is 0"),
    "far too many": (lambda: moving_digits(torch.zeros(3, 1, 8, 8), 10**9), "The clips would take"),
    "rng": (lambda: moving_digits(torch.zeros(3, 1, 8, 8), rng=0), "rng is 0"),
    "not clips": (lambda: motion(torch.zeros(3, 8, 16, 16)), "clips has shape"),
    "2 frames": (lambda: motion(noise(frames=2)), "3 or more frames"),
    "k": (lambda: some_frames(noise(), 9), "9 or more frames"),
    "frames for D_S": (lambda: FrameDiscriminator(4)(noise(frames=3)), "4 or more frames"),
    "frames for D_T": (lambda: TimeDiscriminator(frames=8)(noise(frames=7)), r"\(n, 8, 1"),
    "small frames": (lambda: FrameDiscriminator()(noise()[..., :8]), r"1, 16, 16\)"),
    "z": (lambda: VideoGenerator(z_dim=5)(torch.zeros(2, 6)), "z or x has shape"),
    "width": (lambda: VideoGenerator(width=0), "width is 0"),
    "too wide": (lambda: VideoGenerator(width=10**9), "The layers would take"),
    "n": (lambda: NEW["G"](seeded()).sample(10**9), "would take"),
}


@pytest.mark.parametrize("call, sentence", WRONG.values(), ids=WRONG)
def test_what_cannot_be_gets_a_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_the_generator_goes_one_step_of_time_a_frame_with_the_same_z():
    """One picture, placed where the memory says, frame by frame."""
    G = VideoGenerator(z_dim=5, hidden=7, width=4, frames=6, rng=torch.Generator().manual_seed(0)).eval()
    z = G.noise(3, torch.Generator().manual_seed(1))
    with torch.no_grad():
        what, h, where = G.what(z), G.begin(z).tanh()[None], []
        for _ in range(6):
            _, h = G.time(z[:, None], h)
            where.append(ROOM * G.where(h[0]))
        torch.testing.assert_close(G(z), placed(what, torch.stack(where, 1)))
