"""Load documents, texts of other documents, and pairs for evaluation: checked and cached."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textvae.data import checks
from textvae.data.checks import Tally
from textvae.data.corpus import cache_key, code_checksum, open_arrow, open_or_build, open_sealed, seal
from textvae.data.unpaired.config import FilesConfig, PairsConfig, SideConfig, UnpairedDataConfig
from textvae.data.unpaired.files import Opened, open_files
from textvae.data.unpaired.report import UnpairedReport, new_tally
from textvae.errors import UserError
from textvae.text import TextConfig

if TYPE_CHECKING:
    import datasets
    import numpy as np

    from textvae.data.unpaired.staging import Staged

logger = logging.getLogger(__name__)

CODE = code_checksum("data/unpaired")


@dataclass(frozen=True)
class UnpairedCorpus:
    """Both sides, memory-mapped, and the pairs to evaluate on.

    documents, texts, dev_documents, dev_texts: columns `text` (prepared: words with one space between) and `id` ("" for
    none); the dev ones are held out and have no labels. dev, test: columns `document`, `summary` (prepared),
    `document_raw`, `summary_raw` (as the source has them) and `id`; whole, whatever their length.
    """

    documents: datasets.Dataset
    texts: datasets.Dataset
    dev_documents: datasets.Dataset
    dev_texts: datasets.Dataset
    dev: datasets.Dataset | None
    test: datasets.Dataset | None
    report: UnpairedReport
    fingerprint: str


def load_unpaired(config: UnpairedDataConfig, text: TextConfig, cache_dir: str | Path) -> UnpairedCorpus:
    """The data that `config` describes, their texts prepared as `text` says, kept in `cache_dir` (see load_corpus).

    Raises UserError, with file and line, for data that cannot be used and for texts that belong to one of the
    documents; nothing is left in `cache_dir` then.
    """
    settings = _settings(config)
    opened = {role: _open(role, source) for role, source in settings.items()}
    fingerprint = cache_key({role: source.fingerprint for role, source in opened.items()})
    names = {role: [part.name for part in source.parts] for role, source in opened.items()}
    same_files = [source.identities for source in opened.values()]
    key = cache_key([fingerprint, names, same_files, _plain(config), dataclasses.asdict(text), CODE])
    corpus = open_or_build(
        Path(cache_dir), key, lambda into: _Build(config, text, opened, fingerprint, into).run(), open_unpaired
    )
    if config.allow_pairs:
        logger.warning("data.allow_pairs is on: texts may belong to the documents, so this is not unsupervised")
    return corpus


def _settings(config: UnpairedDataConfig) -> dict[str, SideConfig | PairsConfig]:
    """The sources that are given, the small ones first: their errors show sooner."""
    pairs = {role: source for role, source in (("dev", config.dev), ("test", config.test)) if source is not None}
    return {**pairs, "texts": config.texts, "documents": config.documents}


def _open(role: str, config: SideConfig | PairsConfig) -> Opened:
    where = f"data.{role}"
    if isinstance(config, PairsConfig):
        columns = {"document_column": config.document_column, "summary_column": config.summary_column}
    else:
        columns = {"column": config.column}
    if config.id_column is not None:
        columns["id_column"] = config.id_column
    return open_files(config, list(columns.values()), where, tuple(columns))


def _plain(config: UnpairedDataConfig) -> dict[str, Any]:
    """The settings, without where the files lie."""
    settings = dataclasses.asdict(config)
    for role in ("documents", "texts", "dev", "test"):
        if settings[role] is not None:
            for name in ("path", "split", "subset", "revision"):
                del settings[role][name]
    return settings


def open_unpaired(folder: Path) -> UnpairedCorpus | str:
    """The corpus in `folder`, or what is wrong with it in a few words."""
    return open_sealed(folder, _read)


def _read(folder: Path, index: dict[str, Any]) -> UnpairedCorpus:
    names = ("documents", "texts", "dev_documents", "dev_texts", "dev", "test")
    found = {name: open_arrow(folder, name, index) for name in names}
    report = UnpairedReport.from_dict(index["report"])
    assert isinstance(report, UnpairedReport)
    return UnpairedCorpus(**found, report=report, fingerprint=index["fingerprint"])  # type: ignore[arg-type]


@dataclass
class _Build:
    """One corpus being made in `folder`, which the caller removes on any error."""

    config: UnpairedDataConfig
    text: TextConfig
    opened: Mapping[str, Opened]
    fingerprint: str
    folder: Path

    def run(self) -> None:
        """Stage every source, find pairs, decide which rows stay, write them, and remove the staged files."""
        from textvae.data.unpaired.pairs import Sides  # these import pyarrow, which `textvae --help` does without

        tally = new_tally()
        staged = {role: self.stage(role, config, tally) for role, config in _settings(self.config).items()}
        pairs = {role: source for role, source in staged.items() if role in ("dev", "test")}
        sides = Sides(staged["documents"], staged["texts"], pairs, self.config.allow_pairs, tally)
        kept = dict(zip(("documents", "texts"), sides.kept(), strict=True))
        summaries: dict[str, checks.SplitSummary] = {}
        for role, mask in kept.items():
            self.write_side(role, staged[role], mask, summaries, tally)
        for role, source in pairs.items():
            self.write_pairs(role, source, summaries)
        for role in staged:
            (self.folder / f"{role}.staged").unlink()
        report = UnpairedReport(summaries, tally.findings())
        seal(self.folder, {"fingerprint": self.fingerprint, "report": report.to_dict()})

    def stage(self, role: str, config: FilesConfig, tally: Tally) -> Staged:
        """Prepare all rows of a source."""
        from textvae.data.unpaired.staging import Stager

        stager, path = Stager(role, config, self.text, tally), self.folder / f"{role}.staged"
        staged = (stager.side if isinstance(config, SideConfig) else stager.pairs)(self.opened[role], path)
        if not len(staged):
            raise UserError(f"{config.path}: no {_left(role, tally)}")
        return staged

    def write_side(
        self,
        role: str,
        staged: Staged,
        kept: np.ndarray,
        summaries: dict[str, checks.SplitSummary],
        tally: Tally,
    ) -> None:
        """Hold dev out from one side and write both."""
        import numpy as np

        from textvae.data.staging import copy_rows
        from textvae.data.unpaired.staging import SIDE

        rows, hashes = np.flatnonzero(kept), staged.numbers("hash")
        fraction = min(self.config.dev_fraction, self.config.dev_max / max(len(rows), 1))
        drawn = checks.draw(hashes[rows], fraction)
        if not len(drawn):
            side = self.config.documents if role == "documents" else self.config.texts
            raise UserError(f"{side.path}: fewer than two different {_left(role, tally)}")
        held = np.zeros(len(kept), dtype=bool)
        held[rows[drawn]] = True
        repeats = kept & ~held & checks.contains(hashes[held], hashes)
        if repeats.any():
            tally.add("held_out_dropped", role, staged.where(int(repeats.argmax())), int(repeats.sum()))
        train = kept & ~held & ~repeats
        columns = checks.Columns(hashes, np.zeros(len(kept), dtype=np.int64), staged.numbers("words"), staged.where)
        checks.count_repeats(role, columns, np.flatnonzero(train), tally)
        for name, mask in ((role, train), (f"dev_{role}", held)):
            copy_rows(staged.table, mask, None, self.folder / f"{name}.arrow", SIDE)
            summaries[name] = staged.summary(mask)

    def write_pairs(self, role: str, staged: Staged, summaries: dict[str, checks.SplitSummary]) -> None:
        """Write all pairs of an evaluation."""
        import numpy as np

        from textvae.data.staging import copy_rows
        from textvae.data.unpaired.staging import PAIRS

        everything = np.ones(len(staged), dtype=bool)
        copy_rows(staged.table, everything, None, self.folder / f"{role}.arrow", PAIRS)
        summaries[f"{role} (documents)"] = staged.summary(everything)
        summaries[f"{role} (summaries)"] = staged.summary(everything, "summary_words")


def _left(role: str, tally: Tally) -> str:
    """What is missing and where it went."""
    noun = "pairs" if role in ("dev", "test") else role
    gone = [f"{f.count} {tally.kinds[f.kind]} (first: {f.first})" for f in tally.findings() if f.split == role]
    return f"{noun} are left{': ' if gone else ''}{'; '.join(gone)}. Give more, or change data.{role}"
