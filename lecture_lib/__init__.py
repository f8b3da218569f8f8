"""Generative models, from histograms to GANs: reference implementations for the course's notebooks.

Read the modules in the lecture's order: `data`, `histogram`, `evaluate`, `plots`, `likelihood`, `flows`, `gans`.
`machine` holds what depends on the machine, and can be read last.
Two questions run through all of them: `log_prob(x)` (inference) and `sample(n)` (sampling).
"""
