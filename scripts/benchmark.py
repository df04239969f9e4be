"""How fast training and transfer are on this machine, and how far from its floor.

    python scripts/benchmark.py                              # bundled sample, the model size that peers are measured at
    python scripts/benchmark.py --data.path data/yelp --data.name sentiment
    python scripts/benchmark.py --naive                      # also the plain way: padded, fp32, full softmax

Prints sentences/s, tokens/s, share of the measured matrix rate, time in data, forward, backward and optimizer, peak
memory, and the speed of transfer: greedy, beam 5, and one sentence at a time. Median of `--windows` windows. Run it on
an idle machine; compare ratios taken in one run. Vocabulary and labels are those of the data, so the model's size is
that of `--config` but for the embedding and the output layer.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from accelerate.state import AcceleratorState

from textvae.checkpoint import Checkpoints
from textvae.config import from_namespace, make_parser
from textvae.config.style_transfer import ExperimentConfig
from textvae.data.batch import Batch
from textvae.data.loader import BatchLoader
from textvae.experiment.machine import environment, make_accelerator
from textvae.experiment.preparation import Prepared, prepare
from textvae.experiment.style_transfer import build_networks
from textvae.inference.style_transfer import StyleTransfer
from textvae.training.step import Totals
from textvae.training.style_content import StyleContentRecipe
from textvae.training.trainer import Trainer


def matrix_rate(dtype: torch.dtype, device: torch.device) -> float:
    """Floating-point operations a second of a large matrix product: the floor of everything else."""
    size = 4096 if device.type == "cuda" else 1536
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    return 2 * size**3 / median_seconds(lambda: a @ b, device, 5)


def median_seconds(call: Callable[[], object], device: torch.device, repeats: int) -> float:
    """Median duration of a call after one for warming up."""
    call()
    seconds = []
    for _ in range(repeats):
        synchronize(device)
        began = time.perf_counter()
        call()
        synchronize(device)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def synchronize(device: torch.device) -> None:
    """Wait for a GPU's queue."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def operations_per_token(model: torch.nn.Module) -> float:
    """6 operations (forward 2, backward 4) for every weight of a matrix that each token passes; output layer apart.

    A lower bound: embeddings, element-wise work, heads and adversaries are not counted. An adaptive output layer is
    counted as its head.
    """
    count = 0
    for name, parameter in model.named_parameters():
        if parameter.dim() == 2 and name.startswith(("sentence_encoder", "decoder", "output.linear", "output.head")):
            count += parameter.numel()
    return 6.0 * count


