"""GANs: sampling only, learnt by a game of two networks.

Slides "GANs: Generative Adversarial Networks" to "GANs: Example".

    forger and investigator                        `Generator`, `Discriminator`
    what each of them wants                        `cross_entropy`; `minimax`, and the trick, `non_saturating`
    alternating training                           `discriminator_step`, `generator_step`; by turns: `alternate`
    the best investigator, D* = p / (p + q)        `optimal_discriminator`
    for images, D a CNN and G a reversed CNN       `dcgan`
    later losses                                   `further`

A GAN answers `sample(n, rng)` only: there is no log_prob. Random numbers always come from the CPU.
"""

from lecture_lib.gans import further
from lecture_lib.gans.dcgan import ImageDiscriminator, ImageGenerator, dcgan, init_weights, slerp, summary
from lecture_lib.gans.losses import cross_entropy, minimax, non_saturating, optimal_discriminator
from lecture_lib.gans.networks import MLP, Discriminator, Generator, eval_mode
from lecture_lib.gans.training import Step, alternate, descend, discriminator_step, generator_step, turns
