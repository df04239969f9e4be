"""Whether the latent is used, in plain words."""

from __future__ import annotations

from textvae.evaluation.diagnostics.config import DiagnosticsConfig
from textvae.evaluation.diagnostics.diagnosis import Diagnosis

REMEDIES = (
    "noise.word_dropout 0.3 (the decoder must read z)",
    "objectives.J_kl.schedule cyclical with steps of a quarter of the training",
    "model.latent.free_bits 0.1, or initial_std 0.1",
    "a smaller weight of J_kl",
)
"""What to try, one after the other."""


def warnings(found: Diagnosis, config: DiagnosticsConfig) -> list[str]:
    """What is wrong with the use of the latent, a sentence each; none where nothing is."""
    said = []
    if found.swapped < config.collapse_gain:
        said.append(
            f"the latent has collapsed: a sentence's own z makes its words only {found.swapped:.3f} nats likelier each "
            f"than another sentence's z does{_rate(found)}. The decoder writes without it, and what it writes will say "
            f"nothing of the input. Try, one at a time: {'; '.join(REMEDIES)}"
        )
    elif found.active_units is not None and found.active_units < 0.1 * found.size:
        said.append(
            f"only {found.active_units} of {found.size} dimensions of z vary with the sentence: what they do not hold "
            f"is lost. Try {REMEDIES[2]}, or a smaller model.latent.size"
        )
    if found.codes_used is not None and found.codebook and found.codes_used < 0.25 * found.codebook:
        said.append(
            f"{found.codebook - found.codes_used} of {found.codebook} codes were never chosen: the codebook is mostly "
            "dead. Try model.latent.revival 2, or a smaller model.latent.codebook"
        )
    return said


def _rate(found: Diagnosis) -> str:
    if found.rate is None:
        return ""
    units = "" if found.active_units is None else f", {found.active_units} of {found.size} dimensions active"
    return f" (rate {found.rate:.2f} nats a sentence{units})"
