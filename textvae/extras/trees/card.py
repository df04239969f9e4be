"""The model card of a grammar whose trees are latent: README.md beside the weights. Only text is made here."""

from __future__ import annotations

from textvae.model_card import header, number, table
from textvae.sentence_card import SentenceFacts, data_section, training_section

TAGS = ("textvae", "grammar-induction", "parsing", "variational-autoencoder")
MEASURES = {
    "score": "what this model was chosen by: minus the weighted sum of its objectives",
    "nll": "−log p(x), exact without z, else a bound from samples; nats per sentence",
    "perplexity": "the same per word, the sentence's end counted",
    "J_rec": "−log p(x | z) over all trees",
    "J_kl": "nats per sentence that z tells of x",
    "sentence_f1": "unlabelled F1 against known trees, mean over sentences; told only, nothing was chosen by it",
    "corpus_f1": "the same of the counts over all sentences",
}
"""What is shown of the evaluation on dev, and what it means."""

_USE = """\
Download the whole run directory (tokenizer and text settings lie beside this folder). Nothing in it is executed.

    echo "the dog sees a cat" | textvae parse RUN"""

_LIMITS = """\
- Trees were learnt from sentences alone: they need not be those of any theory, and their symbols have no names.
- Sentences of the kind it was trained on; time grows with the third power of a sentence's length.
- The scores below come from development data, on which this model was also chosen."""


def tree_card(facts: SentenceFacts) -> str:
    """The card as Markdown, the same for the same facts."""
    values = {name.removeprefix("dev/"): value for name, value in facts.metrics.items()}
    rows = [(name, number(values[name]), meaning) for name, meaning in MEASURES.items() if name in values]
    sections = {
        "": "A grammar learnt from sentences ([Kim et al. 2019](https://arxiv.org/abs/1906.10225)), by textvae.",
        "How to use it": _USE,
        "Limits": _LIMITS,
        "Data": data_section(facts),
        "Training": training_section(facts),
        "Scores on dev": table(("measure", "value", "meaning"), rows) if rows else "Not evaluated.",
    }
    body = "\n\n".join(f"## {title}\n\n{text}" if title else text for title, text in sections.items())
    return f"{header(None, TAGS)}\n# Grammar of sentences\n\n{body}\n"
