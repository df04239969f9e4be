"""A diagnosis in words and as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from textvae.data.batch import Collator
from textvae.data.tokenized import TokenizedCorpus
from textvae.evaluation.diagnostics.collapse import warnings
from textvae.evaluation.diagnostics.config import DiagnosticsConfig
from textvae.evaluation.diagnostics.diagnosis import Diagnosis, diagnose
from textvae.models.sentence_vae import SentenceVAE


@dataclass(frozen=True)
class DiagnosticsValidator:
    """validator(model, step) → {`dev/…`: value}; prints a line and what is wrong with the latent through `say`.

    dev/score is minus the weighted sum of the objectives at their final weights: rec, kl, bow.
    """

    config: DiagnosticsConfig
    dev: TokenizedCorpus
    collator: Collator
    weights: tuple[float, float, float]
    say: Callable[[str], None]

    def __call__(self, model: SentenceVAE, step: int) -> dict[str, float]:
        """Metrics of a model in eval mode."""
        found = diagnose(model, self.dev, self.collator, self.config)
        rec, kl, bow = self.weights
        score = -(rec * found.distortion + kl * found.cost + bow * (found.bag or 0.0))
        self.say(f"step {step}  dev: score {score:.3f}; {one_line(found)}")
        for warning in warnings(found, self.config):
            self.say(f"  warning: {warning}")
        return {"dev/score": score, "dev/J_rec": found.distortion, "dev/J_kl": found.penalty} | {
            f"dev/{name}": value for name, value in found.numbers().items()
        }


COLUMNS = {
    "rate": "rate",
    "distortion": "distortion",
    "nll": "NLL",
    "perplexity": "PPL",
    "mutual_information": "mutual information",
    "active_units": "active units",
    "codes_used": "codes used",
    "code_perplexity": "code PPL",
    "swapped": "gain over another z",
}
"""Numbers of a `Diagnosis` that stand in a table of several models."""
DIGITS = {
    "rate": 2,
    "distortion": 2,
    "nll": 2,
    "mutual_information": 2,
    "active_units": 0,
    "codes_used": 0,
    "swapped": 3,
}
"""Behind the point, where not one."""


def one_line(found: Diagnosis) -> str:
    """The numbers that matter during training."""
    return ", ".join(f"{name} {value}" for name, value, _ in rows(found) if name in SHORT)


SHORT = ("NLL", "distortion", "rate", "mutual information", "active units", "codes in use", "gain over another z")


def rows(found: Diagnosis) -> Iterator[tuple[str, str, str]]:
    """(measure, value, meaning) of everything that a latent has."""
    if found.nll is not None and found.perplexity is not None:
        draws = f"{found.samples} draw{'s' if found.samples > 1 else ''} a sentence, importance-weighted"
        yield "NLL", f"{found.nll:.2f}", f"nats a sentence, an upper bound from {draws}"
        yield "perplexity", f"{found.perplexity:.2f}", "the same per word, `</s>` counted"
    yield "distortion", f"{found.distortion:.2f}", "nats a sentence, −log p(x | z), z from its posterior"
    if found.rate is not None:
        yield "rate", f"{found.rate:.2f}", "nats a sentence that z tells of x: KL(q ‖ p), or −log p(codes)"
    yield "penalty", f"{found.penalty:.2f}", "what J_kl weighs"
    if found.mutual_information is not None:
        yield "mutual information", f"{found.mutual_information:.2f}", "nats between x and z, at most log(sentences)"
    if found.active_units is not None:
        yield "active units", f"{found.active_units} of {found.size}", "dimensions that vary with the sentence"
    if found.codebook:
        yield "codes in use", f"{found.codes_used} of {found.codebook}", f"perplexity {found.code_perplexity:.1f}"
    yield "gain", f"{found.gain:.3f}", "nats a word that a sentence's own z is worth over one from the prior"
    yield "gain by position", " ".join(f"{gain:.2f}" for gain in found.gains), "the same for the first words"
    yield "gain over another z", f"{found.swapped:.3f}", "nats a word that it is worth over another sentence's z"
    if found.probe is not None and found.majority is not None:
        meaning = f"accuracy of a linear reader of the label from z (most frequent label: {found.majority:.3f})"
        yield "label from z", f"{found.probe:.3f}", meaning
