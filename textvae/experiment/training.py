"""A training of any task, from its configuration to its last checkpoint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from accelerate import Accelerator

from textvae.checkpoint import Checkpoint, Checkpoints, new_folder
from textvae.config import RunConfig
from textvae.experiment.assembly import Assembled, PreparedData
from textvae.experiment.machine import make_accelerator
from textvae.experiment.runs import check_same_data, open_run, record
from textvae.registry import TASKS, resolve
from textvae.training.progress import Reporter, make_reporter
from textvae.training.tracking import truncate_after
from textvae.training.trainer import Result, Trainer


def train(config: RunConfig, resume: bool = False, overwrite: bool = False, quiet: bool = False) -> Result:
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
    config: RunConfig, accelerator: Accelerator, reporter: Reporter, resume: bool, overwrite: bool
) -> Result:
    """The parts in the order in which data flow through them."""
    folder, task = Path(config.run), TASKS[config.task]
    with accelerator.main_process_first():
        if accelerator.is_main_process:
            open_run(config, resume, overwrite)
        prepared: PreparedData = resolve(task.prepare)(config, folder)
        if accelerator.is_main_process:
            if resume:
                check_same_data(prepared.fingerprint, folder)
            record(config, prepared.facts(), folder, accelerator)
    if accelerator.is_main_process:
        for line in prepared.report():
            reporter.message(line)
    accelerator.init_trackers(folder.name)
    assembled: Assembled = resolve(task.assemble)(config, prepared, accelerator, reporter)
    reporter.message(
        f"{sum(p.numel() for p in assembled.model.parameters()) / 1e6:.1f} M parameters, {assembled.size}, "
        f"{accelerator.num_processes} process(es), {accelerator.device}, precision {accelerator.mixed_precision}"
    )

    def save_best(step: int, metrics: dict[str, float]) -> None:
        with new_folder(folder / "best") as target:
            assembled.save(target, step, metrics)

    trainer = Trainer(
        accelerator,
        assembled.recipe,
        assembled.loader,
        config.training,
        Checkpoints(folder / "checkpoints", config.training.keep_checkpoints, reporter.message),
        assembled.validate,
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
