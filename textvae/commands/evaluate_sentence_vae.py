"""`textvae evaluate RUN` for a sentence autoencoder: how its latent space is used."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from textvae.evaluation.diagnostics.config import DiagnosticsConfig
from textvae.volume import add_volume, note, set_volume

EPILOG = """exit codes:
  0  done       2  wrong input: no such run, data that moved

examples:
  textvae evaluate runs/sentence_vae
  textvae evaluate runs/sentence_vae --samples 500 --split dev
"""


@dataclass
class SentenceOptions:
    """What to look at, and where the result goes."""

    split: Literal["test", "dev"] | None = None
    """Part of the data. Default: test if the run has one, else dev."""
    diagnostics: DiagnosticsConfig = field(default_factory=lambda: DiagnosticsConfig(samples=100))
    """How the latent space is looked at."""
    save: str | None = None
    """Folder for metrics.json. Default: RUN/evaluation."""
    cache: str | None = None
    """Folder of prepared data. Default: that of the run, or ~/.cache/textvae."""


def make_parser(prog: str) -> Any:
    """Options of the command."""
    import jsonargparse

    from textvae.config.parsing import Formatter

    jsonargparse.set_parsing_settings(docstring_parse_attribute_docstrings=True)
    parser = jsonargparse.ArgumentParser(
        prog=prog,
        usage=f"{prog} RUN [OPTION ...]",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=Formatter,
    )
    add_volume(parser)
    parser.add_argument("run", help="run directory of a sentence autoencoder")
    parser.add_argument("--samples", type=int, help="short for --diagnostics.samples")
    parser.add_class_arguments(SentenceOptions)
    return parser


def main(argv: list[str], prog: str = "textvae evaluate") -> int:
    """Exit code 0; UserError where the input is wrong."""
    parser = make_parser(prog)
    argv = ["--diagnostics.samples" + a.removeprefix("--samples") if a.startswith("--samples") else a for a in argv]
    built = parser.instantiate_classes(parser.parse_args(argv))
    set_volume(built)
    options = SentenceOptions(**{name: getattr(built, name) for name in SentenceOptions.__dataclass_fields__})
    evaluate(Path(built.run), options)
    return 0


def evaluate(run: Path, options: SentenceOptions) -> None:
    """Print the table and what is wrong with the latent, save everything."""
    from textvae.commands.terminal import show_table
    from textvae.config import load_config
    from textvae.evaluation.diagnostics.collapse import warnings
    from textvae.evaluation.diagnostics.report import rows
    from textvae.experiment.sentence_vae import FinishedSentenceVAE
    from textvae.files import write_json

    config = load_config(run / "config.yaml")
    config.cache = options.cache or config.cache
    finished = FinishedSentenceVAE(config, run)
    split = options.split or ("dev" if finished.prepared.corpus.test is None else "test")
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
