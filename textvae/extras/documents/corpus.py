"""Load documents as a corpus of sentences whose label is the number of their document."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textvae.data.attributes import Attributes
from textvae.data.checks import SplitSummary, Tally, contains, draw
from textvae.data.corpus import Corpus, cache_key, code_checksum, open_corpus, open_or_build, write_index
from textvae.data.rows import ONE_SENTENCE, Part
from textvae.errors import UserError
from textvae.extras.documents.config import DocumentDataConfig
from textvae.extras.documents.findings import DocumentReport, new_tally
from textvae.extras.documents.source import Document, Documents, find_documents
from textvae.files import display
from textvae.text import TextConfig, prepare

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

CODE = code_checksum("extras/documents")


def load_documents(config: DocumentDataConfig, text: TextConfig, cache_dir: str | Path) -> Corpus:
    """The documents that `config` describes, their sentences prepared as `text` says, in the order of the files.

    `label` is the number of the sentence's document in its split, from 0 without a gap. Kept in `cache_dir` like any
    corpus. Memory: one document, and about 50 bytes for each sentence. Raises UserError, with file and line, for data
    that cannot be used; nothing is left in `cache_dir` then.
    """
    splits, fingerprint = find_documents(config)
    settings = {name: value for name, value in dataclasses.asdict(config).items() if name not in LOCATION}
    names = {split: [part.name for part in parts] for split, parts in splits.items()}
    key = cache_key([fingerprint, names, settings, dataclasses.asdict(text), CODE])
    return open_or_build(
        Path(cache_dir),
        key,
        lambda into: _build(splits, fingerprint, config, text, into),
        functools.partial(open_corpus, report=DocumentReport),
    )


LOCATION = ("path", "train", "dev", "test")
"""Told by the fingerprint."""


def _build(splits: Documents, fingerprint: str, config: DocumentDataConfig, text: TextConfig, folder: Path) -> None:
    """Stage every split, decide which documents stay, write them, and remove the staged files."""
    import pyarrow as pa

    from textvae.data import staging  # both take long to import, and `textvae --help` does without

    tally, staged, columns = new_tally(), {}, staging.kept_columns(attributes=1)
    schema = pa.schema({**columns, **staging.NUMBERS})
    for split, parts in splits.items():  # the small ones first: their errors show sooner
        path = folder / f"{split}.staged"
        staging.write_rows(_rows(split, parts, config, text, tally), schema, path)
        staged[split] = Split(staging.open_table(path), parts)
    kept = choose_documents(staged, config, tally)
    summaries: dict[str, SplitSummary] = {}
    for split in (split for split in ("train", "dev", "test") if split in kept):
        source = staged[split if split in staged else "train"]  # dev may be held out from train
        mask = kept[split][source.documents]
        numbers = functools.partial(_renumbered, kept[split].cumsum() - 1)
        staging.copy_rows(source.table, mask, numbers, folder / f"{split}.arrow", columns)
        summaries[split] = _summary(source, mask, int(kept[split].sum()))
    if not summaries["train"].total:
        raise UserError(
            f"{display(config.path)}: no document of data.min_sentences ({config.min_sentences}) sentences is left in "
            "train; lower it, raise data.max_tokens, put blank lines between documents and not within them, or turn "
            "data.drop_leaked off"
        )
    for split in staged:
        (folder / f"{split}.staged").unlink()
    report = DocumentReport(summaries, tally.findings(), held_out="dev" not in staged)
    write_index(folder, Attributes.of(()), report, fingerprint)


def _renumbered(numbers: np.ndarray, documents: pa.Array) -> np.ndarray:
    """The numbers (n,) of documents among those that are kept."""
    found: np.ndarray = numbers[documents.to_numpy()]
    return found


def _rows(
    split: str, parts: list[Part[Document]], config: DocumentDataConfig, text: TextConfig, tally: Tally
) -> Iterator[tuple[Any, ...]]:
    """Staged rows: text, raw, number of the document, no references, hash of the document, words, part, line."""
    from textvae.data.staging import text_hash

    number = 0
    for index, part in enumerate(parts):
        count = 0
        for document in part.rows():
            count += 1
            sentences = [
                s for s in (_sentence(*row, part, split, config, text, tally) for row in document.sentences) if s
            ]
            if len(sentences) < config.min_sentences:
                tally.add("short_dropped", split, part.place(document.line, full=False))
                continue
            digest = text_hash("\n".join(" ".join(raw.split()) for raw, _ in document.sentences))
            for found, raw, line in sentences:
                yield found, raw, number, [], digest, found.count(" ") + 1, index, line
            number += 1
        if not count:
            raise UserError(f"{part.where}: holds no document; fill the file or take it away")


def _sentence(
    raw: str, line: int, part: Part[Document], split: str, config: DocumentDataConfig, text: TextConfig, tally: Tally
) -> tuple[str, str, int] | None:
    """(text, raw, line), or None for a sentence that is left out."""
    from textvae.data.staging import check_characters

    if check_characters(raw, lambda: part.place(line)):
        tally.add("control_characters", split, lambda: part.place(line, full=False))
    if len(raw) > config.max_line_chars:
        found = f"{len(raw)} characters in one sentence, at most {config.max_line_chars} are allowed"
        raise UserError(f"{part.place(line)}: {found}; {ONE_SENTENCE}")
    words = prepare(raw, text).split()
    kind = None if words else "empty"
    if len(words) > config.max_tokens:
        kind = "over_long_dropped" if split == "train" else "over_long_cut"
    if kind:
        tally.add(kind, split, lambda: part.place(line, full=False))
    return None if kind in ("empty", "over_long_dropped") else (" ".join(words[: config.max_tokens]), raw, line)


class Split:
    """A staged split: its table, the document of every row (N,), and the hash and first row of every document."""

    def __init__(self, table: pa.Table, parts: list[Part[Document]]) -> None:
        import numpy as np

        self.table, self.parts = table, parts
        self.documents: np.ndarray = table["label"].to_numpy()
        _, self.first = np.unique(self.documents, return_index=True)
        self.hashes: np.ndarray = table["hash"].to_numpy()[self.first]

    def where(self, document: int) -> str:
        """FILE:LINE of a document."""
        row = int(self.first[document])
        return self.parts[self.table["part"][row].as_py()].place(self.table["line"][row].as_py(), full=False)


def choose_documents(splits: dict[str, Split], config: DocumentDataConfig, tally: Tally) -> dict[str, np.ndarray]:
    """Boolean masks over the documents of each split; a missing dev is a mask over train's.

    Documents are compared by the hash of their sentences as they stand in the files. What is held out has the smallest
    hashes: a fair draw that depends neither on the order of the files nor on a seed.
    """
    import numpy as np

    train = splits["train"]
    masks = {split: np.ones(len(found.hashes), dtype=bool) for split, found in splits.items()}
    others = [found.hashes for split, found in splits.items() if split != "train"]
    keep = _without(train, masks["train"], np.concatenate(others) if others else train.hashes[:0], config, tally)
    if "dev" not in splits:
        rows = np.flatnonzero(keep)
        fraction = min(config.dev_fraction, config.dev_max / max(1, len(rows)))
        held = rows[draw(train.hashes[rows], fraction)]
        if not len(held):
            raise UserError(
                f"{display(config.path)}: too few different documents in train to hold out dev; give a dev split, more "
                "documents, or a smaller data.min_sentences"
            )
        masks["dev"] = np.isin(np.arange(len(keep)), held)
        keep = _without(train, keep & ~masks["dev"], train.hashes[held], config, tally)
    _, first = np.unique(train.hashes, return_index=True)
    repeats = np.setdiff1d(np.flatnonzero(keep), first)
    if len(repeats):
        tally.add("duplicates", "train", train.where(repeats[0]), len(repeats))
    return {**masks, "train": keep}


def _without(train: Split, keep: np.ndarray, other: np.ndarray, config: DocumentDataConfig, tally: Tally) -> np.ndarray:
    """`keep` without the documents that stand elsewhere, which are counted."""
    leaked = keep & contains(other, train.hashes)
    if leaked.any():
        kind = "leaked_dropped" if config.drop_leaked else "leaked_kept"
        tally.add(kind, "train", train.where(int(leaked.argmax())), int(leaked.sum()))
    return keep & ~leaked if config.drop_leaked else keep


def _summary(source: Split, mask: np.ndarray, documents: int) -> SplitSummary:
    """Sentences, their words, and the number of documents as `references`."""
    words = source.table["words"].to_numpy()[mask]
    mean, longest = (round(float(words.mean()), 2), int(words.max())) if len(words) else (0.0, 0)
    return SplitSummary({"sentences": int(mask.sum())}, mean, longest, documents)
