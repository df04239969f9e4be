"""Small classifiers over latent vectors: heads that help and adversaries that are fooled."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from textvae.modules.attributes import LabelGroups, Sizes


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


class StyleHead(Classifier):
    """Logits (B, K_a) of each attribute from its own block of z_s (B, A · Z): linear, no attribute sees the others'."""

    def __init__(self, block_size: int, classes: Sizes):
        self.groups = LabelGroups.of(classes)
        super().__init__(block_size, self.groups.total)
        self.block_size = block_size

    def forward(self, z: Tensor) -> tuple[Tensor, ...]:  # type: ignore[override]
        linear = self.layers[0]
        assert isinstance(linear, nn.Linear)
        rows = (x.split(self.groups.sizes) for x in (linear.weight, linear.bias))
        return tuple(F.linear(*parts) for parts in zip(z.split(self.block_size, dim=1), *rows, strict=True))
