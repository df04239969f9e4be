"""The two latent adversaries of John et al. 2019, sec. 3.2.2 and 3.3.2."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor, nn

from textvae.modules.attributes import LabelGroups, Sizes
from textvae.modules.config import AdversaryKind
from textvae.modules.memory import mean_row
from textvae.modules.statistics import LinearDiscriminant
from textvae.modules.style_guide import Classifier


@dataclass(frozen=True)
class AdversaryOutput:
    """style_logits, memory_logits: (B, K_a) of each attribute, read from z_c and from the memory. bag_logits: (B, W)
    read from z_s.
    """

    style_logits: tuple[Tensor, ...]
    bag_logits: Tensor
    memory_logits: tuple[Tensor, ...] | None = None


class Adversaries(nn.Module):
    """Predict what each space should not know: the style from z_c and the content words from z_s.

    num_styles: labels of the one attribute, or of each; one network reads them all. memory_size: width of a memory's
    rows, whose mean must not tell the style either; 0 where there is none.

    They are not part of the model. Only phase `dis` moves them; phase `vae` reads them frozen, and the gradient of
    J_adv passes through them into the encoder.
    """

    def __init__(
        self,
        style_size: int,
        content_size: int,
        num_styles: Sizes,
        bag_size: int,
        kind: AdversaryKind = "linear",
        hidden: int = 128,
        memory_size: int = 0,
    ):
        super().__init__()
        self.groups = LabelGroups.of(num_styles)
        labels = self.groups.total
        self.style_from_content: nn.Module
        if kind == "discriminant":
            self.style_from_content = LinearDiscriminant(content_size, num_styles)
        else:
            self.style_from_content = Classifier(content_size, labels, hidden if kind == "mlp" else 0)
        self.bag_from_style = Classifier(style_size, bag_size)
        self.style_from_memory = Classifier(memory_size, labels, hidden) if memory_size else None

    def observe(self, z_c: Tensor, style: Tensor) -> None:
        """Once a step, before phase `dis`: for an adversary that is solved instead of trained."""
        if isinstance(self.style_from_content, LinearDiscriminant):
            self.style_from_content.observe(z_c, style)

    def forward(self, z_s: Tensor, z_c: Tensor, memory: Tensor | None = None) -> AdversaryOutput:
        found = AdversaryOutput(self.groups.split(self.style_from_content(z_c)), self.bag_from_style(z_s))
        if self.style_from_memory is None:
            return found
        assert memory is not None, "this adversary reads a memory"
        return replace(found, memory_logits=self.groups.split(self.style_from_memory(mean_row(memory))))
