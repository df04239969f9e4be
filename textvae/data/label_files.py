"""Source `files`: NAME.SPLIT.LABEL, one sentence a line, and reference.LABEL beside them (Yelp's format).

References: line i of `reference.LABEL` rewrites line i of `NAME.test.LABEL`; further rewritings of the same
sentences stand in `reference.LABEL.0`, `reference.LABEL.1` and so on, with or without a bare
`reference.LABEL`. A line "sentence TAB rewriting", as Li et al. (2018) publish them, counts as the
rewriting alone.

Groups (`data.group_column` NAME): line i of `NAME.LABEL` names the group of line i of the training file, or is empty.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path

from textvae.data.config import LEFT_OUT, DataConfig
from textvae.data.rows import ONE_SENTENCE, SPLITS, Part, Row, Source, fingerprint
from textvae.errors import UserError
from textvae.files import display, read_lines, unreadable

References = dict[str, list[Path]]


def label_files(config: DataConfig) -> Source:
    """Find the files of every split and label; nothing but their checksums is read yet."""
    folder = Path(config.path)
    found = _find_splits(folder, _listing(folder, config), config)
    references, unused = _find_references(folder, list(found.get("test", {})))
    groups = _find_groups(folder, found["train"], config)
    splits = {
        split: [
            _part(path, label, references.get(label, []) if split == "test" else [], config)
            for label, path in labels.items()
        ]
        for split, labels in found.items()
        if split != "train"
    }
    splits["train"] = [_part(path, label, [], config, groups.get(label)) for label, path in found["train"].items()]
    files = [(split, path) for split, labels in found.items() for path in labels.values()]
    files += [("reference", path) for paths in references.values() for path in paths]
    files += [("group", path) for path in groups.values()]
    return Source(splits, fingerprint(files), unused)


def _listing(folder: Path, config: DataConfig) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(f"{display(folder)}: no such folder. {_remedy(config)}") from error
    except OSError as error:
        raise unreadable(folder, error) from error


def _remedy(config: DataConfig) -> str:
    own = "give your own folder with --data.path DIR (files NAME.SPLIT.LABEL, --data.name NAME)"
    if config.name == "sentiment":
        return f"Fetch the Yelp sentences with `textvae data download yelp`, or {own}."
    return f"Check the path, or {own}."


def _find_splits(folder: Path, listing: list[str], config: DataConfig) -> dict[str, dict[str, Path]]:
    """{split: {label: path}}, test and dev before train, every split with the same labels."""
    found: dict[str, dict[str, Path]] = {}
    for split in ("test", "dev", "train"):
        if getattr(config, split) == LEFT_OUT:
            continue
        if labels := _find_split(folder, listing, config.name, SPLITS[split]):
            found[split] = labels
    if "train" not in found:
        names = sorted({display(name.split(".train.")[0]) for name in listing if ".train." in name})
        hint = f"There is {', '.join(names[:5])}: choose with --data.name NAME." if names else _remedy(config)
        raise UserError(f"{display(folder)}: no file {config.name}.train.LABEL. {hint}")
    _same_labels(folder, found, config)
    return found


def _find_split(folder: Path, listing: list[str], name: str, spellings: tuple[str, ...]) -> dict[str, Path]:
    """{label: path} of NAME.SPLIT.LABEL for the one spelling of SPLIT that is there."""
    found = {spelling: _with_prefix(folder, listing, f"{name}.{spelling}.") for spelling in spellings}
    present = [spelling for spelling, labels in found.items() if labels]
    if len(present) > 1:
        both = f"{name}.{present[0]}.* and {name}.{present[1]}.*"
        raise UserError(f"{display(folder)}: both {both} are there; keep one of them")
    return found[present[0]] if present else {}


def _with_prefix(folder: Path, listing: list[str], prefix: str) -> dict[str, Path]:
    return {name.removeprefix(prefix): folder / name for name in listing if name.startswith(prefix) and name != prefix}


def _same_labels(folder: Path, found: dict[str, dict[str, Path]], config: DataConfig) -> None:
    """A label that lacks a file is told before hours of reading; labels mapped to one name may lack some."""
    if config.labels is not None:
        return
    if len(found["train"]) < 2:
        only = display(next(iter(found["train"].values())))
        raise UserError(f"{only}: is the only label of train; a style needs another to differ from")
    for split, labels in found.items():
        for other in ("train", *found):
            missing = sorted(set(found[other]) - set(labels))
            if missing:
                label, there = display(missing[0]), ", ".join(map(display, labels))
                raise UserError(
                    f"{display(folder)}: {config.name}.{other}.{label} is there, but {split} has no file of "
                    f"label {label!r} (only {there}); every split needs every label"
                )


def _find_references(folder: Path, labels: list[str]) -> tuple[References, list[str]]:
    """reference.LABEL and reference.LABEL.K of the labels of test; also the names nobody claims."""
    names = [name for name in sorted(os.listdir(folder)) if name.startswith("reference.")]
    claimed: dict[str, list[tuple[int, str]]] = {}
    for name in list(names):
        suffix = name.removeprefix("reference.")
        stem, _, number = suffix.rpartition(".")
        if suffix in labels:
            claimed.setdefault(suffix, []).append((-1, name))
        elif stem in labels and number.isdecimal() and number.isascii():
            claimed.setdefault(stem, []).append((int(number), name))
        else:
            continue
        names.remove(name)
    found = {label: [folder / name for _, name in sorted(numbered)] for label, numbered in claimed.items()}
    return found, [display(name) for name in names]


def _find_groups(folder: Path, train: dict[str, Path], config: DataConfig) -> dict[str, Path]:
    """GROUP_COLUMN.LABEL of every label of train; UserError where one is missing."""
    if config.group_column is None:
        return {}
    found = {label: folder / f"{config.group_column}.{label}" for label in train}
    for label, path in found.items():
        if not path.is_file():
            raise UserError(
                f"{display(path)}: no such file, but data.group_column asks for the groups of {display(train[label])}; "
                "write one a line (an empty line for a sentence without a group), or leave data.group_column out"
            )
    return found


def _part(path: Path, label: str, references: list[Path], config: DataConfig, groups: Path | None = None) -> Part[Row]:
    rows = functools.partial(_rows, path, label, references, config.max_line_chars)
    if groups is not None:
        rows = functools.partial(_grouped_rows, path, label, groups, config.max_line_chars)
    return Part(display(path.name), display(path), rows)


def _grouped_rows(path: Path, label: str, groups: Path, max_chars: int) -> Iterator[Row]:
    names = [name.strip() for _, name in read_lines(groups, max_chars)]
    sentences = _last_line(path, max_chars)
    if not sentences <= len(names) or any(names[sentences:]):
        raise UserError(
            f"{display(groups)}: {len(names)} lines, but {display(path)} has {sentences}; line i must name the "
            "group of line i there (or be empty)"
        )
    for (number, line), name in zip(read_lines(path, max_chars, ONE_SENTENCE), names, strict=False):
        yield Row(line, (label,), [], number, name)


def _rows(path: Path, label: str, references: list[Path], max_chars: int) -> Iterator[Row]:
    if not references:
        for number, line in read_lines(path, max_chars, ONE_SENTENCE):
            yield Row(line, (label,), [], number)
        return
    _same_length(path, references, max_chars)
    readers = [read_lines(reference, max_chars, ONE_SENTENCE) for reference in references]
    for (number, line), *rewritings in zip(read_lines(path, max_chars, ONE_SENTENCE), *readers, strict=False):
        yield Row(line, (label,), [_without_source(line, rewriting) for _, rewriting in rewritings], number)


def _without_source(line: str, reference: str) -> str:
    source, tab, rewriting = reference.partition("\t")
    return rewriting if tab and source.strip() == line.strip() else reference


def _last_line(path: Path, max_chars: int) -> int:
    """Lines up to the last that is not blank; blank lines within count, they keep the alignment."""
    return max((n for n, line in read_lines(path, max_chars, ONE_SENTENCE) if line.strip()), default=0)


def _same_length(path: Path, references: list[Path], max_chars: int) -> None:
    lengths = {p: _last_line(p, max_chars) for p in (path, *references)}
    for reference in references:
        if lengths[reference] != lengths[path]:
            raise UserError(
                f"{display(reference)}: {lengths[reference]} lines, but {display(path)} has {lengths[path]}; "
                "line i of a reference file must rewrite line i of the test file (or be empty)"
            )
