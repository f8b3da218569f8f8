# ruff: noqa: E402 (the number of threads has to be set before the imports)
"""The timeline of part 7, each model beside its peers, on the same digits and clothes.

    python benchmarks/timeline.py              # all parts, 10 CPU minutes
    python benchmarks/timeline.py binary       # some of them: binary, exact, grey, style
    python benchmarks/timeline.py --quick      # one seed, a few steps

1. binary: digits, 1 where a pixel has 8 of 16 or more. Nats per test image (397): an RBM by annealed importance
   sampling with two bases, a deep belief net's bound, a VAE's bounds, beside independent pixels, part 2's MADE (its
   best step by the test images, which flatters it) and scikit-learn's BernoulliRBM for the same CPU seconds. The
   Fréchet distance of 2,000 samples to the training images, over a classifier of binary digits.
2. exact: 16 hidden units, where log Z is a sum: how far annealed importance sampling is from it; CD-1, CD-10, PCD-1.
3. grey: digits with 17 levels, bits per dimension: a VAE's bounds and its file by bits back, beside part 2's
   autoregressive model, part 3's flow and a GAN, which has no likelihood, by its Fréchet distance.
4. style: the shipped generator's Fréchet distance to Fashion-MNIST's test images, and what mixing does.

Everything on one thread, in CPU seconds. Where a model is trained: means over 3 seeds. The last line is all numbers as
JSON.
"""

import os

for threads in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[threads] = "1"

import math
import statistics
from time import process_time

import torch
from applications import main
from dcgan import Meter, for_seconds, of_digits
from flows import DIGITS, digits_flow, train_for
from likelihood import autoregressive
from sklearn.neural_network import BernoulliRBM
from torch import Tensor

from lecture_lib import data, evaluate
from lecture_lib.evaluate import bits_per_dim
from lecture_lib.flows import Dequantized
from lecture_lib.latent import (
    RBM,
    Bound,
    DeepBeliefNet,
    ais,
    bernoulli,
    bits_back,
    digits_vae,
    log_mean_exp,
    log_z,
    style_model,
    train_rbm,
)
from lecture_lib.latent.mixing import mixed_at
from lecture_lib.likelihood import Autoregressive, maximize_likelihood, warm_up_cosine

RBM_STEPS, VAE_STEPS = 14_000, 3000


def binary() -> data.Images:
    """The digits in black and white."""
    digits = data.digits()
    return digits._replace(
        train=(digits.train >= 8).long(), test=(digits.test >= 8).long(), levels=2, name="binary digits"
    )


def rbm_of(x: Tensor, hidden: int, steps: int, seed: int, k: int = 1, persistent: bool = True) -> RBM:
    """PCD (or CD) with mini-batches of 10, 40 chains, SGD at a step size that falls from 0.07 to 0."""
    rng = torch.Generator().manual_seed(seed)
    rbm, chain = RBM.start(x, hidden, rng), x[:40].float() if persistent else None
    sgd = torch.optim.SGD(rbm.parameters(), momentum=0.5, weight_decay=7e-4)
    for _ in train_rbm(rbm, x, steps, 10, k, chain, lambda n: 0.07 * (1 - n / (steps + 1)), sgd, rng):
        pass
    return rbm


def vae_of(x: Tensor, levels: int, steps: int, seed: int):
    rng = torch.Generator().manual_seed(seed)
    vae, lr = digits_vae(x, levels, rng=rng), warm_up_cosine(2e-3, max(steps, 2))
    adam = torch.optim.Adam(vae.parameters(), fused=True)
    for _ in maximize_likelihood(Bound(vae, rng=rng), x, steps, 64, lr, adam, rng=rng):
        pass
    return vae


@torch.no_grad()
def bounds_of(vae, x: Tensor, seed: int) -> dict[str, float]:
    """Nats per image: -ELBO, a mean of 50 runs; -IW_1000."""
    rng = torch.Generator().manual_seed(seed)
    elbo = torch.stack([vae.elbo(x, rng).mean() for _ in range(50)]).mean()
    iw = torch.cat([vae.bound(rows, 1000, rng) for rows in x.split(50)]).mean()
    return {"elbo": -elbo.item(), "iw1000": -iw.item()}


