"""How far a model is from the truth.

    from its density, `log_prob`        `nats`, `excess_nats`, `bits_per_dim`, `total_variation`
    from samples alone                  `modes`, `jensen_shannon`, `sliced_wasserstein`, `classifier_two_sample`
    from images                         `classifier`, `frechet` over its features, `class_counts`, `nearest`

Every number that the course shows stands beside its floor, so each function here says what a perfect model gets.
"""

from lecture_lib.evaluate.densities import (
    Estimate,
    bits_per_dim,
    estimate,
    excess_nats,
    kolmogorov_smirnov,
    nats,
    total_variation,
    wasserstein,
)
from lecture_lib.evaluate.images import Classifier, Distance, class_counts, classifier, frechet, nearest
from lecture_lib.evaluate.samples import (
    Modes,
    TwoSample,
    classifier_two_sample,
    jensen_shannon,
    kullback_leibler,
    modes,
    sliced_wasserstein,
)
