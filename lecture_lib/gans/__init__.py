"""GANs: sampling only, learnt by a game of two networks.

Slides "GANs: Generative Adversarial Networks" to "GANs: Example".

    forger and investigator                        `Generator`, `Discriminator`
    what each of them wants                        `LOSSES`: minimax, the non-saturating trick, and later ideas
    alternating training, d_steps : g_steps        `alternate`, the loop
    the best investigator, D* = p / (p + q)        `optimal_discriminator`
    for images, D a CNN and G a reversed CNN       `dcgan`

A GAN answers `sample(n, rng)` only: there is no log_prob. Generators of random numbers are always the CPU's.
"""

from lecture_lib.gans.dcgan import ImageDiscriminator, ImageGenerator, dcgan, radford, shapes, slerp
from lecture_lib.gans.losses import (
    LOSSES,
    Loss,
    cross_entropy,
    minimax,
    non_saturating,
    optimal_discriminator,
)
from lecture_lib.gans.networks import MLP, Discriminator, Generator
from lecture_lib.gans.training import Step, alternate
