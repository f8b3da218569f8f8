"""Generative models, from histograms to GANs: reference implementations for the course's notebooks.

Read the modules in the lecture's order: `data`, `histogram`, `evaluate`, `plots`, `likelihood`, `flows`, `gans`, and
`applications`.
`fast` gives the same numbers sooner, and `checks` stands at the door: read them last, if at all.
Two questions run through all of them: `log_prob(x)` (inference) and `sample(n)` (sampling).
"""
