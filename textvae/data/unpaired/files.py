"""The rows of one unpaired source, whatever its format."""

from __future__ import annotations

import functools
import glob
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from textvae.data.cells import Columns, Record
from textvae.data.hub import hash_content, load_splits, records, select
from textvae.data.rows import Part
from textvae.data.tables import ENDINGS, READERS
from textvae.data.unpaired.config import FilesConfig
from textvae.errors import UserError
from textvae.files import display, read_lines, sha256, unreadable


@dataclass(frozen=True)
class Opened:
    """A source, unread so far.

    parts: its files. identities: what tells each file from every other, wherever it lies: its checksum.
    fingerprint: sha256 of the content.
    """

    parts: list[Part[Record]]
    identities: list[str]
    fingerprint: str


def open_files(config: FilesConfig, columns: list[str], role: str, options: tuple[str, ...]) -> Opened:
    """Find the files of `role` ("data.documents" ...) and how to read `columns` of them, named by `options`."""
    wanted = Columns(columns, tuple(f"{role}.{option}" for option in options))
    if config.format == "hub":
        return _hub(config, wanted)
    paths = _find(config, role)
    parts = []
    for path in paths:
        kind = _format(config, path)
        if kind == "text" and len(columns) > 1:
            raise UserError(
                f"{display(path)}: a text file has no columns; leave {wanted.options[1]} out, or give a table"
            )
        read = functools.partial(_read, path, kind, wanted, config, role)
        parts.append(Part(display(path.name), display(path), read, by_row=kind == "parquet"))
    identities = [_checksum(path) for path in paths]
    content = "".join(f"{display(path.name)}\0{found}\n" for path, found in zip(paths, identities, strict=True))
    return Opened(parts, identities, hashlib.sha256(content.encode()).hexdigest())


def _checksum(path: Path) -> str:
    try:
        return sha256(path)
    except OSError as error:
        raise unreadable(path, error) from error


def _find(config: FilesConfig, role: str) -> list[Path]:
    path = Path(config.path)
    if path.is_file():
        return [path]
    if path.is_dir():
        raise UserError(f"{display(path)}: is a folder; name its files with a pattern, as {role}.path: DIR/*.jsonl")
    paths = [Path(name) for name in sorted(glob.glob(config.path, recursive=True)) if Path(name).is_file()]
    if not paths:
        raise UserError(
            f"{display(path)}: no such file; give it with --{role}.path (for a Hugging Face data set also "
            f"--{role}.format hub)"
        )
    return paths


def _format(config: FilesConfig, path: Path) -> str:
    if config.format != "auto":
        return config.format
    return next((kind for kind, endings in ENDINGS.items() if path.suffix in endings), "text")


def _read(path: Path, kind: str, columns: Columns, config: FilesConfig, role: str) -> Iterator[Record]:
    if kind != "text":
        yield from READERS[kind](path, columns, config.delimiter)
        return
    remedy = f"put one text on a line or raise {role}.max_line_chars"
    for number, line in read_lines(path, config.max_line_chars, remedy):
        yield Record(number, [line])


def _hub(config: FilesConfig, columns: Columns) -> Opened:
    where = f"{config.path}[{config.split}]"
    loaded = load_splits(config.path, config.subset, config.revision)
    if config.split not in loaded:
        raise UserError(f"{config.path}: no split {config.split!r}, only {', '.join(loaded)}; choose with `split`")
    selected = select(loaded[config.split], columns, where)
    digest = hashlib.sha256()
    hash_content(selected, digest)
    part = Part(config.split, where, functools.partial(records, selected, columns, where), by_row=True)
    identity = "\0".join((config.path, config.subset or "", config.revision or "", config.split))
    return Opened([part], [identity], digest.hexdigest())
