"""Variational autoencoders: a decoder as the model, an encoder that says where to look. Slide "Historical evolution".

    p(x) = integral of p(x | z) N(z; 0, I) dz                     no sum, and no way to compute it
    log p(x) >= E_q log p(x | z) - KL(q(z | x) || N(0, I))        `VAE.elbo`: reconstruction minus KL
    z = mean(x) + sd(x) noise                                     the gradient passes through z: reparametrisation
    log p(x) >= E log (1/k) sum_i p(x, z_i) / q(z_i | x)          `VAE.bound`, closer to log p(x) the larger k

Kingma and Welling 2013; Burda and others 2016. Part 2 trains: `maximize_likelihood(Bound(vae), x, lr=1e-3)`.
"""

import torch
from torch import Tensor, nn

from lecture_lib.checks import cpu_rng, positive, positive_int, sampler, takes_arrays
from lecture_lib.gans.networks import MLP
from lecture_lib.latent.partition import importance_bound
from lecture_lib.likelihood import Autoregressive
from lecture_lib.likelihood.simple import as_levels


class Levels(nn.Module):
    """P(x | theta) = prod_j softmax(b_j(v) + phi(v) . theta_j)_{x_j}: pixels as part 2's `Autoregressive` has them.

    theta: (..., 5 d). b_j(v): log shares of the data x. With levels = 2 each pixel is a Bernoulli variable.
    """

    def __init__(self, x, levels: int):
        super().__init__()
        part_2 = Autoregressive.start(x, levels, hidden=1)  # counts the shares
        self.register_buffer("bias", part_2.bias), self.register_buffer("phi", part_2.phi)
        (self.d, self.levels), self.outputs = self.bias.shape, self.phi.shape[1] * len(self.bias)

    def inputs(self, x) -> Tensor:
        """What an encoder sees of x (n, d): phi(x), (n, 5 d)."""
        return self.phi[as_levels(x, self.levels, self.d).to(self.phi.device)].flatten(1)

    def log_pmf(self, theta: Tensor) -> Tensor:
        """log P(x_j = v | theta), (..., 5 d) -> (..., d, levels)."""
        return (self.bias + theta.unflatten(-1, (self.d, -1)) @ self.phi.T).log_softmax(-1)

    def log_prob(self, x, theta: Tensor) -> Tensor:
        """log P(x | theta) in nats: (n, d), (..., n, 5 d) -> (..., n)."""
        x, log_pmf = as_levels(x, self.levels, self.d).to(theta.device), self.log_pmf(theta)
        return log_pmf.gather(-1, x[..., None].expand(*log_pmf.shape[:-1], 1)).sum((-2, -1))

    def sample(self, theta: Tensor, rng=None) -> Tensor:
        """x ~ P(x | theta): (n, 5 d) -> (n, d)."""
        p = self.log_pmf(theta).exp().cpu()
        return torch.multinomial(p.flatten(0, 1), 1, generator=rng).reshape(p.shape[:2])


@takes_arrays
def kl_to_normal(mean: Tensor, log_sd: Tensor) -> Tensor:
    """KL(N(mean, sd^2) || N(0, 1)) = sum_j (mean_j^2 + sd_j^2 - 1) / 2 - log sd_j in nats: (n, z_dim) -> (n,)."""
    return ((mean**2 + torch.exp(2 * log_sd) - 1) / 2 - log_sd).sum(-1)


class VAE(nn.Module):
    """p(x) = integral p(x | decoder(z)) N(z; 0, I) dz, and q(z | x) = N(z; mean, sd^2), (mean, log sd) = encoder(x).

    encoder: inputs of the likelihood -> (n, 2 z_dim); decoder: z (..., z_dim) -> theta. likelihood: such as `Levels`.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, likelihood: nn.Module, z_dim: int):
        super().__init__()
        self.encoder, self.decoder, self.likelihood = encoder, decoder, likelihood
        self.d, self.levels, self.z_dim = likelihood.d, likelihood.levels, positive_int("z_dim", z_dim)

    def posterior(self, x) -> tuple[Tensor, Tensor]:
        """mean and log sd of q(z | x): (n, d) -> (n, z_dim) each."""
        return self.encoder(self.likelihood.inputs(x)).chunk(2, -1)

    def elbo(self, x, rng=None, beta: float = 1.0) -> Tensor:
        """log p(x | z) - beta KL(q(z | x) || N(0, I)) at one z ~ q: (n, d) -> (n,), in nats; beta = 1 for a bound."""
        mean, log_sd = self.posterior(x)
        z = mean + log_sd.exp() * normal(mean.shape, rng).to(mean)
        return self.likelihood.log_prob(x, self.decoder(z)) - beta * kl_to_normal(mean, log_sd)

    def log_weights(self, x, k: int, rng=None) -> Tensor:
        """log p(x | z) N(z; 0, I) / q(z | x) at k draws z ~ q, (k, n), in nats. The mean of their exp is p(x)."""
        mean, log_sd = self.posterior(x)
        noise = normal((k, *mean.shape), rng).to(mean)
        z = mean + log_sd.exp() * noise
        theta = self.decoder(z.flatten(0, 1)).unflatten(0, z.shape[:2])
        return self.likelihood.log_prob(x, theta) + ((noise**2 - z**2) / 2 + log_sd).sum(-1)

    def bound(self, x, k: int = 1, rng=None) -> Tensor:
        """log (1/k) sum_i p(x, z_i) / q(z_i | x): (n, d) -> (n,), in nats. On average below log p(x); IWAE's bound."""
        k = positive_int("k", k)
        draws = [min(50, k - done) for done in range(0, k, 50)]  # not all at once, for the memory
        return importance_bound(torch.cat([self.log_weights(x, some, rng) for some in draws]))

    @sampler
    def sample(self, n, rng=None) -> Tensor:
        """z ~ N(0, I), x ~ p(x | z): (n, d)."""
        z = normal((n, self.z_dim), rng).to(next(self.parameters()))
        return self.likelihood.sample(self.decoder(z), rng)


def normal(shape, rng) -> Tensor:
    """N(0, 1), on the CPU."""
    return torch.randn(shape, generator=cpu_rng(rng), device="cpu")


class Bound(nn.Module):
    """What takes the place of log p(x) in part 2's training: the ELBO; for k > 1 the importance-weighted bound."""

    def __init__(self, vae: VAE, k: int = 1, beta: float = 1.0, rng=None):
        super().__init__()
        self.vae, self.k, self.beta, self.rng = vae, positive_int("k", k), positive("beta", beta, or_zero=True), rng

    def log_prob(self, x) -> Tensor:
        """(n, d) -> (n,), in nats."""
        return self.vae.elbo(x, self.rng, self.beta) if self.k == 1 else self.vae.bound(x, self.k, self.rng)


def digits_vae(x, levels: int = 17, z_dim: int = 16, hidden: int = 512, rng=None) -> VAE:
    """A VAE of images x (n, d), whole numbers 0 .. levels - 1, by networks with one layer of hidden units."""
    likelihood, z_dim = Levels(x, levels), positive_int("z_dim", z_dim)
    encoder = MLP(likelihood.outputs, 2 * z_dim, hidden, rng=rng)
    decoder = MLP(z_dim, likelihood.outputs, hidden, rng=rng)
    return VAE(encoder, decoder, likelihood, z_dim)
