"""A training put together from its configuration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from accelerate import Accelerator
from accelerate.utils import set_seed

from textvae.checkpoint import Checkpoint, Checkpoints, new_folder
from textvae.config import ExperimentConfig
from textvae.data.loader import BatchLoader
from textvae.evaluation.validation import Validator
from textvae.experiment.latents import calibrate
from textvae.experiment.machine import make_accelerator
from textvae.experiment.preparation import Prepared, check_same_data, max_length, open_run, prepare, record
from textvae.models.adversaries import Adversaries
from textvae.models.configuration import pretrained_config
from textvae.models.style_content_vae import StyleContentVAE
from textvae.training.progress import Reporter, make_reporter
from textvae.training.style_content import StyleContentRecipe
from textvae.training.tracking import truncate_after
from textvae.training.trainer import Result, Trainer


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
        calibrate(model, prepared)
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