def binary_part(quick: bool) -> dict[str, float]:
    images, seeds = binary(), range(1 if quick else 3)
    x, test, d = images.train, images.test, images.train.shape[1]
    base = RBM.start(x, 1).b.detach()
    net = evaluate.classifier(images)
    real = net.features(images.scaled(x))
    distance = lambda rows: evaluate.frechet(net.features(images.scaled(rows)), real, draws=0).value  # noqa: E731
    print("\nBinary digits: nats per test image; Fréchet distance of 2,000 samples; CPU seconds", flush=True)
    pixels = -Autoregressive.start(x, 2, hidden=1).log_prob(test).mean().item()
    halves = evaluate.frechet(real[::2], real[1::2], draws=0).value
    print(f"independent pixels {pixels:.2f}; one half of the training images to the other: FD {halves:.2f}")
    found = []
    for seed in seeds:
        rng, began = torch.Generator().manual_seed(seed), process_time()
        rbm = rbm_of(x, 128, 200 if quick else RBM_STEPS, seed)
        trained = process_time() - began
        of_data = log_mean_exp(ais(rbm, base, rng=rng))
        seconds = process_time() - began
        uniform = log_mean_exp(ais(rbm, rng=rng))
        apart = abs(of_data.mean - uniform.mean) / math.hypot(of_data.error, uniform.error)
        nats = -rbm.log_prob(test, of_data.mean).mean().item()
        row = {
            "rbm_nats": nats,
            "rbm_seconds": seconds,
            "rbm_bases_apart": apart,
            "rbm_fd": distance(rbm.sample(2000, rng)),
        }
        print(f"RBM 128, seed {seed}: {nats:.3f}, FD {row['rbm_fd']:.2f}, {seconds:.1f} s (training {trained:.1f}); "
              f"log Z {of_data}, by a uniform base {uniform}: {apart:.1f} errors apart", flush=True)  # fmt: skip
        # two layers, each with half of the steps, so that they cost as much
        half, began = 100 if quick else RBM_STEPS // 2, process_time()
        low = rbm_of(x, 128, half, seed)
        h = bernoulli(low.hidden_given(x.float()), rng)
        deep = DeepBeliefNet(low, rbm_of(h.long(), 128, half, seed))
        seconds = process_time() - began
        top = log_mean_exp(ais(deep.rbms[1], rng=rng))
        bound = torch.stack([deep.bound(test, top.mean, rng) for _ in range(50)]).mean().item()
        row |= {"dbn_nats_bound": -bound, "dbn_fd": distance(deep.sample(2000, rng))}
        print(
            f"deep belief net 128, 128, seed {seed}: at most {-bound:.2f}, FD {row['dbn_fd']:.2f}, {seconds:.1f} s",
            flush=True,
        )
        began = process_time()
        vae = vae_of(x, 2, 30 if quick else VAE_STEPS, seed)
        seconds = process_time() - began
        bounds = bounds_of(vae, test, seed)
        row |= {f"binary_vae_{name}": value for name, value in bounds.items()}
        row["binary_vae_fd"] = distance(vae.sample(2000, rng))
        print(f"VAE, seed {seed}: -ELBO {bounds['elbo']:.2f}, -IW1000 {bounds['iw1000']:.2f}, "
              f"FD {row['binary_vae_fd']:.2f}, {seconds:.1f} s", flush=True)  # fmt: skip
        made, best, sample = Autoregressive.start(x, 2, hidden=256, rng=rng), math.inf, None
        adam = torch.optim.AdamW(made.parameters(), weight_decay=1.0, fused=True)
        steps = 50 if quick else 1500
        for step in maximize_likelihood(made, x, steps, 100, warm_up_cosine(3e-3, steps), adam, rng=rng):
            if step.number % 50 == 0:
                now = -made.log_prob(test).mean().item()
                best, sample = (now, made.sample(2000, rng)) if now < best else (best, sample)
        row |= {"made_nats": best, "made_fd": distance(sample)}
        print(f"MADE, seed {seed}: {best:.2f} at its best step, FD {row['made_fd']:.2f}", flush=True)
        peer, began = BernoulliRBM(128, learning_rate=0.005, batch_size=10, n_iter=2, random_state=seed), process_time()
        peer.fit(x.numpy())
        peer.set_params(n_iter=max(2, int(2 * trained / (process_time() - began)))).fit(x.numpy())
        copy = RBM(d, 128)
        with torch.no_grad():
            copy.W.copy_(torch.from_numpy(peer.components_.T)), copy.b.copy_(torch.from_numpy(peer.intercept_visible_))
            copy.c.copy_(torch.from_numpy(peer.intercept_hidden_))
        row["sklearn_rbm_nats"] = -copy.log_prob(test, log_mean_exp(ais(copy, base, rng=rng)).mean).mean().item()
        print(f"scikit-learn's BernoulliRBM, as long: {row['sklearn_rbm_nats']:.2f}", flush=True)
        found.append(row)
    means = {name: statistics.fmean(row[name] for row in found) for name in found[0]}
    spread = statistics.pstdev(row["rbm_nats"] for row in found)
    largest = max(row["rbm_bases_apart"] for row in found)
    return means | {"rbm_nats_sd": spread, "rbm_bases_apart": largest, "binary_pixels_nats": pixels}


