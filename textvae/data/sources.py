"""Load a corpus of labelled sentences from any source, checked and cached."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from textvae.data import checks
from textvae.data.checks import DataReport, Tally
from textvae.data.config import UNLABELLED, DataConfig
from textvae.data.corpus import Corpus, cache_key, code_checksum, open_corpus, open_or_build, write_index
from textvae.data.hub import hub
from textvae.data.label_files import label_files
from textvae.data.rows import Source
from textvae.data.tables import jsonl, parquet, separated
from textvae.data.text_lines import text_lines
from textvae.data.trees import treebank
from textvae.errors import UserError
from textvae.files import display
from textvae.text import TextConfig

__all__ = ["SOURCES", "Corpus", "DataConfig", "DataReport", "load_corpus"]

CODE = code_checksum()

SOURCES: dict[str, Callable[[DataConfig], Source]] = {
    "files": label_files,
    "jsonl": jsonl,
    "csv": separated,
    "parquet": parquet,
    "hub": hub,
    "lines": text_lines,
    "trees": treebank,
}


def load_corpus(config: DataConfig, text: TextConfig, cache_dir: str | Path) -> Corpus:
    """The corpus that `config` describes, its sentences prepared as `text` says.

    Kept in `cache_dir` under a key made of the content of the sources, both configurations and the code that
    prepares text, so that a second call opens it at once and a change of any of them does not. Memory: a few
    thousand sentences and about 50 bytes for each further one, whatever the source.

    Raises UserError, with file and line, for data that cannot be used; nothing is left in `cache_dir` then.
    """
    source = SOURCES[config.source](config)
    folder = Path(cache_dir)
    return open_or_build(
        folder, _key(source, config, text), lambda into: _build(source, config, text, into), open_corpus
    )


def _key(source: Source, config: DataConfig, text: TextConfig) -> str:
    """Where the files lie does not matter, what they are called and what is in them does."""
    settings = dataclasses.asdict(config)
    for name in ("path", "train", "dev", "test", "subset", "revision"):
        del settings[name]  # told by source.fingerprint
    labels = [list((config.label_mapping(name) or {}).items()) for name in config.attributes]  # the order counts
    columns = list((config.label_columns or {}).items())
    splits = {split: [part.name for part in parts] for split, parts in source.splits.items()}
    return cache_key([source.fingerprint, splits, settings, columns, labels, dataclasses.asdict(text), CODE])


def _build(source: Source, config: DataConfig, text: TextConfig, folder: Path) -> None:
    """Stage every split, decide which rows stay, write them, and remove the staged files."""
    from textvae.data import staging  # it imports pyarrow, which `textvae --help` does without

    tally = Tally()
    if source.unused_references:
        tally.add("unused_references", "test", source.unused_references[0], len(source.unused_references))
    stager = staging.Staging(config, text, tally)
    for split, parts in source.splits.items():  # the small ones first: their errors show sooner
        stager.write(split, parts, folder / f"{split}.staged")
    classes = staging.Classes(stager.raw_labels, config)
    attributes = classes.attributes

    tables = {split: staging.open_table(folder / f"{split}.staged") for split in source.splits}
    columns = {split: staging.staged_columns(tables[split], source.splits[split], classes) for split in tables}
    where = display(config.path)
    found = {split: staging.found_labels(v, classes) for split, v in columns.items()}
    checks.check_labels(found, attributes, where, several=config.source not in UNLABELLED)
    masks = checks.choose_rows(columns, config, tally)

    summaries: dict[str, checks.SplitSummary] = {}
    for split in (split for split in ("train", "dev", "test") if split in masks):
        origin = split if split in tables else "train"  # dev may be held out from train
        staging.copy_rows(tables[origin], masks[split], classes.of, folder / f"{split}.arrow", stager.columns)
        summaries[split] = staging.summarise(tables[origin], columns[origin], masks[split], classes)
        checks.count_repeats(split, columns[origin], masks[split].nonzero()[0], tally)
    _check_train(summaries["train"], tally, where)
    if "dev" in columns and "test" in columns:
        checks.count_overlap(columns["dev"], columns["test"], tally)
    for split in tables:
        (folder / f"{split}.staged").unlink()
    report = DataReport(summaries, tally.findings(), held_out="dev" not in tables)
    write_index(folder, attributes, report, source.fingerprint)


def _check_train(summary: checks.SplitSummary, tally: Tally, where: str) -> None:
    """Every class needs a sentence to learn from, after what was left out."""
    for label, count in summary.sentences.items():
        if not count:
            dropped = [
                f"{f.count} {checks.FINDINGS[f.kind]} (first: {f.first})"
                for f in tally.findings()
                if f.split == "train" and f.kind in ("empty", "over_long_dropped", "leaked_dropped")
            ]
            why = f": {'; '.join(dropped)}" if dropped else ", though data.labels names it"
            raise UserError(
                f"{where}: no sentence of label {label!r} is left in train{why}. Raise data.max_tokens, turn "
                "data.drop_leaked off, correct data.labels or give more sentences"
            )
    checks.check_balance(summary, tally)
