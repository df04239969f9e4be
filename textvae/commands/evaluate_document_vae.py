"""`textvae evaluate RUN` for a hierarchical VAE: whether μ2 tells the document, and what swapping z2 writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textvae.commands.run_evaluation import Part, asked, config_of, part_of, run_parser
from textvae.extras.documents.evaluation_config import DocumentsConfig
from textvae.volume import note

EPILOG = """exit codes:
  0  done       2  wrong input: no such run, data that moved

examples:
  textvae evaluate runs/document_vae
  textvae evaluate runs/document_vae --split dev --documents.swaps 20
"""


@dataclass
class DocumentOptions:
    """What to look at, and where the result goes."""

    split: Part | None = None
    """Part of the data. Default: test if the run has one, else dev."""
    documents: DocumentsConfig = field(default_factory=lambda: DocumentsConfig(max_documents=1000))
    """How the model is looked at."""
    save: str | None = None
    """Folder for metrics.json. Default: RUN/evaluation."""
    cache: str | None = None
    """Folder of prepared data. Default: that of the run, or ~/.cache/textvae."""


def make_parser(prog: str) -> Any:
    """Options of the command."""
    return run_parser(prog, __doc__, EPILOG, "hierarchical VAE", DocumentOptions)


def main(argv: list[str], prog: str = "textvae evaluate") -> int:
    """Exit code 0; UserError where the input is wrong."""
    evaluate(*asked(make_parser(prog), argv, DocumentOptions))
    return 0


def evaluate(run: Path, options: DocumentOptions) -> None:
    """Print the table and the samples, save everything."""
    from textvae.commands.terminal import show_table
    from textvae.extras.documents.diagnosis import rows
    from textvae.extras.documents.task import FinishedDocumentVAE
    from textvae.files import write_json

    finished = FinishedDocumentVAE(config_of(run, options.cache), run)
    split = part_of(finished.prepared.corpus, options.split)
    found, swapped = finished.diagnose(split, options.documents)
    folder = Path(options.save) if options.save else run / "evaluation"
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"split": split, "settings": vars(options.documents)}
    write_json(folder / "metrics.json", {**settings, **found.to_dict(), "swapped": swapped})
    title = [f"{run.name}: {found.documents} documents, {found.sentences} sentences of {split}", "", ""]
    show_table(title, [list(row) for row in rows(found)])
    print(
        f"written with another document's z2: {100 * swapped['moved']:.0f} % lie nearer to that document's μ2 "
        f"({100 * swapped['kept']:.0f} % of those written with their own nearer to their own)"
    )
    for sample in swapped["samples"]:
        for name, text in sample.items():
            print(f"  {name.replace('_', ' '):14} {text}")
        print()
    note(f"saved in {folder}")
