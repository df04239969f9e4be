"""`textvae evaluate RUN` for a sentence autoencoder: how its latent space is used."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textvae.commands.run_evaluation import Part, asked, config_of, part_of, run_parser
from textvae.evaluation.diagnostics.config import DiagnosticsConfig
from textvae.volume import note

EPILOG = """exit codes:
  0  done       2  wrong input: no such run, data that moved

examples:
  textvae evaluate runs/sentence_vae
  textvae evaluate runs/sentence_vae --samples 500 --split dev
"""


@dataclass
class SentenceOptions:
    """What to look at, and where the result goes."""

    split: Part | None = None
    """Part of the data. Default: test if the run has one, else dev."""
    diagnostics: DiagnosticsConfig = field(default_factory=lambda: DiagnosticsConfig(samples=100))
    """How the latent space is looked at."""
    save: str | None = None
    """Folder for metrics.json. Default: RUN/evaluation."""
    cache: str | None = None
    """Folder of prepared data. Default: that of the run, or ~/.cache/textvae."""


def make_parser(prog: str) -> Any:
    """Options of the command."""
    return run_parser(prog, __doc__, EPILOG, "sentence autoencoder", SentenceOptions, short="diagnostics.samples")


def main(argv: list[str], prog: str = "textvae evaluate") -> int:
    """Exit code 0; UserError where the input is wrong."""
    argv = ["--diagnostics.samples" + a.removeprefix("--samples") if a.startswith("--samples") else a for a in argv]
    evaluate(*asked(make_parser(prog), argv, SentenceOptions))
    return 0


def evaluate(run: Path, options: SentenceOptions) -> None:
    """Print the table and what is wrong with the latent, save everything."""
    from textvae.commands.terminal import show_table
    from textvae.evaluation.diagnostics.collapse import warnings
    from textvae.evaluation.diagnostics.report import rows
    from textvae.experiment.sentence_vae import FinishedSentenceVAE
    from textvae.files import write_json

    finished = FinishedSentenceVAE(config_of(run, options.cache), run)
    split = part_of(finished.prepared.corpus, options.split)
    found = finished.diagnose(split, options.diagnostics)
    said = warnings(found, options.diagnostics)
    folder = Path(options.save) if options.save else run / "evaluation"
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"split": split, "diagnostics": vars(options.diagnostics)}
    write_json(folder / "metrics.json", {**settings, **found.to_dict(), "warnings": said})
    title = [f"{run.name}: {found.sentences} sentences of {split}", "", ""]
    show_table(title, [list(row) for row in rows(found)])
    for warning in said:
        print(f"warning: {warning}")
    note(f"saved in {folder}")
