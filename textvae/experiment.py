"""The composition root: the only place that knows every family and puts a training together."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator, DistributedType
from accelerate.utils import set_seed
from transformers.utils import logging as transformers_logging

from textvae.checkpoint import Checkpoint, Checkpoints, new_folder
from textvae.config import ExperimentConfig, save_config
from textvae.data.collate import Collator
from textvae.data.corpus import Corpus
from textvae.data.loader import BatchLoader, evaluation_batches
from textvae.data.noise import NoiseConfig
from textvae.data.sources import load_corpus
from textvae.data.tokenized import TokenizedCorpus, tokenize_corpus
from textvae.errors import UserError
from textvae.evaluation.config import EvaluationConfig
from textvae.evaluation.evaluator import Evaluator
from textvae.evaluation.probes import probe
from textvae.evaluation.task import Transfer, TransferTask
from textvae.evaluation.validation import Validator
from textvae.files import write_json
from textvae.inference.loading import load as load_model
from textvae.inference.style_transfer import StyleTransfer
from textvae.models.adversaries import Adversaries
from textvae.models.configuration import pretrained_config
from textvae.models.style_content_vae import StyleContentVAE
from textvae.text import prepare as prepare_text
from textvae.tokenization import load_tokenizer, token_ids, train_tokenizer
from textvae.tokenization.bag_of_words import BagOfWords
from textvae.tokenization.config import SPECIAL
from textvae.tokenization.stop_words import english_stop_words, read_stop_words
from textvae.tokenization.style_words import StyleWords, find_style_words
from textvae.training.allocator import keep_memory
from textvae.training.progress import Reporter, make_reporter
from textvae.training.recipes import StyleContentRecipe
from textvae.training.tracking import JsonlTracker, truncate_after
from textvae.training.trainer import Result, Trainer


def cache_folder(config: ExperimentConfig) -> Path:
    """Where prepared data are kept between runs."""
    if config.cache:
        return Path(config.cache)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "textvae"


# ---------------------------------------------------------------------------------------------- the machine
def make_accelerator(config: ExperimentConfig) -> Accelerator:
    """accelerate as the launcher configured it, with our precision and trackers."""
    keep_memory()
    transformers_logging.disable_progress_bar()
    trackers: list[Any] = []
    if "jsonl" in config.training.trackers:
        trackers.append(JsonlTracker(Path(config.run) / "metrics.jsonl"))
    if "tensorboard" in config.training.trackers:
        try:
            import tensorboard  # noqa: F401
        except ImportError as error:
            raise UserError("tensorboard is not installed: pip install 'textvae[track]'") from error
        trackers.append("tensorboard")
    accelerator = Accelerator(
        mixed_precision=choose_precision(config.training.precision), log_with=trackers, project_dir=config.run
    )
    allowed = (DistributedType.NO, DistributedType.MULTI_CPU, DistributedType.MULTI_GPU)
    if accelerator.distributed_type not in allowed:
        raise UserError(
            f"adversarial recipes train two modules with two optimizers, which {accelerator.distributed_type.value} "
            "cannot wrap; launch with plain data parallelism (accelerate config: no FSDP, no DeepSpeed)"
        )
    return accelerator


def choose_precision(wanted: str) -> str:
    """accelerate's name of the precision; `auto` is bf16 where the device multiplies bf16 natively."""
    on_gpu = torch.cuda.is_available() and os.environ.get("ACCELERATE_USE_CPU", "").lower() not in ("1", "true")
    if wanted == "fp16" and not on_gpu:
        raise UserError("training.precision fp16 needs a GPU; on a CPU use bf16 or fp32")
    if wanted == "auto":
        native = torch.cuda.is_bf16_supported() if on_gpu else torch.cpu._is_avx512_bf16_supported()
        wanted = "bf16" if native else "fp32"
    return {"fp32": "no"}.get(wanted, wanted)


def environment(accelerator: Accelerator) -> dict[str, Any]:
    """Versions, machine and commit: what a reader needs to repeat the run."""
    packages = ("textvae", "torch", "transformers", "accelerate", "datasets", "tokenizers", "numpy")
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed as a package"
    return {
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "commit": commit(),
        "packages": found,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": str(accelerator.device),
        "gpu": torch.cuda.get_device_name() if accelerator.device.type == "cuda" else None,
        "num_processes": accelerator.num_processes,
        "mixed_precision": accelerator.mixed_precision,
    }


