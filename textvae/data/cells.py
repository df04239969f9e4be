"""Columns and cells, as every source with named columns has them: which are read, and what they may hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from textvae.data.config import DataConfig
from textvae.data.rows import Row
from textvae.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_PER_READ = 5_000
OPTIONS = ("data.text_column", "data.label_column", "data.label_columns", "data.reference_column", "data.group_column")


class Record(NamedTuple):
    """The cells of the wanted columns of one row; none for a blank line. line: from 1, the row's number in a table."""

    line: int
    cells: list[Any]


class Columns(NamedTuple):
    """Columns to read, and the options that name them.

    labels: how many of them are labels, after the text; grouped: whether the last tells the group, not references.
    """

    names: list[str]
    options: tuple[str, ...] = OPTIONS
    labels: int = 1
    grouped: bool = False


def check_columns(
    wanted: Iterable[str | None], present: list[str], where: str, options: Iterable[str] = OPTIONS
) -> None:
    """Raise UserError if a wanted column is missing or ambiguous, naming those there are."""
    for column in wanted:
        if column is not None and present.count(column) != 1:
            problem = "no column" if column not in present else "more than one column"
            columns = ", ".join(repr(name) for name in present[:20]) or "none"
            raise UserError(
                f"{where}: {problem} {column!r}; the columns are {columns}. Choose with "
                + ", ".join(f"--{option}" for option in options)
            )


def wanted_columns(config: DataConfig, split: str) -> Columns:
    """Columns to read for a split, the text first and then the labels."""
    labels = list(config.label_columns.values()) if config.label_columns else [config.label_column]
    columns = [config.text_column, *labels]
    if split == "test" and config.reference_column is not None:
        columns.append(config.reference_column)  # of test only: training must not see them
    grouped = split == "train" and config.group_column is not None
    if grouped:
        columns.append(str(config.group_column))
    return Columns(columns, labels=len(labels), grouped=grouped)


def text_cell(value: Any, column: str, place: str) -> str:
    """The sentence; null counts as empty."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _wrong_type(value, column, place, "text")
    return value


def label_cell(value: Any, column: str, place: str, names: list[str] | None = None) -> str:
    """The label as text: 1, 1.0 and "1" are one label, true is "true"; with `names` it is an index into
    them."""
    if names is not None and isinstance(value, int):
        if not 0 <= value < len(names):
            raise UserError(
                f"{place}: column {column!r} holds {value}, which is no label (a hidden one?); "
                "leave the split out, as with --data.test none"
            )
        return names[value]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, str | int):
        raise _wrong_type(value, column, place, "a label (text, whole number, true or false)")
    return str(value).strip()


def id_cell(value: Any, column: str, place: str) -> str:
    """An id as text; null is none."""
    if value is None:
        return ""
    if not isinstance(value, str | int):
        raise _wrong_type(value, column, place, "an id (text or whole number)")
    return str(value).strip()


def paragraphs_cell(value: Any, column: str, place: str, all_of_them: bool) -> str:
    """A text; of a list of texts the first that is not blank, or all of them joined."""
    texts = [text_cell(item, column, place) for item in (value if isinstance(value, list) else [value])]
    filled = [text for text in texts if text.strip()]
    return " ".join(filled) if all_of_them else next(iter(filled), "")


def references_cell(value: Any, column: str, place: str) -> list[str]:
    """The rewritings: a text is one, null none."""
    values = value if isinstance(value, list) else [value]
    return [text_cell(item, column, place) for item in values]


def _wrong_type(value: Any, column: str, place: str, expected: str) -> UserError:
    shown = repr(value) if len(repr(value)) <= 40 else repr(value)[:37] + "..."
    found = "nothing" if value is None else f"{type(value).__name__} {shown}"
    return UserError(f"{place}: column {column!r} holds {found}, expected {expected}; mend the row or take it out")


def table_records(tables: Iterable[pa.RecordBatch | pa.Table], columns: Columns) -> Iterator[Record]:
    """Rows of Arrow tables that hold `columns`; at most one table is turned into Python values at a time."""
    number = 0
    for table in tables:
        for cells in zip(*(table.column(column).to_pylist() for column in columns.names), strict=True):
            number += 1
            yield Record(number, list(cells))


def labelled_row(
    record: Record, columns: Columns, place: str, names: Mapping[str, list[str] | None] | None = None
) -> Row:
    """A record whose columns are text, labels and perhaps references; names: of the labels of a column, by number."""
    if not record.cells:
        return Row("", (), [], record.line)
    after, (text, *cells) = 1 + columns.labels, record.cells
    labels = zip(columns.names[1:after], cells, strict=False)
    last = record.cells[after:]
    return Row(
        text_cell(text, columns.names[0], place),
        tuple(label_cell(label, name, place, (names or {}).get(name)) for name, label in labels),
        references_cell(last[0], columns.names[after], place) if last and not columns.grouped else [],
        record.line,
        id_cell(last[0], columns.names[after], place) if columns.grouped else "",
    )
