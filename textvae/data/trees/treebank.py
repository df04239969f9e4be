"""Source `trees`: bracketed trees, one a line (train.txt, dev.txt, test.txt in a folder, or one file)."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

from textvae.data.config import DataConfig
from textvae.data.rows import Part, Row, Source, fingerprint
from textvae.data.tables import find_splits
from textvae.data.text_lines import ONLY_LABEL
from textvae.data.trees.brackets import Tree, parse_tree
from textvae.errors import UserError
from textvae.files import LONGEST_LINE, display, read_lines

ENDINGS = (".txt", ".trees", ".mrg")


def treebank(config: DataConfig) -> Source:
    """Find the files of every split. A row's text is the words of a tree, its one reference the tree as it stands.

    What learns from the sentences never reads the references: they are there to be compared with.
    """
    found = find_splits(config, ENDINGS)
    splits = {
        split: [Part(display(path.name), display(path), functools.partial(_rows, path)) for path in paths]
        for split, paths in found.items()
        if paths
    }
    return Source(splits, fingerprint((split, path) for split, paths in found.items() for path in paths))


def read_treebank(path: Path) -> Iterator[tuple[int, str, Tree]]:
    """(line, the line itself, its tree); empty lines are left out. UserError with the line for what is no tree."""
    for number, line in read_lines(path, LONGEST_LINE, "put one tree on a line"):
        if not line.strip():
            continue
        try:
            yield number, line, parse_tree(line)
        except ValueError as error:
            raise UserError(f"{display(path)}:{number}: {error}") from error


def _rows(path: Path) -> Iterator[Row]:
    for number, line, tree in read_treebank(path):
        yield Row(" ".join(tree.words), (ONLY_LABEL,), [line.strip()], number)