def commit() -> str | None:
    """Commit of the source tree, with `+` if it has uncommitted changes; None outside a checkout."""
    folder = Path(__file__).parent
    try:
        head = subprocess.run(
            ["git", "-C", str(folder), "describe", "--always", "--abbrev=12", "--dirty=+"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return head.stdout.strip()


def processor() -> str:
    """Model name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


# ---------------------------------------------------------------------------------------------- the data
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


# ---------------------------------------------------------------------------------------------- the networks
def build_networks(config: ExperimentConfig, prepared: Prepared) -> tuple[StyleContentVAE, Adversaries]:
    """Model and adversaries with the seed's initial weights."""
    set_seed(config.training.seed)
    pretrained = pretrained_config(
        config.model, len(prepared.tokenizer), prepared.bag.size, prepared.corpus.labels, max_length(config)
    )
    model = StyleContentVAE(pretrained)
    model.set_style_tokens(prepared.bag.style_token_ids(prepared.tokenizer))
    adversaries = Adversaries(
        config.model.style.size,
        config.model.content.size,
        len(prepared.corpus.labels),
        prepared.bag.size,
        config.model.adversary,
        config.model.adversary_hidden,
    )
    return model, adversaries


def train(config: ExperimentConfig, resume: bool = False, overwrite: bool = False, quiet: bool = False) -> Result:
    """Train a run from its configuration, or go on with it. Everything it leaves is in `config.run`."""
    config = replace(config)
    accelerator = make_accelerator(config)
    reporter = make_reporter(accelerator.is_main_process, quiet)
    try:
        return run_training(config, accelerator, reporter, resume, overwrite)
    finally:
        reporter.close()
        accelerator.end_training()


def run_training(
    config: ExperimentConfig, accelerator: Accelerator, reporter: Reporter, resume: bool, overwrite: bool
) -> Result:
    """The parts in the order in which data flow through them."""
    folder = Path(config.run)
    with accelerator.main_process_first():
        if accelerator.is_main_process:
            open_run(config, resume, overwrite)
        prepared = prepare(config, folder)
        if accelerator.is_main_process:
            if resume:
                check_same_data(prepared.corpus, folder)
            record(config, prepared, folder, accelerator)
    if accelerator.is_main_process:
        for line in prepared.corpus.report.lines():
            reporter.message(line)
    accelerator.init_trackers(folder.name)
    model, adversaries = build_networks(config, prepared)
    reporter.message(
        f"{sum(p.numel() for p in model.parameters()) / 1e6:.1f} M parameters, vocabulary {len(prepared.tokenizer)}, "
        f"{len(prepared.train)} sentences, {accelerator.num_processes} process(es), {accelerator.device}, "
        f"precision {accelerator.mixed_precision}"
    )
    validator = Validator(
        config.selection, prepared.corpus, prepared.tokenizer, prepared.bag, config.text, reporter.message
    )
    loader = BatchLoader(
        prepared.train,
        prepared.collator(config.noise),
        config.training.batch_size,
        config.training.seed,
        accelerator.process_index,
        accelerator.num_processes,
    )

    def calibrated_validate(step: int) -> dict[str, float]:
        calibrate_style(model, prepared)
        return validator(model, step)

    def save_best() -> None:
        with new_folder(folder / "best") as target:
            model.save_pretrained(target)

    trainer = Trainer(
        accelerator,
        StyleContentRecipe(model, adversaries, config.objectives, config.training.adversary_updates),
        loader,
        config.training,
        Checkpoints(folder / "checkpoints", config.training.keep_checkpoints, reporter.message),
        calibrated_validate,
        save_best,
        reporter,
    )
    checkpoint: Checkpoint | None = trainer.checkpoints.latest() if resume else None
    if checkpoint is not None:
        trainer.restore(checkpoint)
        reporter.message(f"resumed at step {checkpoint.step}")
    if resume and accelerator.is_main_process:
        truncate_after(folder / "metrics.jsonl", trainer.progress.step)
    return trainer.fit()


def check_same_data(corpus: Corpus, folder: Path) -> None:
    """Refuse to continue or evaluate a run on other data than it began with."""
    path = folder / "data.json"
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))["fingerprint"]
        if before != corpus.fingerprint:
            raise UserError(f"{folder} was trained on other data (fingerprint {before[:12]}); start a new --run")


