"""Unpaired files for tests, in every format."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textvae.data.unpaired.config import FormatName, PairsConfig, SideConfig, UnpairedDataConfig
from textvae.data.unpaired.sources import UnpairedCorpus, load_unpaired
from textvae.text import TextConfig

Rows = list[dict[str, Any]]
ANIMALS = [
    "ant",
    "bee",
    "cat",
    "dog",
    "emu",
    "fox",
    "gnu",
    "hen",
    "ibis",
    "jay",
    "koala",
    "lion",
    "mole",
    "newt",
    "owl",
    "pig",
    "quail",
    "rat",
    "seal",
    "toad",
]
PLANTS = [
    "aster",
    "birch",
    "cedar",
    "daisy",
    "elm",
    "fern",
    "gorse",
    "heath",
    "iris",
    "juniper",
    "kale",
    "lily",
    "maple",
    "nettle",
    "oak",
    "pine",
    "reed",
    "sage",
]

DOCUMENTS: Rows = [
    {"id": i, "body": f"On Monday the {a} met {b} and {c}, near the river.", "title": f"{a} meets {b}"}
    for i, (a, b, c) in enumerate(zip(ANIMALS, ANIMALS[3:], ANIMALS[7:], strict=False))
]
TEXTS: Rows = [
    {"id": 100 + i, "title": f"{p} needs {q}"} for i, (p, q) in enumerate(zip(PLANTS, PLANTS[2:], strict=False))
]
PAIRS: Rows = [
    {"id": 200 + i, "document": f"In June, {p} grew beside {q}.", "summary": f"{p} grew"}
    for i, (p, q) in enumerate(zip(PLANTS[:6], ANIMALS, strict=False))
]


def write_text(path: Path, rows: Rows, column: str) -> None:
    path.write_text("".join(f"{row[column]}\n" for row in rows), encoding="utf-8")


def write_jsonl(path: Path, rows: Rows, column: str = "") -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def write_csv(path: Path, rows: Rows, column: str = "") -> None:
    with open(path, "w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(rows[0]), delimiter="\t" if path.suffix == ".tsv" else ",")
        writer.writeheader()
        writer.writerows(rows)


def write_parquet(path: Path, rows: Rows, column: str = "") -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(rows), path)


def write_hub(path: Path, rows: Rows, column: str = "") -> None:
    import datasets

    datasets.DatasetDict({"train": datasets.Dataset.from_list(rows)}).save_to_disk(str(path))


WRITERS: dict[str, tuple[FormatName, str, Callable[[Path, Rows, str], None]]] = {
    "csv": ("auto", ".csv", write_csv),
    "hub": ("hub", "", write_hub),
    "jsonl": ("auto", ".jsonl", write_jsonl),
    "parquet": ("auto", ".parquet", write_parquet),
    "text": ("auto", ".txt", write_text),
    "tsv": ("auto", ".tsv", write_csv),
}


def settings(folder: Path, **changes: Any) -> UnpairedDataConfig:
    """Documents, texts and dev pairs in jsonl files of `folder`, written there unless they are already."""
    for name, rows in (("documents", DOCUMENTS), ("texts", TEXTS), ("dev", PAIRS)):
        if not (folder / f"{name}.jsonl").exists():
            write_jsonl(folder / f"{name}.jsonl", rows)
    wanted: dict[str, Any] = {
        "documents": SideConfig(path=str(folder / "documents.jsonl"), column="body"),
        "texts": SideConfig(path=str(folder / "texts.jsonl"), column="title"),
        "dev": PairsConfig(path=str(folder / "dev.jsonl")),
        "dev_fraction": 0.1,
    }
    return UnpairedDataConfig(**{**wanted, **changes})


def load(config: UnpairedDataConfig, cache: Path, text: TextConfig | None = None) -> UnpairedCorpus:
    return load_unpaired(config, text or TextConfig(), cache)


def column(dataset: Any, name: str = "text") -> list[str]:
    return list(dataset[name])
