"""A corpus on disk: built whole in a temporary folder, renamed into the cache, checked whenever it is
opened."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import logging
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from textvae.data.attributes import Attributes
from textvae.data.checks import DataReport
from textvae.errors import UserError
from textvae.files import display, sha256, write_json

if TYPE_CHECKING:
    import datasets

logger = logging.getLogger(__name__)

INDEX = "corpus.json"
T = TypeVar("T")


@dataclass(frozen=True)
class Corpus:
    """Labelled sentences, memory-mapped.

    Columns of each split: `text` (prepared: words with one space between), `raw` (as the source has it),
    `label` (int64, index into the labels; with several attributes a list of one for each) and `references` (list of raw
    texts; only test has any, and it may be empty). With `data.group_column` also `group` (int64, 0 for none).
    """

    train: datasets.Dataset
    dev: datasets.Dataset
    test: datasets.Dataset | None
    attributes: Attributes
    report: DataReport
    fingerprint: str
    key: str = ""
    """Stands for the sources and for all that decided which rows and labels were made of them."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of all labels (`Attributes.label_names`)."""
        return self.attributes.label_names


def write_index(folder: Path, attributes: Attributes, report: DataReport, fingerprint: str) -> None:
    """Complete a corpus folder: labels, report and the checksums of its Arrow files."""
    labels = list(attributes.by_name().items())  # as a list: their order counts
    seal(folder, {"attributes": labels, "fingerprint": fingerprint, "report": report.to_dict()})


def open_corpus(folder: Path, report: type[DataReport] = DataReport) -> Corpus | str:
    """The corpus in `folder`, or what is wrong with it in a few words; `report`: the class of its report."""
    return open_sealed(folder, lambda found, index: _read_corpus(found, index, report))


def _read_corpus(folder: Path, index: dict[str, Any], report: type[DataReport]) -> Corpus:
    splits = {split: open_arrow(folder, split, index) for split in ("train", "dev", "test")}
    if splits["train"] is None or splits["dev"] is None:
        raise FileNotFoundError(errno.ENOENT, "no such split", "a split")  # told as: a split is missing
    return Corpus(
        splits["train"],
        splits["dev"],
        splits["test"],
        Attributes.of(dict(index["attributes"])),
        report.from_dict(index["report"]),
        index["fingerprint"],
        folder.name,
    )


def seal(folder: Path, content: dict[str, Any]) -> None:
    """Complete a folder of Arrow files: write `content` and their checksums as its index."""
    files = {path.name: sha256(path) for path in sorted(folder.glob("*.arrow"))}
    write_json(folder / INDEX, {**content, "files": files})


def open_sealed(folder: Path, read: Callable[[Path, dict[str, Any]], T]) -> T | str:
    """What `read(folder, index)` makes of a sealed folder, or what is wrong with it in a few words.

    Every byte is checked against the index (0.15 s for a million sentences): a torn write
    or a bad disk must not become a quietly different training set.
    """
    try:
        index = json.loads((folder / INDEX).read_text("utf-8"))
        for name, checksum in index["files"].items():
            if sha256(folder / name) != checksum:
                return f"{name} is damaged"
        return read(folder, index)
    except FileNotFoundError as error:
        return f"{Path(error.filename).name} is missing"
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return f"{INDEX} is damaged ({type(error).__name__})"


def open_arrow(folder: Path, split: str, index: dict[str, Any]) -> datasets.Dataset | None:
    """A split of a sealed folder, memory-mapped; None where it has none."""
    import datasets

    name = f"{split}.arrow"
    return datasets.Dataset.from_file(str(folder / name), split=split) if name in index["files"] else None


def cache_key(value: Any) -> str:
    """16 hexadecimal digits that stand for a JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def code_checksum(*folders: str, package: Path = Path(__file__).parents[1]) -> str:
    """Checksum of the code that may decide what a cached corpus holds: `files.py`, `text.py`, and every module of
    `data/` and of further folders of the package.

    A change there voids old caches. To be taken on import: a file changed later is not the code that runs.
    """
    modules = [path for folder in ("data", *folders) for path in sorted((package / folder).glob("*.py"))]
    paths = [package / "files.py", package / "text.py", *modules]
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def open_or_build(cache_dir: Path, key: str, build: Callable[[Path], None], reopen: Callable[[Path], T | str]) -> T:
    """Open the cached corpus `key`; if it is not there, or damaged, let `build(folder)` write it first.

    `reopen(folder)` gives the corpus, or says what is wrong with it.

    Several processes may do this at once: each builds its own folder, the first rename wins. Whatever
    interrupts a build leaves nothing behind, except SIGKILL, whose remains the next build of the same key
    removes.
    """
    folder = cache_dir / f"corpus-{key}"
    if folder.is_dir():
        corpus = reopen(folder)
        if not isinstance(corpus, str):
            return corpus
        logger.warning("%s: %s; building it again", display(folder), corpus)
    with _writing(cache_dir):
        cache_dir.mkdir(parents=True, exist_ok=True)
        _remove_remains(cache_dir, key)
        with _temporary_folder(cache_dir, f".corpus-{key}.") as temporary:
            build(temporary)
            _publish(temporary, folder, reopen)
    corpus = reopen(folder)
    if isinstance(corpus, str):
        raise UserError(f"{display(folder)}: {corpus} right after it was written; check the disk")
    return corpus


@contextlib.contextmanager
def _writing(cache_dir: Path) -> Iterator[None]:
    """Tell a full disk or a folder that cannot be written as the user's to mend."""
    try:
        yield
    except OSError as error:
        place = display(cache_dir)
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise UserError(
                f"{place}: no space left for the prepared data (about five times the size of the sources); "
                "free some or choose another folder for the cache. Nothing was left behind"
            ) from error
        raise UserError(f"{place}: the prepared data cannot be written ({error.strerror or error})") from error


@contextlib.contextmanager
def _temporary_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A new folder, locked while this process lives, gone afterwards unless it was renamed."""
    while True:
        folder = parent / f"{prefix}{secrets.token_hex(4)}.tmp"
        folder.mkdir()
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY)
            with contextlib.suppress(OSError):  # a file system without locks: remains of SIGKILL stay there
                fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.is_dir():
                break
            os.close(lock)  # another build took it for remains before it was locked
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _remove_remains(cache_dir: Path, key: str) -> None:
    """Remove temporary folders of builds that were killed: those whose lock nobody holds."""
    for folder in cache_dir.glob(f".corpus-{key}.*.tmp*"):
        with contextlib.suppress(OSError):
            lock = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                logger.warning("%s: removing the remains of an interrupted build", display(folder))
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def _publish(temporary: Path, folder: Path, reopen: Callable[[Path], Any]) -> None:
    """Rename the finished folder into place; a damaged one there gives way, a good one stays."""
    aside = temporary.with_name(temporary.name + ".old")
    for _ in range(10):  # again only if another process publishes or clears away at the same moment
        try:
            os.rename(temporary, folder)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
        if folder.is_dir() and not isinstance(reopen(folder), str):
            return  # another process was faster
        with contextlib.suppress(FileNotFoundError):
            os.rename(folder, aside)
            _remove(aside)
    raise UserError(f"{display(folder)}: other processes keep changing it; load the data from one at a time")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink()
