"""The tables of a page: what `textvae evaluate` measured, and the facts of the runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from textvae.evaluation.diagnostics.report import DIGITS
from textvae.evaluation.results import COLUMNS as STYLE_COLUMNS
from textvae.evaluation.results import FRACTIONS
from textvae.evaluation.summaries.results import COLUMNS as SUMMARY_COLUMNS
from textvae.extras.report.comparison import Measure, fingerprint, measure, minutes, system_rows
from textvae.extras.report.listing import data_name, recipe_name
from textvae.extras.report.records import RunRecord, look_up, number
from textvae.extras.report.state import last_written, state_of
from textvae.extras.sweeps.results import OF_ONE, measures_of


@dataclass(frozen=True)
class Row:
    """A system with its measures; own: the place of the run it is the output of, None for a baseline."""

    system: str
    own: int | None
    measures: Mapping[str, Measure]


@dataclass(frozen=True)
class Table:
    """columns: measure -> head."""

    title: str
    columns: Mapping[str, str]
    rows: Sequence[Row]


def cell(name: str, found: Measure | None) -> tuple[str, str]:
    """The value and its interval as people read them; the latter is "" where there is none."""
    if found is None or found.value is None:
        return "–", ""
    digits = 3 if name in FRACTIONS else DIGITS.get(name, 1)
    if found.low is None or found.high is None:
        return f"{found.value:.{digits}f}", ""
    return f"{found.value:.{digits}f}", f"{found.low:.{digits}f} to {found.high:.{digits}f}"


def style_tables(records: Sequence[RunRecord], names: Sequence[str]) -> list[Table]:
    """A table for each direction, all of them together first; the baselines are those of the first run evaluated."""
    evaluated = [
        (n, rows) for n, r in enumerate(records) if r.task == "style_transfer" and (rows := system_rows(r.evaluation))
    ]
    directions = dict.fromkeys(str(row.get("direction", "all")) for _, rows in evaluated for row in rows)
    found = []
    for direction in sorted(directions, key=lambda d: d != "all"):
        lines: list[Row] = []
        for n, rows in evaluated:
            here = [row for row in rows if str(row.get("direction", "all")) == direction]
            own = rows[0].get("system")
            lines += [Row(names[n], n, read(row)) for row in here if row.get("system") == own]
        first = evaluated[0][1]
        others = [r for r in first if str(r.get("direction", "all")) == direction]
        others = [row for row in others if row.get("system") != first[0].get("system")]
        lines += [Row(str(row.get("system")), None, read(row)) for row in others]
        found.append(Table(direction, means_once(columns(STYLE_COLUMNS, lines)), lines))
    return found


def attribute_tables(records: Sequence[RunRecord], names: Sequence[str]) -> list[Table]:
    """A table for each attribute that was changed alone, and for all of them; accuracy as in `measures_of`. The
    baselines are those of the first run evaluated.
    """
    found = []
    for changed in dict.fromkeys(changed for record in records for changed in record.changed):
        lines: list[Row] = []
        baselines: list[Row] = []
        for n, record in enumerate(records):
            metrics = record.changed.get(changed, {})
            rows = [row for row in system_rows(metrics) if row.get("direction", "all") == "all"]
            known = [Row(str(row["system"]), None, read({"measures": measures_of(row, metrics)})) for row in rows]
            lines += [replace(own, system=names[n], own=n) for own in known[:1]]
            baselines = baselines or known[1:]
        lines += baselines
        found.append(Table(f"{changed} changed", means_once(columns(style_heads(lines), lines)), lines))
    return found


def style_heads(rows: Sequence[Row]) -> dict[str, str]:
    """Heads of the mean accuracy, with several attributes of each one's alone, and of all other measures."""
    single = sorted({name for row in rows for name in row.measures if name.startswith(OF_ONE)})
    return {"accuracy": "ACC", **{name: f"ACC {name.removeprefix(OF_ONE)}" for name in single}, **STYLE_COLUMNS}


def means_once(columns: Mapping[str, str]) -> dict[str, str]:
    """Means of accuracy and BLEU against references where there are any, else against the input."""
    other = "_self" if "ref_bleu" in columns else "_ref"
    means = {name for name in columns if name.startswith(("geometric", "harmonic")) and name.endswith(other)}
    return {name: head for name, head in columns.items() if name not in means}


