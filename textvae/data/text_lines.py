"""Source `lines`: plain text, one sentence a line, without labels (train.txt, dev.txt, test.txt, or one file)."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

from textvae.data.config import DataConfig
from textvae.data.rows import ONE_SENTENCE, Part, Row, Source, fingerprint
from textvae.data.tables import find_splits
from textvae.files import display, read_lines

ENDINGS = (".txt",)
ONLY_LABEL = "text"
"""The one label that unlabelled sentences have."""


def text_lines(config: DataConfig) -> Source:
    """Find the files of every split; nothing but their checksums is read yet."""
    found = find_splits(config, ENDINGS)
    splits = {split: [_part(path, config) for path in paths] for split, paths in found.items() if paths}
    return Source(splits, fingerprint((split, path) for split, paths in found.items() for path in paths))


def _part(path: Path, config: DataConfig) -> Part[Row]:
    return Part(display(path.name), display(path), functools.partial(_rows, path, config.max_line_chars))


def _rows(path: Path, max_chars: int) -> Iterator[Row]:
    for number, line in read_lines(path, max_chars, ONE_SENTENCE):
        yield Row(line, (ONLY_LABEL,), [], number)
