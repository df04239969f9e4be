"""From the configuration of a style transfer to tokenized data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from textvae.config.base import RunConfig
from textvae.config.style_transfer import ExperimentConfig
from textvae.data import stored
from textvae.data.batch import Collator
from textvae.data.corpus import Corpus
from textvae.data.noise import NoiseConfig
from textvae.data.sources import load_corpus
from textvae.data.tokenized import TokenizedCorpus, tokenize_corpus
from textvae.errors import UserError
from textvae.experiment.runs import cache_folder, run_tokenizer
from textvae.experiment.start import take_file, take_tokenizer
from textvae.files import atomic_copy, display
from textvae.tokenization.bag_of_words import BagOfWords
from textvae.tokenization.pretrained import token_ids
from textvae.tokenization.stop_words import english_stop_words, read_stop_words
from textvae.tokenization.style_words import StyleWords, find_style_words


@dataclass(frozen=True)
class PreparedSentences:
    """Data and tokenizer of a run. train is tokenized; corpus holds the texts of all splits."""

    corpus: Corpus
    tokenizer: Any
    train: TokenizedCorpus

    @property
    def fingerprint(self) -> str:
        """sha256 over the sources."""
        return self.corpus.fingerprint

    def facts(self) -> dict[str, Any]:
        """What data.json tells."""
        corpus = self.corpus
        return {
            "fingerprint": corpus.fingerprint,
            "labels": list(corpus.labels),
            "attributes": {name: list(labels) for name, labels in corpus.attributes.by_name().items()},
            "train": len(corpus.train),
            "dev": len(corpus.dev),
            "test": len(corpus.test) if corpus.test is not None else 0,
            "vocabulary": len(self.tokenizer),
            "too_long_for_the_model": self.train.dropped,
            "report": corpus.report.to_dict(),
        }

    def report(self) -> list[str]:
        """What was found dubious, a line each."""
        return self.corpus.report.lines()

    def collator(self, noise: NoiseConfig) -> Collator:
        """A collator over this vocabulary, without a bag of content words."""
        return Collator(np.full(len(self.tokenizer), -1, dtype=np.int64), noise)

    def encode(self, texts: list[str]) -> list[list[int]]:
        """Token ids of prepared strings, without special tokens."""
        return token_ids(self.tokenizer, texts)


@dataclass(frozen=True)
class Prepared(PreparedSentences):
    """The same with a bag of content words."""

    bag: BagOfWords

    def facts(self) -> dict[str, Any]:
        return {**super().facts(), "bag_of_words": self.bag.size}

    def collator(self, noise: NoiseConfig) -> Collator:
        """A collator over this vocabulary and its content words."""
        return Collator(self.bag.content_ids, noise)


def prepare_sentences(config: RunConfig, folder: Path) -> PreparedSentences:
    """Load the corpus; train a tokenizer, or take that of the run; tokenize."""
    corpus = load_corpus(config.data, config.text, cache_folder(config))
    return PreparedSentences(corpus, *tokenized(config, corpus, folder))


def tokenized(config: RunConfig, corpus: Corpus, folder: Path) -> tuple[Any, TokenizedCorpus]:
    """The run's tokenizer, trained or taken, and the training sentences as ids."""
    if config.start and not (folder / "tokenizer").exists():
        take_tokenizer(Path(config.start), folder / "tokenizer")
    tokenizer = run_tokenizer(folder, config.tokenizer, corpus.train["text"])
    return tokenizer, tokenized_train(config, corpus, tokenizer)


def prepare(config: ExperimentConfig, folder: Path) -> Prepared:
    """Load the corpus; train tokenizer and bag of words, or take those of the run; tokenize."""
    corpus = load_corpus(config.data, config.text, cache_folder(config))
    if config.start and not (folder / "tokenizer").exists():
        take_tokenizer(Path(config.start), folder / "tokenizer")
        take_file(Path(config.start), folder, "bag_of_words.json")
    tokenizer = run_tokenizer(folder, config.tokenizer, corpus.train["text"])
    if (folder / "bag_of_words.json").exists():
        bag = BagOfWords.from_json(folder / "bag_of_words.json", len(tokenizer))
    else:
        style_words, stop_words = content_filters(config, corpus)
        bag = BagOfWords.build(tokenizer, stop_words, style_words)
        bag.to_json(folder / "bag_of_words.json")
    if config.transfer.stored:
        keep_stored(Path(config.transfer.stored), folder / stored.FILE)
    return Prepared(corpus, tokenizer, tokenized_train(config, corpus, tokenizer), bag)


def keep_stored(path: Path, copy: Path) -> None:
    """Copy a file of stored transfers into the run, which reads its own copy when it goes on."""
    if copy.exists():
        return
    if not path.is_file():
        raise UserError(f"transfer.stored: {display(path)} is no file; make one with `{stored.COMMAND}`")
    atomic_copy(path, copy)


def tokenized_train(config: RunConfig, corpus: Corpus, tokenizer: Any) -> TokenizedCorpus:
    """The training sentences as ids, kept in the cache."""
    key = hashlib.sha256(f"{corpus.key} {tokenizer.backend_tokenizer.to_str()} {config.data.max_tokens}".encode())
    folder = cache_folder(config) / "tokenized" / key.hexdigest()[:24]
    return tokenize_corpus(corpus.train, partial(token_ids, tokenizer), max_length(config) - 2, folder)


def content_filters(config: ExperimentConfig, corpus: Corpus) -> tuple[StyleWords, frozenset[str]]:
    """The words that are no content: style words of any attribute, found in the training data, and stop words."""
    style_words = find_style_words(
        corpus.train["text"],
        corpus.train["label"],
        corpus.attributes.sizes,
        config.style_words,
        corpus.labels,
        config.text,
    )
    stop_words = read_stop_words(config.stop_words, config.text) if config.stop_words else english_stop_words()
    return style_words, stop_words


def max_length(config: RunConfig) -> int:
    """Longest sequence in tokens, `<s>` and `</s>` included; subwords get twice the room of words."""
    return (1 if config.tokenizer.kind == "word" else 2) * config.data.max_tokens + 2
