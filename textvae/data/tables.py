"""Sources with named columns: `jsonl`, `csv` (and tsv), `parquet`; and the cells all of them share with
`hub`."""

from __future__ import annotations

import csv
import functools
import glob
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from textvae.data.cells import (
    ROWS_PER_READ,
    check_columns,
    label_cell,
    references_cell,
    table_rows,
    text_cell,
    wanted_columns,
)
from textvae.data.config import LEFT_OUT, DataConfig
from textvae.data.rows import (
    RECORD_CHARS,
    SPLITS,
    Part,
    Row,
    Source,
    display,
    fingerprint,
    read_lines,
    unreadable,
)
from textvae.errors import UserError

Reader = Callable[[Path, str, DataConfig], Iterator[Row]]  # (file, split, config)


def jsonl(config: DataConfig) -> Source:
    """One JSON object a line, in *.jsonl, *.ndjson or *.json."""
    return _tables(config, (".jsonl", ".ndjson", ".json"), _jsonl_rows)


def separated(config: DataConfig) -> Source:
    """Columns named in the first line, in *.csv or *.tsv."""
    return _tables(config, (".csv", ".tsv"), _csv_rows)


def parquet(config: DataConfig) -> Source:
    """Columns of *.parquet or *.pq; errors and reports count rows from 1."""
    return _tables(config, (".parquet", ".pq"), _parquet_rows)


def _tables(config: DataConfig, endings: tuple[str, ...], reader: Reader) -> Source:
    found = {split: _find(config, split, endings) for split in ("test", "dev", "train")}
    if not found["train"]:
        raise UserError(
            f"{display(config.path)}: no training file (train{endings[0]}) in this folder; name the "
            "files so, or give a pattern with --data.train"
        )
    _check_disjoint(found)
    splits = {split: [_part(path, split, config, reader) for path in paths] for split, paths in found.items() if paths}
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


def _part(path: Path, split: str, config: DataConfig, reader: Reader) -> Part:
    rows = functools.partial(reader, path, split, config)
    return Part(display(path.name), display(path), rows, by_row=reader is _parquet_rows)


def _find(config: DataConfig, split: str, endings: tuple[str, ...]) -> list[Path]:
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


def _jsonl_rows(path: Path, split: str, config: DataConfig) -> Iterator[Row]:
    columns = wanted_columns(config, split)
    for number, line in read_lines(path, RECORD_CHARS):
        place = f"{display(path)}:{number}"
        if not line.strip():
            yield Row("", "", [], number)
            continue
        values = _json_object(line, place)
        if any(column not in values for column in columns):
            check_columns(columns, list(values), place)
        yield Row(
            text_cell(values[columns[0]], columns[0], place),
            label_cell(values[columns[1]], columns[1], place),
            references_cell(values[columns[2]], columns[2], place) if len(columns) > 2 else [],
            number,
        )


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


def _csv_rows(path: Path, split: str, config: DataConfig) -> Iterator[Row]:
    where, columns = display(path), wanted_columns(config, split)
    reader = _csv_reader(path, config)
    header: list[str] | None = None
    first = 1  # line on which the record begins: a quoted field may run over several
    while (record := _next_record(reader, f"{where}:{first}")) is not None:
        if header is None:
            header = [name.strip() for name in record]
            check_columns(columns, header, f"{where}:{first}")
            indices = [header.index(column) for column in columns]
        elif not record:
            yield Row("", "", [], first)
        elif len(record) != len(header):
            raise UserError(
                f"{where}:{first}: {len(record)} fields, but the header names {len(header)}; "
                "put text that holds the separator or a line break in double quotes"
            )
        else:
            text, label, *references = (record[index] for index in indices)
            yield Row(text, label.strip(), references, first)
        first = reader.line_num + 1


def _csv_reader(path: Path, config: DataConfig) -> Any:
    """Tabs: without quoting, as the registered media type has it; a lone quote must not swallow lines."""
    delimiter = config.delimiter or ("\t" if path.suffix == ".tsv" else ",")
    quoting: Literal[0, 3] = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    lines = (line + "\n" for _, line in read_lines(path, RECORD_CHARS))
    return csv.reader(lines, delimiter=delimiter, quoting=quoting, strict=True)


def _next_record(reader: Any, place: str) -> list[str] | None:
    try:
        return next(reader, None)
    except csv.Error as error:
        raise UserError(f"{place}: broken csv ({error}); is a double quote left open or not doubled?") from error


# ---- parquet


def _parquet_rows(path: Path, split: str, config: DataConfig) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    where, columns = display(path), wanted_columns(config, split)
    try:
        with pq.ParquetFile(path) as file:
            check_columns(columns, file.schema_arrow.names, where)
            yield from table_rows(file.iter_batches(ROWS_PER_READ, columns=columns), columns, where)
    except UserError:
        raise
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UserError(f"{where}: no readable parquet file ({_first_line(error)}); write it again") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
