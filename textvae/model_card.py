"""The model card: README.md beside the weights, with the header that Hugging Face reads. Only text is made here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

TAGS = ("textvae", "text-style-transfer", "variational-autoencoder", "disentangled-representation")
MEASURES = {
    "score": "what this model was chosen by: accuracy times content kept, less where outputs are copies",
    "accuracy": "share of outputs that the judge assigns to the style asked for",
    "self_bleu": "BLEU of the outputs against their own inputs, 0 to 1: content kept",
    "word_overlap": "content words shared by output and input",
    "copy_rate": "share of outputs equal to their input",
    "strength": "strength of transfer that gave these outputs",
    "J_rec": "reconstruction loss, nats per token",
    "J_kl_s": "KL of the style space, nats per sentence",
    "J_kl_c": "KL of the content space, nats per sentence",
    "probe_z_s": "accuracy of a linear probe that reads the style from z_s (1 is best)",
    "probe_z_c": "the same from z_c (the share of the largest label is best)",
}
"""What the numbers of an evaluation on dev mean; others are shown by their name alone."""

_INTENDED = """\
Rewrites single sentences so that they take another of the styles above while their content stays; made for research on
style transfer and for drafts that somebody reads before they are used. Outputs are not facts: a rewritten review says
what its author did not say, and must not be presented as theirs."""

_LIMITS = """\
- Sentences of the kind it was trained on, in their language and domain; other text comes out worse.
- Sentences of at most {max_words} words; longer text is to be cut into sentences first.
{detail}
- What goes with a style in the training data (topics, groups, places) can change with it. Nothing was done about biases
  and offensive words in these data.
- The scores below come from automatic judges on development data, on which this model was also chosen."""

_USE = """\
Download the whole run directory (tokenizer and text settings lie beside this folder). Nothing in it is executed.

```python
from textvae import StyleTransfer

transfer = StyleTransfer.from_pretrained("RUN")
print(transfer("Your sentence.", target={target}))
```

The bare network is a transformers model:

```python
import textvae.models.style_content_vae
from transformers import AutoModel

model = AutoModel.from_pretrained("RUN/best")
```"""


_DETAILS = {
    "none": """\
- Names, numbers and rare words are often lost or replaced: a sentence passes through {content_size} + {style_size}
  numbers.""",
    "other": """\
- The decoder looks back at the sentence without its style words. What a sentence says of its style in other words than
  these may stay, words beside them may change with them, and the new words need not fit together.""",
    "translate": """\
- The decoder looks back at the whole sentence. What a sentence says of its style in other words than the usual ones may
  stay, words beside these may change with them, and the new words need not fit together.""",
}


@dataclass(frozen=True)
class ModelFacts:
    """What a card tells. What is None is not known, and left out.

    encoder, decoder: kind and size, as "gru 256". memory: its kind. sentences: how many, by split. weights: of the
    objectives at `step`. metrics: of the evaluation on dev at `step`, with or without the prefix `dev/`. language: a
    code of ISO 639-1.
    """

    labels: Sequence[str]
    encoder: str
    decoder: str
    style_size: int
    content_size: int
    vocabulary: int
    parameters: int
    max_words: int
    data_name: str
    fingerprint: str
    sentences: Mapping[str, int]
    command: str
    step: int
    weights: Mapping[str, float]
    metrics: Mapping[str, float]
    memory: str = "none"
    commit: str | None = None
    licence: str | None = None
    language: str | None = None


def model_card(facts: ModelFacts) -> str:
    """The card as Markdown, the same for the same facts."""
    styles = ", ".join(code(label) for label in facts.labels)
    sections = {
        "": "A style-content autoencoder ([John et al. 2019](https://arxiv.org/abs/1808.04339)), trained with textvae "
        "on sentences with labels and without parallel data.",
        "How to use it": _USE.format(target=json.dumps(facts.labels[-1], ensure_ascii=False)),
        "Intended use": _INTENDED,
        "Limits": limits(facts),
        "Data": data_section(facts),
        "Training": training_section(facts),
        "Scores on dev": scores_section(facts),
    }
    body = "\n\n".join(f"## {title}\n\n{text}" if title else text for title, text in sections.items())
    return f"{header(facts.language)}\n# Style transfer: {styles}\n\n{body}\n"


def limits(facts: ModelFacts) -> str:
    """What it cannot do, by what the decoder reads."""
    kind = facts.memory if facts.memory in _DETAILS else "other"
    detail = _DETAILS[kind].format(**vars(facts))
    return _LIMITS.format(max_words=facts.max_words, detail=detail)


def header(language: str | None, tags: Sequence[str] = TAGS) -> str:
    """The YAML block. Strings are quoted as in JSON: an unquoted `no` (Norwegian) would be read as false."""
    lines = ["---", 'library_name: "textvae"', "tags:", *(f"- {json.dumps(tag)}" for tag in tags)]
    if language is not None:
        lines.append(f"language: {json.dumps(language)}")
    return "\n".join([*lines, "---", ""])


def data_section(facts: ModelFacts) -> str:
    """Where the sentences come from, as far as it is known."""
    counts = ", ".join(f"{split} {count:,}" for split, count in facts.sentences.items())
    lines = [f"- Data set: {code(facts.data_name)}", f"- Sentences: {counts}", f"- sha256: {code(facts.fingerprint)}"]
    if facts.licence is not None:
        lines.append(f"- Terms of the data: {' '.join(facts.licence.split())}")
    return "\n".join(lines)


def training_section(facts: ModelFacts) -> str:
    """What repeats the training: networks, command, commit, weights of the objectives."""
    lines = [
        f"- Encoder {code(facts.encoder)}, decoder {code(facts.decoder)}, {facts.parameters:,} parameters, "
        f"vocabulary of {facts.vocabulary:,}",
        f"- Style vector of {facts.style_size} numbers, content vector of {facts.content_size}",
        f"- Saved at step {facts.step:,}" + (f", code at commit {code(facts.commit)}" if facts.commit else ""),
    ]
    weights = table(("objective", "weight"), [(name, number(value)) for name, value in facts.weights.items()])
    return "\n".join(lines) + f"\n\n{fence(facts.command)}\n\n{weights}"


def scores_section(facts: ModelFacts) -> str:
    """The evaluation that chose this model."""
    values = {name.removeprefix("dev/"): value for name, value in facts.metrics.items()}
    rows = [(name, number(value), MEASURES.get(name, "")) for name, value in values.items()]
    return table(("measure", "value", "meaning"), rows) if rows else "Not evaluated."


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def number(value: float) -> str:
    """Four significant digits."""
    return f"{value:.4g}"


def code(text: str) -> str:
    """A code span, whatever backticks the user's text has: the fence is longer than any run of them."""
    text = " ".join(text.split())
    ticks = "`" * (_longest_run(text) + 1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{space}{text}{space}{ticks}"


def fence(text: str) -> str:
    """A block of shell, fenced likewise."""
    ticks = "`" * max(3, _longest_run(text) + 1)
    return f"{ticks}bash\n{text}\n{ticks}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
