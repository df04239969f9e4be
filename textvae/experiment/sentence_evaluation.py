"""`textvae evaluate RUN` for a sentence autoencoder: how its latent space is used."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from textvae.config.base import RunOptions
from textvae.evaluation.diagnostics.config import DiagnosticsConfig
from textvae.volume import note


@dataclass
class SentenceOptions(RunOptions):
    """How the latent space is used."""

    diagnostics: DiagnosticsConfig = field(default_factory=lambda: DiagnosticsConfig(samples=100))
    """How the latent space is looked at."""


def evaluate(run: Path, options: SentenceOptions) -> None:
    """Print the table and what is wrong with the latent, save everything."""
    from textvae.evaluation.diagnostics.collapse import warnings
    from textvae.evaluation.diagnostics.report import rows
    from textvae.experiment.runs import config_of, part_of
    from textvae.experiment.sentence_vae import FinishedSentenceVAE
    from textvae.files import write_json
    from textvae.terminal import show_table

    finished = FinishedSentenceVAE(config_of(run, options.cache), run)
    split = part_of(finished.prepared.corpus, options.split)
    found = finished.diagnose(split, options.diagnostics)
    said = warnings(found, options.diagnostics)
    folder = options.folder(run)
    settings = {"split": split, "diagnostics": vars(options.diagnostics)}
    write_json(folder / "metrics.json", {**settings, **found.to_dict(), "warnings": said})
    title = [f"{run.name}: {found.sentences} sentences of {split}", "", ""]
    show_table(title, [list(row) for row in rows(found)])
    for warning in said:
        print(f"warning: {warning}")
    note(f"saved in {folder}")
