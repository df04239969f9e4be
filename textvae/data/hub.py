"""Source `hub`: a data set that the `datasets` library knows by id, or a local folder of one."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from textvae.data.rows import SPLITS, Part, Row, Source
from textvae.errors import UserError

if TYPE_CHECKING:
    import datasets


def hub(config: DataConfig) -> Source:
    """Load (download once, into the cache of `datasets`) and choose the splits."""
    loaded = load_splits(config.path, config.subset, config.revision)
    splits: dict[str, list[Part[Row]]] = {}
    digest = hashlib.sha256()
    for split in ("test", "dev", "train"):
        name = _choose(split, list(loaded), config)
        if name is None:
            continue
        where = f"{config.path}[{name}]"
        columns = wanted_columns(config, split)
        selected = select(loaded[name], columns, where)
        digest.update(f"{split}\0{name}\0".encode())
        hash_content(selected, digest)
        splits[split] = [Part(name, where, functools.partial(_rows, selected, columns, where, config), True)]
    if "train" not in splits:
        raise UserError(f"{config.path}: no split `train`, only {', '.join(loaded)}; choose with --data.train")
    return Source(splits, digest.hexdigest())


def select(data: datasets.Dataset, columns: Columns, where: str) -> datasets.Dataset:
    """The wanted columns, as Arrow tables."""
    check_columns(columns.names, data.column_names, where, columns.options)
    return data.select_columns(columns.names).with_format("arrow")


def load_splits(path: str, subset: str | None, revision: str | None) -> dict[str, datasets.Dataset]:
    """{split: data}. Whatever goes wrong in there (no network, no such id, broken files) is one error."""
    import datasets

    try:
        if any((Path(path) / name).is_file() for name in ("dataset_dict.json", "state.json")):
            loaded = datasets.load_from_disk(path)
        else:
            loaded = datasets.load_dataset(path, subset, revision=revision)
    except Exception as error:  # the library raises some thirty types, those of its file systems included
        cause = error.__cause__ or error  # "an error occurred" stands before the reason
        reason = (str(cause).splitlines() or [""])[0]
        raise UserError(
            f"{path}: the data set cannot be loaded ({type(cause).__name__}: {reason}); check "
            "data.path, data.subset and data.revision, the network, and HF_TOKEN if the data set is private"
        ) from error
    return {"train": loaded} if isinstance(loaded, datasets.Dataset) else dict(loaded)


def _choose(split: str, present: list[str], config: DataConfig) -> str | None:
    wanted = getattr(config, split)
    if wanted == LEFT_OUT:
        return None
    names = [wanted] if wanted is not None else [name for name in SPLITS[split] if name in present]
    if wanted is not None and wanted not in present:
        raise UserError(f"{config.path}: no split {wanted!r} (data.{split}), only {', '.join(present)}")
    if len(names) > 1:
        raise UserError(f"{config.path}: which is {split}: {' or '.join(names)}? Give --data.{split}")
    return names[0] if names else None


def hash_content(data: datasets.Dataset, digest: Any) -> None:
    """Feed the columns into `digest` as Arrow messages: by content, wherever `datasets` keeps its files."""
    import pyarrow as pa

    for table in data.iter(ROWS_PER_READ):
        sink = pa.BufferOutputStream()
        plain = table.combine_chunks().replace_schema_metadata(None)
        with pa.ipc.new_stream(sink, plain.schema) as writer:
            writer.write_table(plain)
        digest.update(sink.getvalue())


def _rows(data: datasets.Dataset, columns: Columns, where: str, config: DataConfig) -> Iterator[Row]:
    names: dict[str, list[str] | None] = {}
    for attribute, column in zip(config.attributes, columns.names[1:], strict=False):
        found, wanted = (
            getattr(data.features[column], "names", None),
            config.label_mapping(attribute),
        )  # of a ClassLabel
        # data.labels may speak of the numbers
        names[column] = found if wanted is None or set(wanted) <= set(found or ()) else None
    for record in records(data, columns, where):
        yield labelled_row(record, columns, f"{where}: row {record.line}", names)


def records(data: datasets.Dataset, columns: Columns, where: str) -> Iterator[Record]:
    """The rows of what `select` gave."""
    try:
        yield from table_records(data.iter(ROWS_PER_READ), columns)
    except (UnicodeDecodeError, OSError) as error:
        raise UserError(f"{where}: cannot be read ({error}); load the data set anew") from error
