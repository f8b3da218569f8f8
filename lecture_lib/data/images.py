"""Small image sets."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Images(NamedTuple):
    """Grey images as rows of whole numbers 0 .. levels - 1, split so that train and test share no image."""

    train: Tensor  # (n, height * width), long
    test: Tensor
    train_labels: Tensor  # (n,), long
    test_labels: Tensor
    shape: tuple[int, int]  # height, width
    levels: int


def digits() -> Images:
    """Handwritten digits, 8 x 8 pixels, 17 grey levels: 1,400 to train, 397 to test.

    scikit-learn's `load_digits`: the test part of Alpaydin and Kaynak, Optical Recognition of Handwritten
    Digits, UCI 1998. Ships with scikit-learn. The split is one fixed shuffle.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    order = torch.randperm(len(bunch.data), generator=torch.Generator().manual_seed(0))
    x = torch.as_tensor(bunch.data).long()[order]
    labels = torch.as_tensor(bunch.target).long()[order]
    return Images(x[:1400], x[1400:], labels[:1400], labels[1400:], shape=(8, 8), levels=17)
