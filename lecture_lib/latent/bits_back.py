"""A file of about -ELBO by a model with hidden variables: bits back. Slide "Additional Applications: compress data".

To write z by N(0, I) and x by p(x | z) takes -log2 p(z) - log2 p(x | z) bits: too many, as many z would do. So z is
not chosen: it is *read*, by q(z | x), from what the file holds already, which takes -log2 q(z | x) bits off it. Who
decodes x and z knows q(z | x), and puts these bits back. On average -ELBO is left. The coder is a stack: what was
written last is read first. Hinton and van Camp 1993; Townsend, Bird and Barber 2019, BB-ANS.
"""

import copy
import math

import numpy as np
import torch
from constriction import stream
from torch import Tensor

from lecture_lib.applications.compress import DIFFERS, checksum, fingerprint, packed, unpacked, whole
from lecture_lib.checks import require
from lecture_lib.latent.vae import VAE
from lecture_lib.likelihood.simple import as_levels

GRID, MOST = 0.1, 100  # z in steps of .1, up to 100 of them: for the prior and for q alike
WINDOW, PIXELS = stream.model.QuantizedGaussian(-MOST, MOST), stream.model.Categorical(perfect=False)


def encode(vae: VAE, x) -> bytes:
    """Images x (n, d), whole numbers, as a file of about -ELBO / log 2 bits, with 19 bytes before them.

    Before anything is written, z is read from random bits, about 5 for each of its numbers, which stay in the file.
    """
    x, vae = as_levels(x, vae.levels, vae.d).cpu(), exact(vae)
    first = np.random.default_rng(0).integers(1, 2**32, math.ceil(5.4 * vae.z_dim / 32), np.uint32)
    coder = stream.stack.AnsCoder(first)
    for row in x.flip(0):  # the stack returns them the other way round
        z = coder.decode(WINDOW, *posterior(vae, row))
        coder.encode_reverse(row.int().numpy(), PIXELS, pmf(vae, z))
        coder.encode_reverse(z, WINDOW, *prior(vae))
    return packed(x, fingerprint(vae), coder.get_compressed())


def decode(vae: VAE, file: bytes) -> Tensor:
    """The images (n, d) of a file of `encode`, by the same model. ValueError if it is none, damaged or another's."""
    vae = exact(vae)
    words, n, of_images = unpacked(file, vae.d, fingerprint(vae))
    coder, x = stream.stack.AnsCoder(words), torch.zeros(n, vae.d, dtype=torch.long, device="cpu")
    for row in x:
        z = coder.decode(WINDOW, *prior(vae))
        row.copy_(torch.from_numpy(coder.decode(PIXELS, pmf(vae, z))))
        coder.encode_reverse(z, WINDOW, *posterior(vae, row))  # the bits back
    require(checksum(x) == of_images, DIFFERS)
    return x


def exact(vae: VAE) -> VAE:
    """The model in float64 on the CPU, where both directions get the same probabilities, image by image."""
    return copy.deepcopy(vae).cpu().double().eval()


def prior(vae: VAE) -> tuple[np.ndarray, np.ndarray]:
    """Mean and sd of N(0, I), (z_dim,) each, in steps."""
    return np.zeros(vae.z_dim), np.full(vae.z_dim, 1 / GRID)


@torch.no_grad()
def posterior(vae: VAE, row: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Mean and sd of q(z | x) for one image (d,), in steps, rounded far above the rounding noise."""
    mean, log_sd = vae.posterior(row[None])
    mean, sd = ((part[0] / GRID).round(decimals=6).numpy() for part in (mean, log_sd.exp()))
    return mean, sd.clip(1e-3)


@torch.no_grad()
def pmf(vae: VAE, z: np.ndarray) -> np.ndarray:
    """p(x_j = v | z) for each level v, (d, levels), `whole` numbers."""
    z = torch.from_numpy(z).double()[None] * GRID
    return whole(vae.likelihood.log_pmf(vae.decoder(z))[0].exp())
