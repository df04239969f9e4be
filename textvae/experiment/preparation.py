"""From a configuration to tokenized data, and the run directory that records them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from accelerate import Accelerator

from textvae.checkpoint import new_folder
from textvae.config import ExperimentConfig, save_config
from textvae.data.collate import Collator
from textvae.data.corpus import Corpus
from textvae.data.noise import NoiseConfig
from textvae.data.sources import load_corpus
from textvae.data.tokenized import TokenizedCorpus, tokenize_corpus
from textvae.errors import UserError
from textvae.experiment.machine import environment
from textvae.files import write_json
from textvae.tokenization import load_tokenizer, token_ids, train_tokenizer
from textvae.tokenization.bag_of_words import BagOfWords
from textvae.tokenization.stop_words import english_stop_words, read_stop_words
from textvae.tokenization.style_words import StyleWords, find_style_words


def cache_folder(config: ExperimentConfig) -> Path:
    """Where prepared data are kept between runs."""
    if config.cache:
        return Path(config.cache)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "textvae"


@dataclass(frozen=True)
class Prepared:
    """Data, tokenizer and bag of words of a run. train is tokenized; corpus holds the texts of all splits."""

    corpus: Corpus
    tokenizer: Any
    bag: BagOfWords
    train: TokenizedCorpus

    def collator(self, noise: NoiseConfig) -> Collator:
        """A collator over this vocabulary."""
        return Collator(self.bag.content_ids, noise)

    def encode(self, texts: list[str]) -> list[list[int]]:
        """Token ids of prepared strings, without special tokens."""
        return token_ids(self.tokenizer, texts)


def open_run(config: ExperimentConfig, resume: bool, overwrite: bool) -> Path:
    """The run directory, made, emptied or found again as the flags say."""
    folder = Path(config.run)
    exists = (folder / "config.yaml").exists()
    if resume and not exists:
        raise UserError(f"{folder} holds no run to resume; leave --resume out to start one")
    if exists and overwrite and not resume:
        shutil.rmtree(folder)
    elif exists and not resume:
        raise UserError(f"{folder} already holds a run: continue it with --resume, replace it with --overwrite")
    elif folder.exists() and not exists and any(p.name != "log.txt" for p in folder.iterdir()):
        raise UserError(f"{folder} is not empty and holds no run; choose another --run")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def prepare(config: ExperimentConfig, folder: Path) -> Prepared:
    """Load the corpus; train tokenizer and bag of words, or take those of the run; tokenize."""
    cache = cache_folder(config)
    corpus = load_corpus(config.data, config.text, cache)
    if (folder / "tokenizer").exists() and (folder / "bag_of_words.json").exists():
        tokenizer = load_tokenizer(folder / "tokenizer")
        bag = BagOfWords.from_json(folder / "bag_of_words.json", len(tokenizer))
    else:
        tokenizer = train_tokenizer(config.tokenizer, corpus.train["text"])
        style_words, stop_words = content_filters(config, corpus)
        bag = BagOfWords.build(tokenizer, stop_words, style_words)
        with new_folder(folder / "tokenizer") as target:
            tokenizer.save_pretrained(target)
        bag.to_json(folder / "bag_of_words.json")
    key = hashlib.sha256(
        f"{corpus.fingerprint} {tokenizer.backend_tokenizer.to_str()} {config.data.max_tokens}".encode()
    )

    limit = max_length(config) - 2
    train = tokenize_corpus(
        corpus.train, partial(token_ids, tokenizer), limit, cache / "tokenized" / key.hexdigest()[:24]
    )
    return Prepared(corpus, tokenizer, bag, train)


def content_filters(config: ExperimentConfig, corpus: Corpus) -> tuple[StyleWords, frozenset[str]]:
    """The words that are no content: style words, found in the training data, and stop words."""
    style_words = find_style_words(
        corpus.train["text"],
        corpus.train["label"],
        len(corpus.labels),
        config.style_words,
        corpus.labels,
        config.text,
    )
    stop_words = read_stop_words(config.stop_words, config.text) if config.stop_words else english_stop_words()
    return style_words, stop_words


def max_length(config: ExperimentConfig) -> int:
    """Longest sequence in tokens, `<s>` and `</s>` included; subwords get twice the room of words."""
    return (1 if config.tokenizer.kind == "word" else 2) * config.data.max_tokens + 2


def record(config: ExperimentConfig, prepared: Prepared, folder: Path, accelerator: Accelerator) -> None:
    """Write what repeats the run: configuration, environment, data report."""
    save_config(config, folder / "config.yaml")
    found, path = environment(accelerator), folder / "environment.json"
    if path.exists():  # a resumed run: keep how it began, note how it went on
        found = {**(first := json.loads(path.read_text("utf-8"))), "resumed": [*first.get("resumed", []), found]}
    write_json(path, found)
    corpus = prepared.corpus
    write_json(
        folder / "data.json",
        {
            "fingerprint": corpus.fingerprint,
            "labels": list(corpus.labels),
            "train": len(corpus.train),
            "dev": len(corpus.dev),
            "test": len(corpus.test) if corpus.test is not None else 0,
            "vocabulary": len(prepared.tokenizer),
            "bag_of_words": prepared.bag.size,
            "too_long_for_the_model": prepared.train.dropped,
            "report": corpus.report.to_dict(),
        },
    )


def check_same_data(corpus: Corpus, folder: Path) -> None:
    """Refuse to continue or evaluate a run on other data than it began with."""
    path = folder / "data.json"
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))["fingerprint"]
        if before != corpus.fingerprint:
            raise UserError(f"{folder} was trained on other data (fingerprint {before[:12]}); start a new --run")
