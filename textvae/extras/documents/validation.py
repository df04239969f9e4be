"""A hierarchical VAE measured on dev while it is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from textvae.data.batch import Collator
from textvae.extras.documents.diagnosis import Sentences, diagnose, look
from textvae.extras.documents.hierarchical_vae import HierarchicalVAE


@dataclass(frozen=True)
class DocumentValidator:
    """validator(model, step) → {`dev/…`: value}; prints a line through `say`.

    dev/score is minus the weighted sum of the objectives at their final weights, by name, with μ2 inferred.
    """

    dev: Sentences
    collator: Collator
    weights: dict[str, float]
    say: Callable[[str], None]

    def __call__(self, model: HierarchicalVAE, step: int) -> dict[str, float]:
        """Metrics of a model in eval mode."""
        found = diagnose(look(model, self.dev.corpus, self.collator), self.dev.texts, None)
        numbers = {name: float(value) for name, value in found.to_dict().items() if isinstance(value, float)}
        score = -sum(weight * numbers[name] for name, weight in self.weights.items())
        self.say(
            f"step {step}  dev: score {score:.3f}; bound {found.bound:.2f}, same document? "
            f"EER {100 * found.eer_mu2:.1f} % from μ2, {100 * found.eer_mu1:.1f} % from μ1"
        )
        return {"dev/score": score, **{f"dev/{name}": value for name, value in numbers.items()}}
