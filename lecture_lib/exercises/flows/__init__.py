"""The exercises of notebook 3, flows.

References here are written as a student would write them, from torch's own functions. The tests hold them
against `lecture_lib.flows`.
"""

import math

import torch


def _log_normal(z):
    """log N(z; 0, 1) in nats, elementwise."""
    return -0.5 * z**2 - 0.5 * math.log(2 * math.pi)


def forward(z, shifts, log_scales):
    """x and log |dx/dz|, the same map in its own direction."""
    logdet = torch.zeros_like(z)
    for shift, log_scale in zip(shifts, log_scales):
        y = shift + torch.exp(log_scale) * z
        z, logdet = torch.sinh(y), logdet + log_scale + torch.log(torch.cosh(y))
    return z, logdet


def net(a, w):
    """The stand-in for a network: shift = w_0 + w_1 a, log_scale = w_2 tanh(a + w_3). (n,), (4,) -> (n,), (n,)."""
    return w[0] + w[1] * a, w[2] * torch.tanh(a + w[3])
