"""Sources with named columns: `jsonl`, `csv` (and tsv), `parquet`."""

from __future__ import annotations

import csv
import functools
import glob
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, Protocol

from textvae.data.cells import (
    ROWS_PER_READ,
    Columns,
    Record,
    check_columns,
    labelled_row,
    table_records,
    wanted_columns,
)
from textvae.data.config import LEFT_OUT, DataConfig
from textvae.data.rows import SPLITS, Part, Row, Source, fingerprint
from textvae.errors import UserError
from textvae.files import display, read_lines, unreadable

Reader = Callable[[Path, Columns, str | None], Iterator[Record]]  # (file, columns, delimiter of csv)


class Located(Protocol):
    """What says where the files of every split lie: a folder or file, and a pattern for each split."""

    path: str
    train: str | None
    dev: str | None
    test: str | None


def jsonl(config: DataConfig) -> Source:
    """One JSON object a line, in *.jsonl, *.ndjson or *.json."""
    return _tables(config, "jsonl")


def separated(config: DataConfig) -> Source:
    """Columns named in the first line, in *.csv or *.tsv."""
    return _tables(config, "csv")


def parquet(config: DataConfig) -> Source:
    """Columns of *.parquet or *.pq; errors and reports count rows from 1."""
    return _tables(config, "parquet")


def find_splits(config: Located, endings: tuple[str, ...]) -> dict[str, list[Path]]:
    """The files of every split, by pattern or by name; UserError where train has none or two splits share one."""
    found = {split: _find(config, split, endings) for split in ("test", "dev", "train")}
    if not found["train"]:
        raise UserError(
            f"{display(config.path)}: no training file (train{endings[0]}) in this folder; name the "
            "files so, or give a pattern with --data.train"
        )
    _check_disjoint(found)
    return found


def _tables(config: DataConfig, kind: str) -> Source:
    found = find_splits(config, ENDINGS[kind])
    splits = {split: [_part(path, split, config, kind) for path in paths] for split, paths in found.items() if paths}
    return Source(splits, fingerprint((split, path) for split, paths in found.items() for path in paths))


def _check_disjoint(found: dict[str, list[Path]]) -> None:
    """A pattern as wide as *.jsonl takes dev and test in as well."""
    seen: dict[Path, str] = {}
    for split, paths in found.items():
        for path in paths:
            if path in seen:
                both = seen[path], split
                raise UserError(f"{display(path)}: is in {both[0]} and in {both[1]}; narrow data.{both[1]}")
            seen[path] = split


def _part(path: Path, split: str, config: DataConfig, kind: str) -> Part[Row]:
    rows = functools.partial(_rows, path, split, config, kind)
    return Part(display(path.name), display(path), rows, by_row=kind == "parquet")


def _rows(path: Path, split: str, config: DataConfig, kind: str) -> Iterator[Row]:
    columns, mark = wanted_columns(config, split), ": row " if kind == "parquet" else ":"
    for record in READERS[kind](path, columns, config.delimiter):
        yield labelled_row(record, columns, f"{display(path)}{mark}{record.line}")


def _find(config: Located, split: str, endings: tuple[str, ...]) -> list[Path]:
    """Files of a split: its pattern's, else train.jsonl or its shards, else `path` itself for train."""
    folder, pattern = Path(config.path), getattr(config, split)
    if pattern == LEFT_OUT:
        return []
    if pattern is not None:
        below = folder.parent if folder.is_file() else folder
        paths = sorted(Path(name) for name in glob.glob(str(below / pattern), recursive=True))
        if not paths:
            raise UserError(f"{display(below / pattern)}: no such file; check data.path and data.{split}")
        return paths
    if folder.is_file():
        return [folder] if split == "train" else []
    try:
        listing = sorted(folder.iterdir())
    except FileNotFoundError as error:
        raise UserError(f"{display(folder)}: no such file or folder; give it with --data.path") from error
    except OSError as error:
        raise unreadable(folder, error) from error
    return _by_name(folder, listing, split, endings)


