"""Source `hub`: a data set that the `datasets` library knows by id, or a local folder of one."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textvae.data.cells import ROWS_PER_READ, check_columns, table_rows, wanted_columns
from textvae.data.config import LEFT_OUT, DataConfig
from textvae.data.rows import SPLITS, Part, Row, Source
from textvae.errors import UserError

if TYPE_CHECKING:
    import datasets


def hub(config: DataConfig) -> Source:
    """Load (download once, into the cache of `datasets`) and choose the splits."""
    loaded = _load(config)
    splits: dict[str, list[Part]] = {}
    digest = hashlib.sha256()
    for split in ("test", "dev", "train"):
        name = _choose(split, list(loaded), config)
        if name is None:
            continue
        where = f"{config.path}[{name}]"
        columns = wanted_columns(config, split)
        check_columns(columns, loaded[name].column_names, where)
        selected = loaded[name].select_columns(columns).with_format("arrow")
        digest.update(f"{split}\0{name}\0".encode())
        _hash_content(selected, digest)
        splits[split] = [Part(name, where, functools.partial(_rows, selected, columns, where, config), True)]
    if "train" not in splits:
        raise UserError(f"{config.path}: no split `train`, only {', '.join(loaded)}; choose with --data.train")
    return Source(splits, digest.hexdigest())


def _load(config: DataConfig) -> dict[str, datasets.Dataset]:
    """{split: data}. Whatever goes wrong in there (no network, no such id, broken files) is one error."""
    import datasets

    try:
        if any((Path(config.path) / name).is_file() for name in ("dataset_dict.json", "state.json")):
            loaded = datasets.load_from_disk(config.path)
        else:
            loaded = datasets.load_dataset(config.path, config.subset, revision=config.revision)
    except Exception as error:  # the library raises some thirty types, those of its file systems included
        cause = error.__cause__ or error  # "an error occurred" stands before the reason
        reason = (str(cause).splitlines() or [""])[0]
        raise UserError(
            f"{config.path}: the data set cannot be loaded ({type(cause).__name__}: {reason}); check "
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


def _hash_content(data: datasets.Dataset, digest: Any) -> None:
    """Feed the columns into `digest` as Arrow messages: by content, wherever `datasets` keeps its files."""
    import pyarrow as pa

    for table in data.iter(ROWS_PER_READ):
        sink = pa.BufferOutputStream()
        plain = table.combine_chunks().replace_schema_metadata(None)
        with pa.ipc.new_stream(sink, plain.schema) as writer:
            writer.write_table(plain)
        digest.update(sink.getvalue())


def _rows(data: datasets.Dataset, columns: list[str], where: str, config: DataConfig) -> Iterator[Row]:
    names = getattr(data.features[columns[1]], "names", None)  # of a ClassLabel
    if names is not None and config.labels is not None and not set(config.labels) <= set(names):
        names = None  # data.labels speaks of the numbers
    try:
        yield from table_rows(data.iter(ROWS_PER_READ), columns, where, names)
    except (UnicodeDecodeError, OSError) as error:
        raise UserError(f"{where}: cannot be read ({error}); load the data set anew") from error