class Clock:
    """Seconds by part."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.seconds = device, defaultdict(float)

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        synchronize(self.device)
        self.seconds[part] += time.perf_counter() - began


def build_trainer(config: ExperimentConfig, prepared: Prepared, naive: bool) -> Trainer:
    """A trainer as a run has it; naive: without what makes it fast."""
    if naive:
        AcceleratorState._reset_state(reset_partial_state=True)  # one process has one precision otherwise
        config = replace(config, training=replace(config.training, precision="fp32"))
        config = replace(config, model=replace(config.model, output="full"))
    accelerator = make_accelerator(config)
    model, adversaries = build_networks(config, prepared)
    recipe = StyleContentRecipe(model, adversaries, config.objectives, config.training.adversary_updates)
    loader = BatchLoader(prepared.train, prepared.collator(config.noise), config.training.batch_size, 0)
    return Trainer(accelerator, recipe, loader, config.training, Checkpoints(Path(config.run) / "checkpoints"))


def padded_batches(trainer: Trainer) -> Iterator[Batch]:
    """Sentences in random order, every batch as wide as the longest sentence of the corpus: the naive way."""
    loader = trainer.loader
    order, width = np.random.default_rng(0).permutation(len(loader.corpus)), int(loader.corpus.lengths.max())
    for start in range(0, len(order), loader.batch_size):
        sentences = [loader.corpus.sentence(int(i)) for i in order[start : start + loader.batch_size]]
        lengths = np.array([len(s) for s in sentences])
        tokens = np.zeros((len(sentences), width), dtype=np.int64)
        tokens[np.arange(width) < lengths[:, None]] = np.concatenate(sentences)
        style = np.asarray(loader.corpus.labels[order[start : start + loader.batch_size]])
        yield loader.collator.collate(tokens, lengths, style, None)


def training_speed(trainer: Trainer, batches: Iterator[Batch], windows: int, steps: int) -> dict[str, object]:
    """Median over windows of `steps` steps."""
    device = trainer.accelerator.device
    clock = Clock(device)
    stepper = replace(trainer.stepper, timed=clock)
    rates, tokens_rates = [], []
    for window in range(windows + 1):
        if window == 1:
            clock.seconds.clear()
        sentences = tokens = 0
        began = time.perf_counter()
        for _ in range(steps):
            with clock("data"):
                batch = next(batches).to(device)
            totals = Totals(len(batch), batch.num_tokens)
            stepper.step([batch], trainer.recipe.weights(0), totals)
            sentences, tokens = sentences + totals.sentences, tokens + totals.tokens
        synchronize(device)
        seconds = time.perf_counter() - began
        if window:  # the first one warms up
            rates.append(sentences / seconds)
            tokens_rates.append(tokens / seconds)
    total = sum(clock.seconds.values())
    tokens_per_second = statistics.median(tokens_rates)
    dtype = torch.bfloat16 if trainer.accelerator.mixed_precision == "bf16" else torch.float32
    operations = operations_per_token(trainer.recipe.modules["model"])
    return {
        "sentences_per_second": round(statistics.median(rates), 1),
        "windows": [round(r, 1) for r in rates],
        "tokens_per_second": round(tokens_per_second),
        "share_of_matrix_rate": round(operations * tokens_per_second / matrix_rate(dtype, device), 3),
        "share_of_time": {part: round(s / total, 3) for part, s in clock.seconds.items()},
    }


def transfer_speed(model: torch.nn.Module, prepared: Prepared, config: ExperimentConfig) -> dict[str, float]:
    """Sentences/s in batches, and milliseconds for one sentence."""
    transfer = StyleTransfer(model.eval(), prepared.tokenizer, config.text)
    texts = list(prepared.corpus.dev["text"][:1000])
    target, device = prepared.corpus.labels[-1], transfer.model.device
    greedy = median_seconds(lambda: transfer(texts, target=target), device, 3)
    beam = median_seconds(lambda: transfer(texts, target=target, beam=5), device, 3)
    single = median_seconds(lambda: transfer(texts[0], target=target), device, 20)
    return {
        "greedy_sentences_per_second": round(len(texts) / greedy, 1),
        "beam_5_sentences_per_second": round(len(texts) / beam, 1),
        "one_sentence_ms": round(1000 * single, 1),
    }


def main(argv: list[str]) -> int:
    """Measure and print; `--json FILE` also saves."""
    own = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    own.add_argument("--windows", type=int, default=3)
    own.add_argument("--steps", type=int, default=40, help="training steps in a window")
    own.add_argument("--naive", action="store_true", help="also measure the naive way")
    own.add_argument("--skip-transfer", action="store_true")
    own.add_argument("--json", help="file for the numbers")
    options, rest = own.parse_known_args(argv)
    began = time.perf_counter()
    parser = make_parser()
    config = from_namespace(parser, parser.parse_args(rest))
    if not any(a.startswith(("--data", "--config")) for a in rest):
        config.data = replace(config.data, path="data/sample", name="reviews")
    with tempfile.TemporaryDirectory() as folder:
        config.run = folder
        prepared = prepare(config, Path(folder))
        trainer = build_trainer(config, prepared, naive=False)
        batches = (b for epoch in range(1000) for b in trainer.loader.epoch(epoch))
        first = next(batches).to(trainer.accelerator.device)
        trainer.stepper.step([first], trainer.recipe.weights(0), Totals(len(first), first.num_tokens))
        report: dict[str, object] = {
            "machine": environment(trainer.accelerator),
            "config": {"model": str(config.model), "batch_size": config.training.batch_size},
            "vocabulary": len(prepared.tokenizer),
            "seconds_to_first_step": round(time.perf_counter() - began, 2),
            "matrix_gflops": {
                str(d).removeprefix("torch."): round(matrix_rate(d, trainer.accelerator.device) / 1e9)
                for d in (torch.bfloat16, torch.float32)
            },
            "training": training_speed(trainer, batches, options.windows, options.steps),
        }
        report["peak_memory_mib"] = peak_memory(trainer.accelerator.device)
        if not options.skip_transfer:
            model = trainer.accelerator.unwrap_model(trainer.recipe.modules["model"], keep_fp32_wrapper=False)
            report["transfer"] = transfer_speed(model, prepared, config)
        if options.naive:
            naive = build_trainer(config, prepared, naive=True)
            report["naive"] = training_speed(naive, padded_batches(naive), options.windows, max(options.steps // 4, 5))
    print(json.dumps(report, indent=2))
    if options.json:
        Path(options.json).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


def peak_memory(device: torch.device) -> float:
    """Largest resident size of this process so far, or of the GPU's allocations."""
    if device.type == "cuda":
        return round(torch.cuda.max_memory_allocated() / 2**20)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
