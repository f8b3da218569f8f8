"""Maximum likelihood: store a function p_theta(x), not a table, and choose theta so that the data become likely.

Slides "Parametrizing Distributions" to "Parametrizing Distributions: Autoregressive models".

    argmin_theta -(1/n) sum_i log p_theta(x(i))      `nll`, the loss
    by SGD                                           `maximize_likelihood`, the loop
    "some choices to make for p_theta"               the models, from simple to rich

Every model answers `log_prob(x)`, (n, d) -> (n,) in nats, and `sample(n, rng)` -> (n, d). Models may live on a
GPU, except Bayes nets, which only count; x is taken to the model's device, and generators are always the CPU's.
"""

from lecture_lib.likelihood.nets import Autoregressive, BayesNet, chow_liu, mutual_information
from lecture_lib.likelihood.simple import DiscretizedLogistics, Gaussian, GaussianMixture, SoftmaxHistogram
from lecture_lib.likelihood.training import Step, maximize_likelihood, nll, warm_up_cosine
