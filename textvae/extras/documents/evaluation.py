"""`textvae evaluate RUN` for a hierarchical VAE: whether μ2 tells the document, and what swapping z2 writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from textvae.config.base import RunOptions
from textvae.extras.documents.config import DocumentsConfig
from textvae.volume import note


@dataclass
class DocumentOptions(RunOptions):
    """Whether μ2 tells the document, and what swapping z2 writes."""

    documents: DocumentsConfig = field(default_factory=lambda: DocumentsConfig(max_documents=1000))
    """How the model is looked at."""


def evaluate(run: Path, options: DocumentOptions) -> None:
    """Print the table and the samples, save everything."""
    from textvae.experiment.runs import config_of, part_of
    from textvae.extras.documents.diagnosis import rows
    from textvae.extras.documents.task import FinishedDocumentVAE
    from textvae.files import write_json
    from textvae.terminal import show_table

    finished = FinishedDocumentVAE(config_of(run, options.cache), run)
    split = part_of(finished.prepared.corpus, options.split)
    found, swapped = finished.diagnose(split, options.documents)
    folder = options.folder(run)
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
