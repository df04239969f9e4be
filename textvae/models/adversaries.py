"""The two latent adversaries of John et al. 2019, sec. 3.2.2 and 3.3.2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from textvae.modules.classifiers import Classifier
from textvae.modules.discriminant import LinearDiscriminant

AdversaryKind = Literal["linear", "mlp", "discriminant"]


@dataclass(frozen=True)
class AdversaryOutput:
    """style_logits: (B, S) read from z_c. bag_logits: (B, W) read from z_s."""

    style_logits: Tensor
    bag_logits: Tensor


class Adversaries(nn.Module):
    """Predict what each space should not know: the style from z_c and the content words from z_s.

    They are not part of the model. Only phase `dis` moves them; phase `vae` reads them frozen, and the gradient of
    J_adv passes through them into the encoder.
    """

    def __init__(
        self,
        style_size: int,
        content_size: int,
        num_styles: int,
        bag_size: int,
        kind: AdversaryKind = "linear",
        hidden: int = 128,
    ):
        super().__init__()
        self.style_from_content: nn.Module
        if kind == "discriminant":
            self.style_from_content = LinearDiscriminant(content_size, num_styles)
        else:
            self.style_from_content = Classifier(content_size, num_styles, hidden if kind == "mlp" else 0)
        self.bag_from_style = Classifier(style_size, bag_size)

    def observe(self, z_c: Tensor, style: Tensor) -> None:
        """Once a step, before phase `dis`: for an adversary that is solved instead of trained."""
        if isinstance(self.style_from_content, LinearDiscriminant):
            self.style_from_content.observe(z_c, style)

    def forward(self, z_s: Tensor, z_c: Tensor) -> AdversaryOutput:
        return AdversaryOutput(self.style_from_content(z_c), self.bag_from_style(z_s))
