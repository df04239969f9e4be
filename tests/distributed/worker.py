"""What each of two processes does in tests/distributed/test_two_processes.py.

torchrun --nproc_per_node 2 -m tests.distributed.worker FOLDER writes, for each scenario and process, the weights
(safetensors) and what happened (JSON).
"""

from __future__ import annotations

import json
import math
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from safetensors.torch import save_file
from torch import Tensor

from tests.document_laws import document_trainer
from tests.laws import (
    COMPARING,
    Interrupted,
    loose,
    progress_of,
    seeds_of,
    tiny_trainer,
    tiny_transfer,
    transfer_objectives,
    weights_of,
)
from tests.sentence_laws import sentence_trainer
from tests.training import summaries
from tests.tree_laws import tree_trainer
from textvae.data.noise import NoiseConfig
from textvae.modules.config import ClampingConfig, MemoryConfig
from textvae.modules.latents import LATENTS
from textvae.objectives.style_content import OBJECTIVES
from textvae.training.trainer import Trainer, TrainingDiverged

NOISE = NoiseConfig(drop=0.2, shuffle=2, word_dropout=0.1)
SAME_AS_ONE: dict[str, dict[str, Any]] = {
    "plain": {"noise": NOISE, "adversary_updates": 2},
    "standard prior": {"networks": {"encoder": "lstm", "decoder": "lstm", "prior": "standard"}, "clip_norm": 0.05},
    "transformer": {"networks": {"encoder": "transformer", "decoder": "transformer"}, "accumulation": 2},
    "deterministic": {"networks": {"latent": "deterministic", "decoder": "lstm"}, "accumulation": 4},
    "closed form": {
        "networks": {"adversary": "discriminant", "hide_style_words": True, "erase": True},
        "accumulation": 2,
    },
    "transfers": {"objectives": transfer_objectives(), "transfer": tiny_transfer(), "accumulation": 2},
    "drawn transfers": {
        "objectives": transfer_objectives(),
        "transfer": tiny_transfer(tau=0.7, through=True),
        "networks": {"memory": MemoryConfig("full", scrub=True), "hide_style_words": True},
    },
    "groups": {"networks": {"clamping": ClampingConfig("content", "all")}, "noise": NOISE, "accumulation": 2},
    "groups that share a style": {"networks": {"clamping": ClampingConfig("style"), "hide_style_words": True}},
    "groups that join their evidence": {"networks": {"clamping": ClampingConfig("style", "all", "product")}},
    "adversarial priors": {"networks": {"latent": "adversarial"}, "noise": NOISE, "accumulation": 2},
    "translations": {"objectives": transfer_objectives(), "transfer": tiny_transfer(), "networks": loose()},
    "rare words": {"networks": {"output": "adaptive", "vocabulary": 4100}, "max_steps": 3},
}
"""Runs that one process must repeat: 27 sentences in batches of 8, the last of 3, shared as 1 + 2."""

SUMMARIZERS = ("soft", "straight_through")
"""Estimators with which two processes train a summarizer as one does. (The baseline of reinforce is a mean over rows
at hand, as in the paper, so it differs between processes.)"""


OTHER_TASKS: dict[str, Callable[..., Trainer]] = {
    **{
        f"sentences {kind}": partial(sentence_trainer, networks={"latent": kind}, accumulation=2)
        for kind in sorted(set(LATENTS) - {*COMPARING, "vq"})
    },
    "sentences with a prior per label": partial(
        sentence_trainer, networks={"latent": "flow", "prior": "class_conditional", "encoder": "transformer"}
    ),
    "documents": partial(document_trainer, block_size=None, accumulation=2),
    "documents in blocks": partial(document_trainer, block_size=3),
    "trees": partial(tree_trainer, networks={"kind": "neural"}),
    "trees with z": partial(tree_trainer, networks={"kind": "compound"}, accumulation=2),
}
"""Trainings of the other tasks that one process must repeat."""

AGREEING = {
    kind: partial(sentence_trainer, networks={"latent": kind}, max_steps=6) for kind in sorted({"mmd", "infomax", "vq"})
}
"""Latents that compare the rows at hand (mmd, infomax), or begin from the first process's (vq): two processes are not
one, but agree with each other."""


def random_run(folder: Path, accelerator: Accelerator, seed: int = 0) -> Trainer:
    """Dropout on: bits can only be equal if each process draws again what it drew."""
    networks = {"dropout": 0.3, "dtype": torch.float32, "seed": seed}
    return tiny_trainer(folder, accelerator, noise=NOISE, networks=networks, checkpoint_every=100)


