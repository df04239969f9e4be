"""Instruments, summaries and alarms of a finished summarizer."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from textvae.checkpoint import Checkpoints
from textvae.config.summarization import SummarizationConfig
from textvae.data.unpaired.sources import UnpairedCorpus, load_unpaired
from textvae.errors import UserError
from textvae.evaluation.summaries.config import SummaryEvaluationConfig
from textvae.evaluation.summaries.evaluator import SummaryEvaluator
from textvae.evaluation.summaries.instruments import build_instruments
from textvae.evaluation.summaries.reconstruction import Reconstruction
from textvae.experiment.runs import cache_folder, check_same_data
from textvae.inference.summarization import Summarizer


@dataclass(frozen=True)
class FinishedSummarizer:
    """A run to be evaluated: its data and its model, each opened once.

    split: dev or test pairs. step: of the checkpoint to evaluate; None for the best model.
    """

    config: SummarizationConfig
    folder: Path
    split: str
    step: int | None = None

    @cached_property
    def corpus(self) -> UnpairedCorpus:
        """Both sides and the pairs; UserError if the data are not those it was trained on."""
        corpus = load_unpaired(self.config.data, self.config.text, cache_folder(self.config))
        check_same_data(corpus.fingerprint, self.folder)
        return corpus

    @cached_property
    def pairs(self) -> Any:
        """Documents with the summaries that people wrote."""
        pairs = getattr(self.corpus, self.split)
        if pairs is None:
            raise UserError(f"the run has no {self.split} pairs: give --data.{self.split}.path when training it")
        return pairs

    @cached_property
    def summarizer(self) -> Summarizer:
        """The best model, or that of a checkpoint; UserError where there is none of that step, or a damaged one."""
        summarizer = Summarizer.from_pretrained(self.folder)
        if self.step is not None:
            tensors = Checkpoints(self.folder / "checkpoints").at(self.step).tensors
            summarizer.model.generator.load_state_dict(tensors["generator"])
            summarizer.model.reconstructor.load_state_dict(tensors["reconstructor"])
        return summarizer

    def evaluator(self, evaluation: SummaryEvaluationConfig) -> SummaryEvaluator:
        """Instruments trained on the two unpaired sides, and the pairs."""
        sides = self.corpus.texts["text"], self.corpus.documents["text"]
        instruments = build_instruments(*sides, cache_folder(self.config) / "instruments", evaluation)
        return SummaryEvaluator(self.pairs["document"], self.pairs["summary"], instruments, evaluation)

    def write(self, **options: Any) -> tuple[list[str], dict[str, Any]]:
        """A summary of every document; also how they were written, and how long that took."""
        summarizer = self.summarizer
        began = time.perf_counter()
        found = summarizer(self.pairs["document"], detokenise=False, **options)
        seconds = time.perf_counter() - began
        speed = {"seconds": round(seconds, 3), "documents_per_second": round(len(found) / seconds, 1)}
        return found, {"decoding": asdict(summarizer.options(**options)), "speed": speed}

    @property
    def reconstruction(self) -> Reconstruction:
        """The run's own reconstructor as a reader."""
        model = self.summarizer.model
        sizes = model.config.max_source, model.config.max_target
        return Reconstruction(model.reconstructor, self.summarizer.vocabulary, *sizes)
