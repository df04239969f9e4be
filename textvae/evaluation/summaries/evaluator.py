"""Scores summaries of any system, with LEAD at every length and the other baselines always beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Any

import numpy as np

from textvae.errors import UserError
from textvae.evaluation.bootstrap import interval, resampled_sums
from textvae.evaluation.summaries.alarms import ReconstructNll, verdict
from textvae.evaluation.summaries.config import SummaryEvaluationConfig
from textvae.evaluation.summaries.instruments import SummaryInstruments
from textvae.evaluation.summaries.lead import (
    equal_length,
    language_model_cuts,
    leads,
    shared_lengths,
    usual_ending,
    word_count,
)
from textvae.evaluation.summaries.results import SummaryEvaluation, SummaryRow
from textvae.evaluation.summaries.rouge import MEASURES, Rouge
from textvae.evaluation.summaries.symptoms import measure, text_measures, text_statistics
from textvae.evaluation.summaries.tagger import pick
from textvae.text import spaced

WHOLE, OWN_LENGTHS, LM_CUT, TAGGER, REFERENCE = (
    "whole document",
    "LEAD, each at the output's length",
    "LEAD, cut by a language model",
    "denoising tagger",
    "human reference",
)
Statistics = dict[str, np.ndarray]


class SummaryEvaluator:
    """Test documents, their references and trained instruments. Build it once, then `score` any number of systems.

    Prepared strings, in one order. Without documents there is ROUGE alone, without references all but ROUGE; rows and
    measures that need a missing instrument are left out. Texts of scripts without spaces are measured in characters
    (see `spacing.spaced`).
    """

    def __init__(
        self,
        documents: Sequence[str] = (),
        references: Sequence[str] = (),
        instruments: SummaryInstruments | None = None,
        config: SummaryEvaluationConfig | None = None,
    ) -> None:
        self.documents = [spaced(text) for text in documents]
        self.references = [spaced(text) for text in references]
        self.instruments = instruments or SummaryInstruments()
        self.config = config or SummaryEvaluationConfig()
        self.count = len(self.documents) or len(self.references)
        if not self.count:
            raise UserError("there is nothing to compare with: give documents, references or both")
        if self.documents and self.references and len(documents) != len(references):
            raise UserError(f"{len(documents)} documents but {len(references)} references: one for each, in order")
        self.rouge = Rouge(self.references, self.config.tokens) if self.references else None

    def score(
        self,
        outputs: Sequence[str],
        name: str = "system",
        reconstruct_nll: ReconstructNll | None = None,
        fresh_nll: ReconstructNll | None = None,
        discriminator_accuracy: float | None = None,
    ) -> SummaryEvaluation:
        """Measure `outputs`, one prepared string for each document, and the baselines at their length.

        `reconstruct_nll` is the system's own reconstructor and `fresh_nll` a fresh one, both in nats per word of the
        document (see `symptoms`); without `fresh_nll` the instruments' statistical reader takes its place.
        `discriminator_accuracy` in percent.
        """
        if len(outputs) != self.count:
            raise UserError(f"{len(outputs)} outputs for {self.count} documents or references: one for each, in order")
        outputs = [spaced(text) for text in outputs]
        systems = {name: self.statistics(outputs)}
        systems |= {system: self.statistics(texts) for system, texts in self._beside(outputs).items()}
        systems = {**systems, **self._fixed}
        rows, samples = self._rows(systems)
        equal = equal_length(self.documents, outputs) if self.documents else None
        settings = self._settings({row.system: row for row in rows}, name, equal)
        reader = self.instruments.reader
        found = self._symptoms(
            outputs, reconstruct_nll, fresh_nll or (reader.nll if reader else None), discriminator_accuracy
        )
        alarms = tuple(verdict(found, self.config.alarms))
        return SummaryEvaluation(rows, settings, alarms, found, samples)

    def statistics(self, outputs: Sequence[str]) -> Statistics:
        """Numbers per output, (N,) each, whose sums `_measures` reads."""
        found: Statistics = {"count": np.ones(len(outputs)), "words": np.array([word_count(text) for text in outputs])}
        if self.rouge is not None:
            found |= dict(zip(MEASURES, self.rouge.scores(outputs).T, strict=True))
        if self.documents:
            found |= text_statistics(outputs, self.documents, self.instruments.rare)
        if (model := self.instruments.language_model) is not None:
            scores = model.score(outputs)
            found |= {"log_prob": scores.log_prob, "tokens": scores.tokens, "unknown": scores.unknown}
        return found

    def _beside(self, outputs: Sequence[str]) -> dict[str, list[str]]:
        """The baselines that depend on the outputs' length."""
        if not self.documents:
            return {}
        lengths = [word_count(text) for text in outputs]
        mean, equal = float(np.mean(lengths)), equal_length(self.documents, outputs)
        found = {_lead_name(equal): leads(self.documents, equal), OWN_LENGTHS: leads(self.documents, lengths)}
        if (model := self.instruments.language_model) is not None:
            slack, ending = self.config.cut_slack, usual_ending(self.instruments.human_texts)
            shortest, longest = max(1, round(mean) - slack), max(1, round(mean) + slack)
            found[LM_CUT] = language_model_cuts(self.documents, model, shortest, longest, ending)
        if self.instruments.tagger is not None:
            found[TAGGER] = self._tagged(mean)
        return found

    def _tagged(self, mean: float) -> list[str]:
        """The tagger's summaries with `mean` words on average."""
        assert self.instruments.tagger is not None
        cost = self.instruments.tagger.config.switch_cost
        rows = zip(self.documents, self._logits, shared_lengths(self.documents, mean), strict=True)
        return [pick(document, logits, words, cost) for document, logits, words in rows]

    @cached_property
    def _logits(self) -> list[np.ndarray]:
        assert self.instruments.tagger is not None
        return self.instruments.tagger.logits(self.documents)

    @cached_property
    def _fixed(self) -> dict[str, Statistics]:
        """The baselines that are the same for every system, already measured."""
        texts: dict[str, list[str]] = {}
        if self.documents and self.references:
            texts |= {_lead_name(k): leads(self.documents, k) for k in self.config.lead_words}
        if self.documents:
            texts[WHOLE] = self.documents
        if self.references:
            texts[REFERENCE] = self.references
        return {system: self.statistics(found) for system, found in texts.items()}

    def _rows(
        self, systems: Mapping[str, Statistics]
    ) -> tuple[tuple[SummaryRow, ...], dict[tuple[str, str], np.ndarray]]:
        columns = [(system, name) for system, found in systems.items() for name in found]
        table = np.stack([systems[system][name] for system, name in columns], axis=1).astype(np.float64)
        drawn = resampled_sums(table, np.zeros(self.count, int), self.config.resamples, self.config.seed)[:, 0]
        rows: list[SummaryRow] = []
        samples: dict[tuple[str, str], np.ndarray] = {}
        for system, found in systems.items():
            own = {name: place for place, (other, name) in enumerate(columns) if other == system}
            values = _measures({name: column.sum() for name, column in found.items()})
            spread = _measures({name: drawn[:, place] for name, place in own.items()})
            samples |= {(system, name): spread[name] for name in values}
            found_intervals = {n: interval(float(values[n]), spread[n], self.config.confidence) for n in values}
            rows.append(SummaryRow(system, found_intervals))
        return tuple(rows), samples

    def _symptoms(self, outputs: Sequence[str], *readers: Any) -> dict[str, float]:
        if not self.documents:
            return {}
        parts = self.instruments
        return measure(
            outputs,
            self.documents,
            reconstruct_nll=readers[0],
            fresh_nll=readers[1],
            language_model=parts.language_model,
            human_texts=parts.human_texts,
            rare=parts.rare,
            discriminator_accuracy=readers[2],
            seed=self.config.seed,
        )

    def _settings(self, rows: Mapping[str, SummaryRow], name: str, equal: int | None) -> dict[str, Any]:
        """What is needed to repeat and to print the result; `shown`: row -> its label in the table."""
        swept = [_lead_name(k) for k in self.config.lead_words if _lead_name(k) in rows and self.references]
        best = max(swept, key=lambda lead: sum(rows[lead].measures[m].value for m in MEASURES), default=None)
        leads_shown = {_lead_name(k): _lead_name(k) for k in self.config.shown_leads if _lead_name(k) in rows}
        if best is not None:
            leads_shown[best] = f"{best}, the best LEAD"
        shown = {name: name}
        if equal is not None:
            label = _lead_name(equal)
            leads_shown.pop(label, None)
            shown[label] = f"{label}, of equal length" + (" and the best LEAD" if label == best else "")
        shown |= (
            {key: key for key in (OWN_LENGTHS, LM_CUT, TAGGER)} | leads_shown | {WHOLE: WHOLE, REFERENCE: REFERENCE}
        )
        return {
            **asdict(self.config),
            "pairs": self.count,
            "rouge": self.rouge.describe() if self.rouge else None,
            "best_lead": best,
            "equal_length_lead": None if equal is None else _lead_name(equal),
            "shown": {key: label for key, label in shown.items() if key in rows},
            "notes": self._notes(),
        }

    def _notes(self) -> list[str]:
        c, model = self.config, self.instruments.language_model
        notes = [f"{self.rouge.describe()}."] if self.rouge else []
        notes.append(
            f"{self.count} pairs; ±: half the {c.confidence:.0%} interval of {c.resamples} resamples, alike for all."
        )
        if self.documents:
            notes.append("new n: percent of n-grams that the document lacks; lead: percent that are its first words.")
        if self.instruments.rare is not None:
            notes.append("names kept: percent of the document's rare words and numbers; made up: of the summary's.")
        if model is not None:
            notes.append(
                f"PPL: Kneser-Ney, order {model.order}, {len(model.words)} words of human texts; read it beside unk, "
                "the percentage of unknown words."
            )
        return notes


def _lead_name(words: int) -> str:
    return f"lead-{words}"


def _measures(sums: Mapping[str, Any]) -> dict[str, Any]:
    """Measures of summed statistics, (...) each."""
    found = {name: sums[name] / sums["count"] for name in MEASURES if name in sums}
    found["mean_length"] = sums["words"] / sums["count"]
    if "new_1" in sums:
        found |= text_measures(sums)
    if "log_prob" in sums:
        found["perplexity"] = np.exp(-sums["log_prob"] / sums["tokens"])
        found["unknown_rate"] = 100 * sums["unknown"] / sums["tokens"]
    return found