def _by_name(folder: Path, listing: list[Path], split: str, endings: tuple[str, ...]) -> list[Path]:
    alternatives: dict[str, list[Path]] = {}
    for path in listing:
        name = re.fullmatch(rf"({'|'.join(SPLITS[split])})([-_.]\d+([-_]of[-_]\d+)?)?", path.stem)
        if path.suffix in endings and name:
            kind = "shards of " if name[2] else ""
            alternatives.setdefault(f"{kind}{name[1]}{path.suffix}", []).append(path)
    if len(alternatives) > 1:
        raise UserError(
            f"{display(folder)}: which is {split}: {' or '.join(alternatives)}? Keep one or give data.{split}"
        )
    return next(iter(alternatives.values()), [])


# ---- jsonl


def jsonl_records(path: Path, columns: Columns, delimiter: str | None = None) -> Iterator[Record]:
    """The lines of a jsonl file."""
    for number, line in read_lines(path):
        place = f"{display(path)}:{number}"
        if not line.strip():
            yield Record(number, [])
            continue
        values = _json_object(line, place)
        if any(column not in values for column in columns.names):
            check_columns(columns.names, list(values), place, columns.options)
        yield Record(number, [values[column] for column in columns.names])


def _json_object(line: str, place: str) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{place}: broken JSON ({error}); each line must be one whole JSON object") from error
    if not isinstance(values, dict):
        raise UserError(
            f"{place}: holds a JSON {type(values).__name__}, expected one object a line, "
            'such as {"text": "good food .", "label": "positive"}'
        )
    return values


# ---- csv


def csv_records(path: Path, columns: Columns, delimiter: str | None = None) -> Iterator[Record]:
    """The records of a csv file, by their first line."""
    where = display(path)
    reader = _csv_reader(path, delimiter)
    header: list[str] | None = None
    first = 1  # line on which the record begins: a quoted field may run over several
    while (record := _next_record(reader, f"{where}:{first}")) is not None:
        if header is None:
            header = [name.strip() for name in record]
            check_columns(columns.names, header, f"{where}:{first}", columns.options)
            indices = [header.index(column) for column in columns.names]
        elif not record:
            yield Record(first, [])
        elif len(record) != len(header):
            raise UserError(
                f"{where}:{first}: {len(record)} fields, but the header names {len(header)}; "
                "put text that holds the separator or a line break in double quotes"
            )
        else:
            yield Record(first, [record[index] for index in indices])
        first = reader.line_num + 1


def _csv_reader(path: Path, delimiter: str | None) -> Any:
    """Tabs: without quoting, as the registered media type has it; a lone quote must not swallow lines."""
    delimiter = delimiter or ("\t" if path.suffix == ".tsv" else ",")
    quoting: Literal[0, 3] = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    lines = (line + "\n" for _, line in read_lines(path))
    return csv.reader(lines, delimiter=delimiter, quoting=quoting, strict=True)


def _next_record(reader: Any, place: str) -> list[str] | None:
    try:
        return next(reader, None)
    except csv.Error as error:
        raise UserError(f"{place}: broken csv ({error}); is a double quote left open or not doubled?") from error


# ---- parquet


def parquet_records(path: Path, columns: Columns, delimiter: str | None = None) -> Iterator[Record]:
    """The rows of a parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    where = display(path)
    try:
        with pq.ParquetFile(path) as file:
            check_columns(columns.names, file.schema_arrow.names, where, columns.options)
            yield from table_records(file.iter_batches(ROWS_PER_READ, columns=columns.names), columns)
    except UserError:
        raise
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UserError(f"{where}: no readable parquet file ({_first_line(error)}); write it again") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


READERS: dict[str, Reader] = {"jsonl": jsonl_records, "csv": csv_records, "parquet": parquet_records}
ENDINGS = {"jsonl": (".jsonl", ".ndjson", ".json"), "csv": (".csv", ".tsv"), "parquet": (".parquet", ".pq")}
