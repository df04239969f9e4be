"""The model card of a summarizer: README.md beside the weights. Only text is made here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textvae.model_card import code, fence, header, number, table

TAGS = ("textvae", "summarization", "unsupervised-summarization", "autoencoder", "pointer-generator")
MEASURES = {
    "score": "what this model was chosen by: reconstruction times fluency times length; no summary of a person is read",
    "reconstruction": "how much better a fresh reader knows a document from its own summary than from another's",
    "fluency": "perplexity of human texts over that of the summaries, at most 1",
    "length": "1 where the mean length is that of human texts",
    "mean_length": "words, punctuation included",
    "perplexity": "of the summaries under a trigram model of the human texts",
    "copy_rate": "percent of a summary's words that stand in the document",
    "lead_rate": "percent of summaries that are the first words of their documents",
    "names_kept": "percent of the document's rare words and numbers that the summary has",
    "names_invented": "percent of the summary's rare words and numbers that the document lacks",
}
"""What is shown of the evaluation on dev, and what it means."""

_INTENDED = """\
Shortens single sentences and short paragraphs of the kind it was trained on; made for research on summaries without
paired data and for drafts that somebody reads before they are used. What a summary leaves out may be what matters, and
it can say what its document does not say: it is not to be published unread."""

_LIMITS = """\
- Text of the kind it was trained on, in its language and domain; other text comes out worse.
- It reads {max_source} tokens at once. Longer documents are cut at their sentences, each piece is summarised, and the
  summaries are joined; what the pieces say together is not understood.
- It has learnt to undo noise: it leaves out words that look put in. Negations and conditions can be among them.
- Nothing was done about biases and offensive words in the data.
- The scores below come from automatic measures on development data, on which this model was also chosen."""

_USE = """\
Download the whole run directory (tokenizer and text settings lie beside this folder). Nothing in it is executed.

```python
from textvae import Summarizer

summarize = Summarizer.from_pretrained("RUN")
print(summarize("Your document.", words=10))
```"""


@dataclass(frozen=True)
class SummarizerFacts:
    """What a card tells.

    generator, reconstructor: kind and size, as "lstm 256". sources: name and rows of each source. stages: those of the
    training, in order. metrics: of the evaluation on dev at `step`, with or without the prefix `dev/`.
    """

    generator: str
    reconstructor: str
    vocabulary: int
    slots: int
    parameters: int
    max_source: int
    sources: Mapping[str, str]
    fingerprint: str
    command: str
    commit: str | None
    step: int
    stages: Sequence[str]
    metrics: Mapping[str, float]
    language: str | None = None


def summarizer_card(facts: SummarizerFacts) -> str:
    """The card as Markdown, the same for the same facts."""
    sections = {
        "": "A seq2seq2seq autoencoder ([Wang & Lee 2018](https://arxiv.org/abs/1810.02851)) whose latent is a short "
        "text, trained with textvae on documents and on texts that people wrote about *other* documents.",
        "How to use it": _USE,
        "Intended use": _INTENDED,
        "Limits": _LIMITS.format(max_source=facts.max_source),
        "Data": data_section(facts),
        "Training": training_section(facts),
        "Scores on dev": scores_section(facts),
    }
    body = "\n\n".join(f"## {title}\n\n{text}" if title else text for title, text in sections.items())
    return f"{header(facts.language, TAGS)}\n# Unsupervised summarization\n\n{body}\n"


def data_section(facts: SummarizerFacts) -> str:
    """Where both sides come from."""
    lines = [f"- {name}: {code(source)}" for name, source in facts.sources.items()]
    return "\n".join([*lines, f"- sha256: {code(facts.fingerprint)}"])


def training_section(facts: SummarizerFacts) -> str:
    """What repeats the training."""
    lines = [
        f"- Generator {code(facts.generator)}, reconstructor {code(facts.reconstructor)}, {facts.parameters:,} "
        f"parameters, vocabulary of {facts.vocabulary:,} and {facts.slots} places for words outside of it",
        f"- Stages: {', '.join(facts.stages)}",
        f"- Saved at step {facts.step:,}" + (f", code at commit {code(facts.commit)}" if facts.commit else ""),
    ]
    return "\n".join(lines) + f"\n\n{fence(facts.command)}"


def scores_section(facts: SummarizerFacts) -> str:
    """The evaluation that chose this model."""
    values = {name.removeprefix("dev/"): value for name, value in facts.metrics.items()}
    rows = [(name, number(values[name]), meaning) for name, meaning in MEASURES.items() if name in values]
    return table(("measure", "value", "meaning"), rows) if rows else "Not evaluated."
