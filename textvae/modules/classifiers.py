"""Small classifiers over latent vectors: heads that help and adversaries that are fooled."""

from __future__ import annotations

from torch import Tensor, nn


class Classifier(nn.Module):
    """Logits (B, K) from vectors (B, Z): linear (the paper's), or one hidden layer of `hidden` ReLU units.

    It ends in logits. A softmax here and another inside the loss, as in the released codes, flattens every gradient.
    """

    def __init__(self, input_size: int, classes: int, hidden: int = 0):
        super().__init__()
        first = [nn.Linear(input_size, hidden), nn.ReLU()] if hidden else []
        self.layers = nn.Sequential(*first, nn.Linear(hidden or input_size, classes))

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)
