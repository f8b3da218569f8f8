"""Representations: what a model has learnt from images without labels helps to tell their classes from few labels.

Slide "Additional Applications": "obtain good representations, then fine-tune; unlabeled data is cheap, labeled is not".

    features of a pixel model, of a discriminator       `pixel_features`, `layer_features`
    a linear classifier of them, from few labels        `ridge`, `probe`, in labels.py
    or train the network on                             `fine_tune`

Most of what features are worth is often the network's form: the control is the same network with random weights.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lecture_lib.checks import as_tensor, check_optimizer, cpu_rng, positive_int, require, with_gradients
from lecture_lib.gans import descend, eval_mode
from lecture_lib.likelihood import Step
from lecture_lib.likelihood.simple import as_levels


@torch.no_grad()
def pixel_features(model, x, side: int = 7) -> Tensor:
    """The hidden layer of a `PixelModel` at all pixels, `pooled`: images x (n, d) -> (n, hidden side^2)."""
    x = as_levels(x, model.levels, model.d).to(model.last.weight)
    maps = lambda rows: model.features(rows, model.ordering).mT.unflatten(2, model.shape)  # noqa: E731
    return torch.cat([pooled(maps(rows), side) for rows in x.split(100)])


@torch.no_grad()
def layer_features(net: nn.Sequential, x, side: int = 7) -> Tensor:
    """The maps behind each (leaky) ReLU of a convolutional network, such as D, `pooled`: (n, channels, h, w) -> (n, k).

    In evaluation mode: an image's features do not depend on those beside it. BatchNorm takes its running statistics,
    which a network that was not trained gets by some calls in training mode.
    """
    features = []
    with eval_mode(net):
        for h in as_tensor(x).to(next(net.parameters())).split(500):
            maps = []
            for layer in net:
                h = layer(h)
                if h.ndim == 4 and isinstance(layer, (nn.ReLU, nn.LeakyReLU)):
                    maps.append(pooled(h, side))
            require(maps, "net has no ReLU behind a convolution. It should be a Sequential with some.")
            features.append(torch.cat(maps, 1))
    return torch.cat(features)


def pooled(maps: Tensor, side: int) -> Tensor:
    """sqrt(mean of max(h, 0)) over each of side x side parts of the picture: (n, c, h, w) -> (n, c side^2)."""
    return F.adaptive_avg_pool2d(maps.relu(), positive_int("side", side)).sqrt().flatten(1)


@with_gradients
def fine_tune(net: nn.Module, optimizer, x: Tensor, labels: Tensor, steps=200, batch_size=32, rng=None):
    """argmin -(1/n) sum_i log p(label_i | x_i), with p the softmax of the net's outputs; yields a `Step` after each.

    The first gradients of a head that knows nothing would soon undo what the body has learnt: its steps are smaller.

        groups = [{"params": body.parameters(), "lr": 1e-4}, {"params": head.parameters(), "lr": 2e-3}]
        for step in fine_tune(nn.Sequential(body, head).eval(), torch.optim.Adam(groups), x, labels, rng=rng): ...

    In evaluation mode, which is the caller's, BatchNorm keeps its statistics. Batches are drawn with replacement.
    """
    check_optimizer("optimizer", optimizer, "net", net)
    steps, batch_size, rng = positive_int("steps", steps), positive_int("batch_size", batch_size), cpu_rng(rng)
    require(len(x) == len(labels) > 0, f"x and labels have {len(x)} and {len(labels)} rows. They should have as many.")

    @with_gradients
    def train():
        for number in range(1, steps + 1):
            rows = torch.randint(len(x), (batch_size,), generator=rng, device="cpu")
            yield Step(number, descend(optimizer, F.cross_entropy(net(x[rows]), labels[rows].long())).item())

    return train()