def calibrate_style(model: StyleContentVAE, prepared: Prepared, limit: int = 10_000) -> None:
    """Set the model's mean style vectors from the posterior means of up to `limit` training sentences."""
    sample = every_so_often(prepared.train, limit)
    means = torch.from_numpy(posterior_means(model, prepared, sample)[0])
    labels = torch.from_numpy(np.asarray(sample.labels))
    sums = torch.zeros(model.num_styles, means.shape[1]).index_add_(0, labels, means)
    counts = torch.bincount(labels, minlength=model.num_styles)
    model.set_style_means(sums.to(model.device), counts.to(model.device))


def every_so_often(corpus: TokenizedCorpus, limit: int) -> TokenizedCorpus:
    """At most `limit` sentences, evenly spaced."""
    rows = np.unique(np.linspace(0, len(corpus) - 1, min(limit, len(corpus))).astype(np.int64))
    return TokenizedCorpus.from_lists([corpus.sentence(int(i)).tolist() for i in rows], corpus.labels[rows].tolist())


# ---------------------------------------------------------------------------------------------- evaluation
def make_evaluator(
    config: ExperimentConfig, evaluation: EvaluationConfig, split: str = "test", run: Path | None = None
) -> Evaluator:
    """Judges, language model and test set of a corpus; style words are the run's, or found again without one."""
    cache = cache_folder(config)
    corpus = load_corpus(config.data, config.text, cache)
    if run is not None:
        check_same_data(corpus, run)
        bag = BagOfWords.from_json(run / "bag_of_words.json")
        style_words, stop_words = bag.style_words, bag.stop_words
    else:
        style_words, stop_words = content_filters(config, corpus)
    return Evaluator.from_corpus(
        corpus,
        cache / "instruments",
        lambda text: prepare_text(text, config.text),
        style_words=style_words.words,
        stop_words=stop_words,
        config=evaluation,
        split=split,
    )


def transfer_task(run: Path, task: TransferTask, strength: float, beam: int) -> tuple[list[Transfer], dict[str, float]]:
    """Rewrite every test sentence into every other label; also how long that took."""
    transfer = StyleTransfer.from_pretrained(run)
    began = time.perf_counter()
    found: list[Transfer] = []
    for source in range(len(task.labels)):
        rows = np.flatnonzero(task.input_labels == source).tolist()
        for target in range(len(task.labels)):
            if target != source:
                texts = transfer(
                    [task.inputs[r] for r in rows],
                    target=task.labels[target],
                    strength=strength,
                    beam=beam,
                    detokenise=False,
                )
                found += [Transfer(r, target, text) for r, text in zip(rows, texts, strict=True)]
    seconds = time.perf_counter() - began
    return found, {"seconds": round(seconds, 3), "sentences_per_second": round(len(found) / seconds, 1)}


def probe_run(config: ExperimentConfig, run: Path, limit: int = 20_000) -> dict[str, dict[str, Any]]:
    """How well a linear classifier reads the style from the means of each space: fitted on train, measured on dev."""
    prepared = prepare(config, run)
    model = load_model(run, torch.device("cpu")).model
    train = every_so_often(prepared.train, limit)
    dev = TokenizedCorpus.from_lists(
        [ids or [SPECIAL.unk] for ids in prepared.encode(list(prepared.corpus.dev["text"]))],
        list(prepared.corpus.dev["label"]),
    )
    parts = [posterior_means(model, prepared, part) for part in (train, dev)]
    return {
        space: probe(parts[0][i], train.labels, parts[1][i], dev.labels).to_dict()
        for i, space in enumerate(("z_s", "z_c"))
    }


@torch.inference_mode()
def posterior_means(
    model: StyleContentVAE, prepared: Prepared, corpus: TokenizedCorpus
) -> tuple[np.ndarray, np.ndarray]:
    """Means of both spaces for every sentence: (N, Zs) and (N, Zc), in the corpus's order."""
    style = np.zeros((len(corpus), model.style_latent.size), dtype=np.float32)
    content = np.zeros((len(corpus), model.content_latent.size), dtype=np.float32)
    for indices, batch in evaluation_batches(corpus, prepared.collator(NoiseConfig()), 512):
        batch = batch.to(model.device)
        latents = model.encode(batch.input_ids, batch.attention_mask)
        style[indices] = latents.style.mean.float().cpu().numpy()
        content[indices] = latents.content.mean.float().cpu().numpy()
    return style, content