def probe_lines(evaluation: Mapping[str, Any]) -> list[str]:
    """How well the style was read from each space."""
    probes, found = evaluation.get("probes"), []
    readers = {"accuracy": "by a linear probe", "nonlinear_accuracy": "by a network", "majority": "by the majority"}
    for space, values in probes.items() if isinstance(probes, dict) else ():
        parts = [
            f"{v:.3f} {text}" for name, text in readers.items() if (v := number(look_up(values, name))) is not None
        ]
        what = space if " from " in space else f"style read from {space}"
        found += [f"{what}: {', '.join(parts)}"] if parts else []
    return found


def summary_table(record: RunRecord, place: int, name: str) -> Table | None:
    """The systems that the evaluation of one run shows; data and lengths differ between runs, so each has its own."""
    rows = system_rows(record.evaluation)
    if record.task != "summarization" or not rows:
        return None
    shown = look_up(record.evaluation, "settings.shown")
    shown = shown if isinstance(shown, dict) else {row.get("system"): row.get("system") for row in rows}
    own = rows[0].get("system")
    lines = [
        Row(name, place, read(row)) if row.get("system") == own else Row(str(shown[row["system"]]), None, read(row))
        for row in rows
        if row.get("system") in shown
    ]
    return Table(name, columns(SUMMARY_COLUMNS, lines), lines)


def read(row: Mapping[str, Any]) -> dict[str, Measure]:
    """Measures of a row as it was written."""
    return {name: measure(value) for name, value in row["measures"].items()}


def columns(heads: Mapping[str, str], rows: Sequence[Row]) -> dict[str, str]:
    """The heads of measures that some row has."""
    return {
        name: head
        for name, head in heads.items()
        if any(row.measures.get(name, Measure(None)).value is not None for row in rows)
    }


def fact_table(records: Sequence[RunRecord], now: float) -> dict[str, list[str]]:
    """Fact -> its text for every run; facts that no run has are left out."""
    columns = [facts(record, now) for record in records]
    return {
        name: [column[name] for column in columns] for name in columns[0] if any(column[name] for column in columns)
    }


def facts(record: RunRecord, now: float) -> dict[str, str]:
    """What a reader must know of a run; "" for what is not known."""
    best, spent, environment = record.best(), minutes(record), record.environment
    machine = [environment.get("gpu") or environment.get("processor"), environment.get("mixed_precision")]
    threads = environment.get("threads")
    machine += [f"{environment.get('num_processes', 1)} process(es) of {threads} thread(s)"] if threads else []
    packages = environment.get("packages")
    versions = packages if isinstance(packages, dict) else {}
    checksum, labels = fingerprint(record), record.data.get("labels")
    written = datetime.fromtimestamp(last_written(record.folder), UTC)
    return {
        "task": (record.task or "").replace("_", " "),
        "state": f"{state_of(record, now)}; last written {written:%Y-%m-%d %H:%M} UTC",
        "best dev score": "" if best is None else f"{best[0]:.4f} at step {best[1]}",
        "recipe": recipe_name(environment.get("command")) or "",
        "data": ", checksum ".join(filter(None, (data_name(record.config), checksum))),
        "sizes": sizes(record.data),
        "labels": ", ".join(map(str, labels)) if isinstance(labels, list) else "",
        "found in the data": findings(record.data),
        "seed": text(look_up(record.config, "training.seed")),
        "minutes of training": text(spent),
        "machine": ", ".join(str(part) for part in machine if part),
        "commit": text(environment.get("commit")),
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "command": text(environment.get("command")),
        "problems": "; ".join(record.problems),
    }


def text(value: Any) -> str:
    """ "" for None."""
    return "" if value is None else str(value)


def sizes(data: Mapping[str, Any]) -> str:
    """`train 167,038, dev 4,000, …`: the whole numbers of data.json."""
    return ", ".join(f"{k.replace('_', ' ')} {v:,}" for k, v in data.items() if type(v) is int and v)


def findings(data: Mapping[str, Any]) -> str:
    """What the check of the data found dubious."""
    found = look_up(data, "report.findings")
    rows = [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
    return ", ".join(f"{r.get('kind')} {r.get('count')} ({r.get('split')})" for r in rows).replace("_", " ")
