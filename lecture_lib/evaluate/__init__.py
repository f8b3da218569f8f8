"""How far a model is from the truth.

    from its density, `log_prob`        `nats`, `excess_nats`, `bits_per_dim`, `total_variation`
    from samples alone                  `modes`, `jensen_shannon`, `sliced_wasserstein`, `classifier_two_sample`

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
from lecture_lib.evaluate.samples import (
    Modes,
    TwoSample,
    classifier_two_sample,
    jensen_shannon,
    kullback_leibler,
    modes,
    sliced_wasserstein,
)

__all__ = [
    "Estimate",
    "Modes",
    "TwoSample",
    "bits_per_dim",
    "classifier_two_sample",
    "estimate",
    "excess_nats",
    "jensen_shannon",
    "kolmogorov_smirnov",
    "kullback_leibler",
    "modes",
    "nats",
    "sliced_wasserstein",
    "total_variation",
    "wasserstein",
]