def report(folder: Path, name: str, accelerator: Accelerator, trainer: Trainer, **facts: Any) -> None:
    """Write this process's view of a scenario."""
    stem = f"{name}.{accelerator.process_index}"
    weights = {n: t.contiguous() for n, t in weights_of(trainer).items()}
    save_file(weights, folder / f"{stem}.safetensors")
    facts |= {"num_processes": accelerator.num_processes, "type": accelerator.distributed_type.value}
    (folder / f"{stem}.json").write_text(json.dumps({"progress": progress_of(trainer), **facts}))


def same_as_one(folder: Path, accelerator: Accelerator) -> None:
    for name, options in SAME_AS_ONE.items():
        trainer = tiny_trainer(folder / name, accelerator, **options)
        lines: list[dict[str, float]] = []
        accelerator.log = lambda values, step=None, **_: lines.append(values)  # type: ignore[method-assign]  # noqa: B023
        trainer.fit()
        report(folder, name, accelerator, trainer, lines=lines)


def other_tasks(folder: Path, accelerator: Accelerator) -> None:
    for name, make in {**OTHER_TASKS, **AGREEING}.items():
        accelerator.log = lambda values, step=None, **_: None  # type: ignore[method-assign]
        trainer = make(folder / name, accelerator=accelerator)
        trainer.fit()
        report(folder, name, accelerator, trainer)


def summarizers(folder: Path, accelerator: Accelerator) -> None:
    for estimator in SUMMARIZERS:
        trainer = summaries.tiny_trainer(
            folder / f"summaries {estimator}", accelerator=accelerator, estimator=estimator
        )
        trainer.fit()
        report(folder, f"summaries {estimator}", accelerator, trainer)


def signal_and_resume(folder: Path, accelerator: Accelerator) -> None:
    """Only the second process gets the signal; both stop at the same step and both go on."""
    whole = random_run(folder / "whole", accelerator)
    seeds = seeds_of(whole)
    whole.fit()
    report(folder, "whole", accelerator, whole, seeds=seeds)
    stopped = random_run(folder / "stopped", accelerator)
    if accelerator.process_index == 1:
        stopped.loader = Interrupted(stopped.loader, 5, signal.SIGTERM)  # type: ignore[assignment]
    result = stopped.fit()
    report(folder, "stopped", accelerator, stopped, reason=result.reason, signal=result.signal)
    resumed = random_run(folder / "stopped", accelerator, seed=99)
    checkpoint = resumed.checkpoints.latest()
    assert checkpoint is not None
    resumed.restore(checkpoint)
    resumed.fit()
    report(folder, "resumed", accelerator, resumed, begun=checkpoint.step)


def scores_that_differ(folder: Path, accelerator: Accelerator) -> None:
    """Judges can disagree in the last bit; the processes must not disagree on the best step or on patience."""
    rank = accelerator.process_index
    trainer = tiny_trainer(
        folder / "scores",
        accelerator,
        evaluate_every=2,
        validate=lambda step: {"dev/score": float(step if rank == 0 else -step)},
    )
    trainer.fit()
    report(folder, "scores", accelerator, trainer)


def too_small_a_batch(folder: Path, accelerator: Accelerator) -> None:
    trainer = tiny_trainer(folder / "small", accelerator, corpus_size=25)
    trainer.fit()
    report(folder, "small", accelerator, trainer, total=trainer.total_steps)


def nan_on_one(folder: Path, accelerator: Accelerator) -> None:
    """NaN in the second process's rows stops both."""
    objective, count = OBJECTIVES["J_mul_c"], 0

    def poisoned(outputs: Any) -> Tensor:
        nonlocal count
        count += 1
        poison = math.nan if count == 3 and accelerator.process_index == 1 else 1.0
        return objective(outputs) * poison

    OBJECTIVES["J_mul_c"] = poisoned
    trainer = tiny_trainer(folder / "nan", accelerator, checkpoint_every=1, log_every=2)
    try:
        trainer.fit()
        message = "no error"
    except TrainingDiverged as error:
        message = str(error)
    finally:
        OBJECTIVES["J_mul_c"] = objective
    report(folder, "nan", accelerator, trainer, message=message)


SCENARIOS: tuple[Callable[[Path, Accelerator], None], ...] = (
    same_as_one,
    other_tasks,
    summarizers,
    signal_and_resume,
    scores_that_differ,
    too_small_a_batch,
    nan_on_one,
)

if __name__ == "__main__":
    this_process = Accelerator()
    assert this_process.num_processes == 2, "the launcher started one process only"
    for scenario in SCENARIOS:
        scenario(Path(sys.argv[1]), this_process)
        this_process.wait_for_everyone()
