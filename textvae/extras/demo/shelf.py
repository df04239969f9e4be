"""The models of a demo: loaded once, each with a lock, chosen by name."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from textvae.errors import UserError
from textvae.extras.report.comparison import unique_names
from textvae.extras.report.latent_maps import FEWEST, Plane
from textvae.extras.report.records import read_run
from textvae.extras.report.style_model import Encoded, LatentPoints, Sentences, StyleModel
from textvae.inference.loading import Precision, locate, model_class
from textvae.inference.scorers import FOLDER
from textvae.inference.style_transfer import StyleTransfer
from textvae.inference.summarization import Summarizer
from textvae.models.seq2seq2seq import Seq2Seq2Seq
from textvae.text import detokenise

MAPPED = 400
"""Sentences on a map: more hide each other."""

EXAMPLES = 4
"""Sentences of the data to click."""

Entry = TypeVar("Entry", "StyleEntry", "SummaryEntry")


@dataclass
class SummaryEntry:
    """A summarizer. Whoever uses the model holds its lock: tokenizers and caches are not made for several threads."""

    name: str
    summarizer: Summarizer
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True)
class Atlas:
    """Sentences of the run's data with their points in both spaces, and the plane on which each space is drawn.

    planes: by space ("z_s", "z_c"); a space in which all sentences are at one point has none.
    """

    sentences: Sentences
    encoded: Encoded
    planes: dict[str, Plane]


@dataclass
class StyleEntry:
    """A style transfer. Whoever uses the model holds its lock.

    reranks: scorers are stored beside the model. data: the sentences of its run, or None with the reason in `why`.
    """

    name: str
    transfer: StyleTransfer
    data: StyleModel | None
    why: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)
    found: Atlas | None = None

    @property
    def latents(self) -> LatentPoints:
        """Sentences to points and back."""
        return self.data or LatentPoints(self.transfer)

    @property
    def reranks(self) -> bool:
        """Whether scorers lie beside the model."""
        folder = self.transfer.folder
        return folder is not None and (folder / FOLDER).is_dir()

    @property
    def strength(self) -> float:
        """The strength chosen on dev by the training."""
        return float(self.transfer.model.config.transfer_strength)

    @property
    def looks_back(self) -> bool:
        """Whether the decoder reads more of a sentence than the two vectors."""
        return self.transfer.model.config.memory_part().kind != "none"

    def readable(self, text: str) -> str:
        """A prepared string as people write it."""
        config = self.transfer.reader.text
        return detokenise(text, truecase=config.lowercase) if config.tokenise else text

    def examples(self) -> list[str]:
        """A few sentences of the data, of every label in turn; none where the data are not there."""
        if self.data is None:
            return []
        each = -(-EXAMPLES // len(self.transfer.labels))
        shown = self.data.sentences("dev", 2 * each)  # the first ones of a file are often alike
        order = sorted(range(len(shown.texts)), key=lambda row: (row % (2 * each), shown.labels[row]))
        return [self.readable(shown.texts[row]) for row in order][:EXAMPLES]

    def atlas(self) -> Atlas:
        """The maps, made when they are first asked for; UserError where the data are not there. Needs the lock."""
        if self.found is None:
            if self.data is None:
                raise UserError(f"There is no map of this run: {self.why}")
            shown = self.data.sentences("dev", max(1, MAPPED // len(self.transfer.labels)))
            if len(shown.texts) < FEWEST:
                raise UserError(f"There is no map: the data of this run have {len(shown.texts)} dev sentences.")
            encoded = self.data.encode(shown.texts, shown.labels)
            spread = {space: means for space, means in encoded.means.items() if np.ptp(means, axis=0).max() >= 1e-6}
            self.found = Atlas(shown, encoded, {space: Plane.fit(means) for space, means in spread.items()})
        return self.found


class Shelf:
    """All models of a demo by name, in the order given."""

    def __init__(self, entries: Sequence[StyleEntry | SummaryEntry]):
        self.entries = {entry.name: entry for entry in entries}

    @classmethod
    def load(
        cls,
        runs: Sequence[str | Path],
        device: str | None = None,
        precision: Precision = "auto",
        data: str | None = None,
        tell: Callable[[str], None] = lambda text: None,
    ) -> Shelf:
        """Load run directories, and models that come with the package by their names; each is told about by `tell`.

        data: where the sentences of style runs lie now, if they were moved. UserError where a model cannot be loaded.
        """
        if not runs:
            raise UserError("no model to show: name a run directory, as `textvae train` leaves it")
        places = [locate(Path(run)) for run in runs]  # complain about all of them before the seconds that one takes
        names = unique_names([read_run(folder) for _, folder in places])
        entries: list[StyleEntry | SummaryEntry] = []
        for name, (model, folder) in zip(names, places, strict=True):
            tell(f"loading {name}")
            options: dict[str, Any] = {"device": device, "precision": precision}
            if model_class(model) is Seq2Seq2Seq:
                entries.append(SummaryEntry(name, Summarizer.from_pretrained(model, **options)))
            else:
                entries.append(style_entry(name, StyleTransfer.from_pretrained(model, **options), folder, data))
        return cls(entries)

    def names(self, kind: type[StyleEntry] | type[SummaryEntry]) -> tuple[str, ...]:
        """Names of the models of one kind."""
        return tuple(name for name, entry in self.entries.items() if isinstance(entry, kind))

    def find(self, name: object, kind: type[Entry]) -> Entry:
        """The model of a name; UserError where there is none of this kind."""
        entry = self.entries.get(name) if isinstance(name, str) else None
        if not isinstance(entry, kind):
            raise UserError(f"Choose another model for this: {', '.join(self.names(kind)) or 'none here can do it'}.")
        return entry


def style_entry(name: str, transfer: StyleTransfer, folder: Path, data: str | None) -> StyleEntry:
    """A style transfer with the data of its run, where these are there and its maps have one label a sentence."""
    if len(names := transfer.attributes.names) > 1:
        return StyleEntry(name, transfer, None, f"it knows several attributes ({', '.join(names)})")
    try:
        return StyleEntry(name, transfer, StyleModel.around(transfer, folder, data))
    except UserError as error:
        return StyleEntry(name, transfer, None, str(error))
