"""What is measured during a summarizer's training, on documents whose summaries nobody has read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from textvae.data.unpaired.slots import SlotVocabulary
from textvae.evaluation.summaries.alarms import AlarmLimits, measure, verdict
from textvae.evaluation.summaries.config import SummarySelectionConfig
from textvae.evaluation.summaries.rare_words import RareWords
from textvae.evaluation.summaries.reconstruction import Reconstruction
from textvae.evaluation.summaries.selection import SummaryDevScore
from textvae.inference.summarization import Summarizer
from textvae.models.seq2seq2seq import Seq2Seq2Seq
from textvae.text import TextConfig

SAMPLES = 3


@dataclass
class SummaryValidator:
    """validator(model, step) → {`dev/…`: value}; prints a line, sample summaries and every alarm through `say`.

    corpus: documents, texts, dev_documents and dev_texts, without labels. reads(step): whether the reconstructor has
    been trained yet; before, there is nothing to ask it.
    """

    config: SummarySelectionConfig
    limits: AlarmLimits
    corpus: Any
    tokenizer: Any
    text: TextConfig
    reads: Callable[[int], bool]
    say: Callable[[str], None]

    @cached_property
    def dev_score(self) -> SummaryDevScore:
        """The score that chooses the checkpoint; its reader and language model are trained once."""
        corpus = self.corpus
        sides = (corpus.documents["text"], corpus.texts["text"], corpus.dev_documents["text"])
        return SummaryDevScore.fit(*sides, list(corpus.dev_texts["text"]), self.config)

    @cached_property
    def rare(self) -> RareWords:
        """Names and other rare words, by the training documents."""
        return RareWords(self.corpus.documents["text"])

    def __call__(self, model: Seq2Seq2Seq, step: int) -> dict[str, float]:
        """Metrics of a model in eval mode."""
        documents = self.dev_score.documents
        summaries = Summarizer(model, self.tokenizer, self.text)(
            documents, **self.length(model), beam=1, detokenise=False
        )
        score, measures = self.dev_score(summaries), self.measures(model, step, summaries)
        self.say(
            f"step {step}  dev: score {score.score:.3f} = reconstruction {score.reconstruction:.3f} × fluency "
            f"{score.fluency:.3f} × length {score.length:.3f}; {score.mean_length:.1f} words, perplexity "
            f"{score.perplexity:.0f}, copied words {measures['copy_rate']:.0f} %, LEAD {measures['lead_rate']:.0f} %"
        )
        for document, summary in list(zip(documents, summaries, strict=True))[:SAMPLES]:
            self.say(f"  {document}\n    ⇒  {summary}")
        for alarm in verdict(measures, self.limits):
            self.say(f"  WARNING: {alarm.sentence}")
        return {f"dev/{name}": float(value) for name, value in (measures | vars(score)).items()}

    def length(self, model: Seq2Seq2Seq) -> dict[str, int]:
        """Options: the mean length of human texts for all, unless lengths are left to the model."""
        free = (model.config.decoding or {}).get("free_length")
        return {} if free else {"words": max(round(self.dev_score.words), 1)}

    def measures(self, model: Seq2Seq2Seq, step: int, summaries: list[str]) -> dict[str, float]:
        """What the alarms go by."""
        config = model.config
        vocabulary = SlotVocabulary(self.tokenizer, config.slots)
        restore = Reconstruction(model.reconstructor, vocabulary, config.max_source, config.max_target)
        return measure(
            summaries,
            self.dev_score.documents,
            reconstruct_nll=restore if self.reads(step) else None,
            fresh_nll=self.dev_score.reader,
            language_model=self.dev_score.language_model,
            human_texts=list(self.corpus.dev_texts["text"]),
            rare=self.rare,
        )
