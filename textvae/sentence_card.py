"""The model card of a sentence autoencoder: README.md beside the weights. Only text is made here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from textvae.model_card import code, fence, header, number, table

TAGS = ("textvae", "sentence-vae", "variational-autoencoder", "text-generation")
MEASURES = {
    "eer_mu2": "equal error rate of verifying a document by the mean of z2",
    "eer_mu1": "the same by the mean of z1",
    "bound": "lower bound of log p(x) with its sign turned, nats per sentence",
    "score": "what this model was chosen by: minus the weighted sum of its objectives",
    "nll": "importance-weighted bound of −log p(x), nats per sentence",
    "perplexity": "the same per word",
    "distortion": "−log p(x | z), nats per sentence",
    "rate": "nats per sentence that z tells of x",
    "mutual_information": "nats between sentence and z",
    "active_units": "dimensions that vary with the sentence",
    "codes_used": "entries of the codebook that occur",
    "gain": "nats per word that a sentence's own z is worth over one from the prior",
}
"""What is shown of the evaluation on dev, and what it means."""

_USE = """\
Download the whole run directory (tokenizer and text settings lie beside this folder). Nothing in it is executed.

The bare network is a transformers model:

```python
import {module}
from transformers import AutoModel

model = AutoModel.from_pretrained("RUN/best")
```"""

_LIMITS = """\
- Sentences of the kind it was trained on, of at most {max_words} words; other text comes out worse.
- A sentence passes through its latent alone: names, numbers and rare words are often lost or replaced.
- What it generates is not true, and repeats the biases and offensive words of its data.
- The scores below come from development data, on which this model was also chosen."""


@dataclass(frozen=True)
class SentenceFacts:
    """What a card tells. networks, latent: in words. metrics: of the evaluation on dev at `step`. module: to import."""

    networks: str
    latent: str
    vocabulary: int
    parameters: int
    max_words: int
    data_name: str
    fingerprint: str
    sentences: Mapping[str, int]
    command: str
    commit: str | None
    step: int
    weights: Mapping[str, float]
    metrics: Mapping[str, float]
    title: str = "Sentence autoencoder"
    about: str = (
        "A sentence autoencoder ([Bowman et al. 2016](https://arxiv.org/abs/1511.06349)), trained with textvae."
    )
    module: str = "textvae.models.sentence_vae"


def sentence_card(facts: SentenceFacts) -> str:
    """The card as Markdown, the same for the same facts."""
    sections = {
        "": facts.about,
        "How to use it": _USE.format(module=facts.module),
        "Limits": _LIMITS.format(max_words=facts.max_words),
        "Data": data_section(facts),
        "Training": training_section(facts),
        "Scores on dev": scores_section(facts),
    }
    body = "\n\n".join(f"## {title}\n\n{text}" if title else text for title, text in sections.items())
    return f"{header(None, TAGS)}\n# {facts.title}\n\n{body}\n"


def data_section(facts: SentenceFacts) -> str:
    """Where the sentences come from."""
    counts = ", ".join(f"{split} {count:,}" for split, count in facts.sentences.items())
    return f"- Data set: {code(facts.data_name)}\n- Sentences: {counts}\n- sha256: {code(facts.fingerprint)}"


def training_section(facts: SentenceFacts) -> str:
    """What repeats the training."""
    saved = f"- Saved at step {facts.step:,}" + (f", code at commit {code(facts.commit)}" if facts.commit else "")
    weights = table(("objective", "weight"), [(name, number(value)) for name, value in facts.weights.items()])
    networks = f"- {facts.networks}; latent: {facts.latent}; {facts.parameters:,} parameters, "
    return f"{networks}vocabulary of {facts.vocabulary:,}\n{saved}\n\n{fence(facts.command)}\n\n{weights}"


def scores_section(facts: SentenceFacts) -> str:
    """The evaluation that chose this model."""
    values = {name.removeprefix("dev/"): value for name, value in facts.metrics.items()}
    rows = [(name, number(values[name]), meaning) for name, meaning in MEASURES.items() if name in values]
    return table(("measure", "value", "meaning"), rows) if rows else "Not evaluated."
