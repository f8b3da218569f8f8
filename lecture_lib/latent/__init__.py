"""The timeline: models with hidden variables, before and beside flows and GANs. Slide "Historical evolution".

2006, Hinton and others: energies, and a sum over all states     `RBM`, `contrastive_divergence`, `log_z`, `ais`
    stacked                                                      `DeepBeliefNet`
2013, Kingma and Welling: a bound in place of an integral        `VAE`, `Bound`, `kl_to_normal`, `importance_bound`
    a file of its length                                         `bits_back.encode`, `bits_back.decode`
2014, Goodfellow and others; 2015, Radford and others            `lecture_lib.gans`
2018, Karras, Laine and Aila: a style for each layer             `StyleGenerator`, `modulated_conv`, `mixed`
"""

from lecture_lib.latent import bits_back
from lecture_lib.latent.deep_belief import DeepBeliefNet
from lecture_lib.latent.partition import ais, importance_bound, log_mean_exp, log_z
from lecture_lib.latent.rbm import RBM, bernoulli, contrastive_divergence, phase, train_rbm
from lecture_lib.latent.style import StyleGenerator, mixed, modulated_conv, style_model
from lecture_lib.latent.vae import VAE, Bound, Levels, digits_vae, kl_to_normal
