"""A list of files divided over processes: each takes contiguous blocks of lines, by bytes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

BLOCK = 1 << 20


@dataclass(frozen=True)
class Span:
    """Bytes [start, stop) of a file: whole lines. line, first: lines before it in this file, in all files."""

    path: Path
    start: int
    stop: int
    line: int
    first: int


def share(paths: Sequence[Path], rank: int, world: int) -> list[Span]:
    """The part of the concatenated files that process `rank` of `world` handles.

    Shares have equal numbers of bytes, up to a line. In the order of ranks they are the files, line by line.
    """
    sizes = [os.path.getsize(path) for path in paths]
    total = sum(sizes)
    low, high = total * rank // world, total * (rank + 1) // world
    spans, offset, first = [], 0, 0
    for path, size in zip(paths, sizes, strict=True):
        if offset >= high:
            break
        start, stop = (line_start(path, min(max(edge - offset, 0), size), size) for edge in (low, high))
        before = count_lines(path, 0, start)
        if start < stop:
            spans.append(Span(path, start, stop, before, first + before))
        if offset + size < high:
            first += before + count_lines(path, start, size)
        offset += size
    return spans


def line_start(path: Path, position: int, size: int) -> int:
    """The first byte of the first line that begins at or after `position`; `size` if there is none."""
    if position == 0:
        return 0
    with open(path, "rb") as handle:
        handle.seek(position - 1)
        position -= 1
        while block := handle.read(BLOCK):
            if (end := block.find(b"\n")) >= 0:
                return position + end + 1
            position += len(block)
    return size


def count_lines(path: Path, start: int, stop: int) -> int:
    """Lines in bytes [start, stop), a last one without a line feed included."""
    count, last, left = 0, b"\n", stop - start
    with open(path, "rb") as handle:
        handle.seek(start)
        while left > 0 and (block := handle.read(min(BLOCK, left))):
            count += block.count(b"\n")
            last, left = block[-1:], left - len(block)
    return count + (last != b"\n")