def exact_part(quick: bool) -> dict[str, float]:
    images, steps = binary(), 200 if quick else 10_000
    base, errors = RBM.start(images.train, 1).b.detach(), []
    print("\n16 hidden units, where log Z is a sum: nats per test image, by training", flush=True)
    result = {}
    for name, k, persistent in (("CD-1", 1, False), ("CD-10", 10, False), ("PCD-1", 1, True)):
        nats, missed = [], []
        for seed in range(1 if quick else 3):
            rbm = rbm_of(images.train, 16, steps, seed, k, persistent)
            estimate = log_mean_exp(ais(rbm, base, rng=torch.Generator().manual_seed(seed)))
            errors.append(abs(estimate.mean - log_z(rbm)))
            nats.append(-rbm.log_prob(images.test).mean().item())
            rows = images.test.float()
            missed.append((rbm.visible_given(rbm.hidden_given(rows)) - rows).square().mean().item())
            print(f"{name}, seed {seed}: {nats[-1]:.2f} nats, reconstruction error {missed[-1]:.4f}; "
                  f"log Z {log_z(rbm):.3f}, estimated {estimate}", flush=True)  # fmt: skip
        key = name.replace("-", "").lower()
        result |= {f"{key}_nats": statistics.fmean(nats), f"{key}_reconstruction": statistics.fmean(missed)}
    return result | {"ais_error": max(errors)}


def grey_part(quick: bool) -> dict[str, float]:
    digits = data.digits()
    x, test, found = digits.train, digits.test, []
    print("\nDigits, 17 levels: bits per dimension of 397 test images; Fréchet distance of 2,000 samples", flush=True)
    net = evaluate.classifier(digits)
    real = net.features(digits.scaled(x))
    distance = lambda pictures: evaluate.frechet(net.features(pictures), real, draws=0).value  # noqa: E731
    for seed in range(1 if quick else 3):
        rng = torch.Generator().manual_seed(seed)
        began = process_time()
        vae = vae_of(x, 17, 30 if quick else VAE_STEPS, seed)
        seconds = process_time() - began
        bounds = {name: nats / 64 / math.log(2) for name, nats in bounds_of(vae, test, seed).items()}
        file = bits_back.encode(vae, test)
        right = torch.equal(bits_back.decode(vae, file), test)
        bits, fd = 8 * len(file) / test.numel(), distance(digits.scaled(vae.sample(2000, rng)))
        print(f"VAE, seed {seed}: ELBO {bounds['elbo']:.4f}, IW1000 {bounds['iw1000']:.4f}, the file {bits:.4f}, "
              f"decoded: {right}; FD {fd:.2f}; {seconds:.1f} s", flush=True)  # fmt: skip
        row = {f"vae_{name}_bpd": value for name, value in bounds.items()}
        found.append(row | {"bits_back_over_elbo": bits / bounds["elbo"], "vae_fd": fd, "vae_seconds": seconds})
    result = {name: statistics.fmean(row[name] for row in found) for name in found[0]}
    rng, bpd = torch.Generator().manual_seed(0), lambda model: bits_per_dim(model.log_prob(test), 64).mean().item()
    with torch.no_grad():
        model = autoregressive(x, 0, 30) if quick else autoregressive(x, 0)
        result |= {"made_bpd": bpd(model), "made_grey_fd": distance(digits.scaled(model.sample(2000, rng)))}
        flow = digits_flow("", x, 17, rng)
        dequantized = Dequantized(flow, 17, rng=rng)
    _, peak, decay = DIGITS[""]
    adam = torch.optim.AdamW(flow.parameters(), weight_decay=decay, fused=True)
    train_for(1.0 if quick else 30.0, dequantized, x, peak, optimizer=adam, batch_size=100, clip=50.0, rng=rng)
    with torch.no_grad():
        result["flow_bpd"] = bpd(dequantized)
        result["flow_fd"] = distance(digits.scaled(dequantized.sample(2000, rng)))
    meter = Meter()
    G = for_seconds(of_digits(digits.scaled(x).flatten(1), meter, 1), 2 if quick else 20, meter)
    result["gan_fd"] = distance(G.sample(2000, rng).view(-1, 1, 8, 8))
    print(", ".join(f"{name} {value:.3f}" for name, value in result.items()), flush=True)
    return result


def style_part(quick: bool) -> dict[str, float]:
    images, G = data.fashion_mnist(), style_model()
    net = evaluate.classifier(images)
    real = net.features(images.scaled(images.test))
    made = net.features(G.sample(500 if quick else 5000, torch.Generator().manual_seed(1)))
    distance = evaluate.frechet(made, real, draws=0).value
    print(f"\nStyle-based generator, shipped: FD {distance:.2f}. Styles of B from a layer on:", flush=True)
    table = {start: mixed_at(G, net, start, 250 if quick else 2000, seed=1) for start in range(G.layers + 1)}
    for start, row in table.items():
        print(f"{start}: " + ", ".join(f"{name} {value:.2f}" for name, value in row._asdict().items()), flush=True)
    at = table[3]
    shares = {"style_class_coarse": at.class_a, "style_class_fine": at.class_b}
    shares |= {"style_outline_coarse": at.outline_a, "style_outline_fine": at.outline_b}
    return {"style_fd": distance} | shares | {"style_tone_coarse": at.tone_a, "style_tone_fine": at.tone_b}


if __name__ == "__main__":
    main(__doc__, {"binary": binary_part, "exact": exact_part, "grey": grey_part, "style": style_part})
