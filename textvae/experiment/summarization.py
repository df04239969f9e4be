"""A summarizer put together from its configuration."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import Tensor

from textvae.config.summarization import SummarizationConfig
from textvae.data.unpaired.denoising import SummaryNoise
from textvae.data.unpaired.loader import UnpairedLoader
from textvae.data.unpaired.slots import SlotVocabulary
from textvae.data.unpaired.sources import UnpairedCorpus, load_unpaired
from textvae.data.unpaired.tokenized import TokenizedSide, tokenize_side
from textvae.evaluation.summaries.validation import SummaryValidator
from textvae.experiment.assembly import Assembled
from textvae.experiment.common import saver, trained
from textvae.experiment.runs import cache_folder, run_tokenizer
from textvae.experiment.start import begin_with, take_tokenizer
from textvae.models.seq2seq2seq import Seq2Seq2Seq
from textvae.models.seq2seq2seq_configuration import pretrained_config
from textvae.summarizer_card import SummarizerFacts, summarizer_card
from textvae.tokenization.pretrained import is_subword
from textvae.training.progress import Reporter
from textvae.training.seq2seq2seq import Seq2Seq2SeqRecipe


@dataclass(frozen=True)
class PreparedSides:
    """Both sides of unpaired data, as texts (corpus) and as ids (documents, texts)."""

    corpus: UnpairedCorpus
    tokenizer: Any
    vocabulary: SlotVocabulary
    documents: TokenizedSide
    texts: TokenizedSide

    @property
    def fingerprint(self) -> str:
        """sha256 over the sources."""
        return self.corpus.fingerprint

    def facts(self) -> dict[str, Any]:
        """What data.json tells."""
        corpus = self.corpus
        return {
            "fingerprint": corpus.fingerprint,
            "documents": len(corpus.documents),
            "texts": len(corpus.texts),
            "dev_documents": len(corpus.dev_documents),
            "dev_texts": len(corpus.dev_texts),
            "vocabulary": len(self.tokenizer),
            "slots": self.vocabulary.slots,
            "documents_cut": self.documents.cut,
            "texts_left_out": self.texts.dropped,
            "report": corpus.report.to_dict(),
        }

    def report(self) -> list[str]:
        """What was found dubious, a line each."""
        return self.corpus.report.lines()

    def idf(self) -> Tensor:
        """log((N + 1) / (n_w + 1)) of every id (V',) in the N documents; a slot counts as a word seen once."""
        side, count = self.documents, np.zeros(self.vocabulary.size, dtype=np.int64)
        for row in range(len(side)):
            count[np.unique(side.sentence(row))] += 1
        count[self.vocabulary.words :] = 1
        return torch.from_numpy(np.log((len(side) + 1) / (count + 1))).float()


def longest(config: SummarizationConfig, words: int) -> int:
    """Most tokens of a text of so many words; subwords get twice the room."""
    return (1 if config.tokenizer.kind == "word" else 2) * words


def prepare(config: SummarizationConfig, folder: Path) -> PreparedSides:
    """Load both sides; train one tokenizer on both, or take that of the run; tokenize."""
    cache = cache_folder(config)
    corpus = load_unpaired(config.data, config.text, cache)
    if config.start and not (folder / "tokenizer").exists():
        take_tokenizer(Path(config.start), folder / "tokenizer")
    both = (text for side in (corpus.documents, corpus.texts) for text in side["text"])
    tokenizer = run_tokenizer(folder, config.tokenizer, both)
    vocabulary = SlotVocabulary(tokenizer, 0 if is_subword(tokenizer) else config.model.slots)

    def tokenized(name: str, dataset: Any, words: int, cut: bool) -> TokenizedSide:
        parts = f"{corpus.fingerprint} {name} {tokenizer.backend_tokenizer.to_str()} {vocabulary.slots} {words}"
        place = cache / "tokenized" / hashlib.sha256(parts.encode()).hexdigest()[:24]
        return tokenize_side(dataset, vocabulary, longest(config, words), place, cut)

    documents = tokenized("documents", corpus.documents, config.data.documents.max_tokens, cut=True)
    texts = tokenized("texts", corpus.texts, config.data.texts.max_tokens, cut=False)
    return PreparedSides(corpus, tokenizer, vocabulary, documents, texts)


def assemble(
    config: SummarizationConfig, prepared: PreparedSides, accelerator: Accelerator, reporter: Reporter
) -> Assembled:
    """Networks, recipe, batches and validation."""
    set_seed(config.training.seed)
    vocabulary = prepared.vocabulary
    source, target = (longest(config, side.max_tokens) for side in (config.data.documents, config.data.texts))
    shape = pretrained_config(
        config.model, vocabulary.size, source, target, vocabulary.slots, config.decoding.given() or None
    )
    model = Seq2Seq2Seq(shape)
    recipe = Seq2Seq2SeqRecipe(model, config.objectives, config.stages, config.adversarial, prepared.idf())
    if config.start:
        begin_with(recipe, Path(config.start), "generator", reporter.message)
    validator = SummaryValidator(
        config.selection,
        config.alarms,
        prepared.corpus,
        prepared.tokenizer,
        config.text,
        lambda step: step > recipe.first_step_of("reconstructor"),
        reporter.message,
    )
    loader = UnpairedLoader(
        prepared.documents,
        prepared.texts,
        vocabulary,
        SummaryNoise(config.noise, prepared.documents, vocabulary),
        config.training.batch_size,
        config.training.seed,
        accelerator.process_index,
        accelerator.num_processes,
    )

    def card(step: int, metrics: dict[str, float]) -> str:
        return summarizer_card(facts(config, prepared, model, step, metrics))

    return Assembled(
        model,
        recipe,
        loader,
        lambda step: validator(model, step),
        saver(model, card),
        f"vocabulary {len(prepared.tokenizer)} + {vocabulary.slots} slots, {len(prepared.documents)} documents, "
        f"{len(prepared.texts)} texts",
    )


def facts(
    config: SummarizationConfig, prepared: PreparedSides, model: Seq2Seq2Seq, step: int, metrics: dict[str, float]
) -> SummarizerFacts:
    """What the model card tells."""
    shape, data = config.model, config.data
    return SummarizerFacts(
        generator=f"{shape.generator.kind} {shape.generator.size}",
        reconstructor=f"{shape.reconstructor.kind} {shape.reconstructor.size}",
        vocabulary=prepared.vocabulary.words,
        slots=prepared.vocabulary.slots,
        max_source=model.config.max_source,
        sources={
            "Documents": f"{Path(data.documents.path).name}, {len(prepared.corpus.documents)} rows",
            "Human texts": f"{Path(data.texts.path).name}, {len(prepared.corpus.texts)} rows",
        },
        fingerprint=prepared.fingerprint,
        stages=[f"{stage.name} ({stage.steps} steps)" for stage in config.stages],
        **trained(config.run, model, step, metrics),
    )
