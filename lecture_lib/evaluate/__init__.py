"""How far a model is from the truth; each function says what a perfect model gets, the floor beside every number.

from its density, `log_prob`        `estimate(-model.log_prob(x))` in nats, `kl_estimate`, `bits_per_dim`
from samples alone                  `modes`, `jensen_shannon`, `sliced_wasserstein`; in 1-D `kolmogorov_smirnov`
from images                         `classifier`, `frechet` over its features, `class_counts`, `nearest`
"""

from lecture_lib.evaluate.images import Classifier, Distance, class_counts, classifier, frechet, nearest
from lecture_lib.evaluate.samples import Estimate, Modes, bits_per_dim, estimate, jensen_shannon, kl_estimate
from lecture_lib.evaluate.samples import kolmogorov_smirnov, modes, sliced_wasserstein
