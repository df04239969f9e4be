"""The run directory: opened, and told what repeats the run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, TypeVar

from accelerate import Accelerator

from textvae.checkpoint import new_folder
from textvae.config import RunConfig, load_config, save_config
from textvae.errors import UserError
from textvae.experiment.assembly import PreparedData
from textvae.experiment.machine import environment
from textvae.files import default_cache, write_json
from textvae.tokenization.config import TokenizerConfig
from textvae.tokenization.pretrained import load_tokenizer
from textvae.tokenization.training import train_tokenizer

Split = Literal["test", "dev"]


def cache_folder(config: RunConfig) -> Path:
    """Where prepared data are kept between runs."""
    return Path(config.cache) if config.cache else default_cache()


def run_tokenizer(folder: Path, config: TokenizerConfig, texts: Iterable[str]) -> Any:
    """The tokenizer of a run: the one in its folder, or one trained on `texts` and put there."""
    place = folder / "tokenizer"
    if place.exists():
        return load_tokenizer(place)
    tokenizer = train_tokenizer(config, texts)
    with new_folder(place) as target:
        tokenizer.save_pretrained(target)
    return tokenizer


def open_run(config: RunConfig, resume: bool, overwrite: bool) -> Path:
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


def record(config: RunConfig, facts: dict[str, Any], folder: Path, accelerator: Accelerator) -> None:
    """Write what repeats the run: configuration, environment, and `facts` of the data."""
    save_config(config, folder / "config.yaml")
    found, path = environment(accelerator), folder / "environment.json"
    if path.exists():  # a resumed run: keep how it began, note how it went on
        found = {**(first := json.loads(path.read_text("utf-8"))), "resumed": [*first.get("resumed", []), found]}
    write_json(path, found)
    write_json(folder / "data.json", facts)


P = TypeVar("P", bound=PreparedData)


def checked(prepared: P, folder: Path) -> P:
    """Data of a finished run; UserError if they are not those it was trained on."""
    check_same_data(prepared.fingerprint, folder)
    return prepared


def check_same_data(fingerprint: str, folder: Path) -> None:
    """Refuse to continue or evaluate a run on other data than it began with."""
    path = folder / "data.json"
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))["fingerprint"]
        if before != fingerprint:
            raise UserError(f"{folder} was trained on other data (fingerprint {before[:12]}); start a new --run")


def config_of(run: Path, cache: str | None) -> Any:
    """The configuration of a run, its prepared data in `cache` where one is named."""
    config = load_config(run / "config.yaml")
    config.cache = cache or config.cache
    return config


def part_of(corpus: Any, split: Split | None) -> Split:
    """The part asked for: by default test if the run has one, else dev."""
    return split or ("dev" if corpus.test is None else "test")
