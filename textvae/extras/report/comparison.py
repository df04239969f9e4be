"""How runs differ: in configuration, in what they were trained on and with, and in what came out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textvae.extras.report.listing import recipe_name
from textvae.extras.report.records import RunRecord, look_up, number

OWN = frozenset({"run", "cache"})
"""Names of a configuration that say where a run lies, not what it is."""
FACTS = ("commit", "python", "processor", "gpu", "num_processes", "threads", "mixed_precision")
"""Facts of environment.json that are compared."""


@dataclass(frozen=True)
class Measure:
    """A value with its interval; low and high are None where none was taken."""

    value: float | None
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        if self.value is None:
            return "-"
        spread = "" if self.low is None or self.high is None else f" [{self.low:.4g}, {self.high:.4g}]"
        return f"{self.value:.4g}{spread}"


@dataclass(frozen=True)
class Comparison:
    """Columns are the runs. config: only what differs; None where a run's configuration has no such name (it was
    written by another version, or for another task). metrics: measure -> one for each run.
    """

    runs: tuple[str, ...]
    facts: Mapping[str, tuple[Any, ...]]
    config: Mapping[str, tuple[Any, ...]]
    metrics: Mapping[str, tuple[Measure, ...]]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "runs": list(self.runs),
            "facts": {name: list(values) for name, values in self.facts.items()},
            "config": {name: list(values) for name, values in self.config.items()},
            "metrics": {name: [vars(measure) for measure in values] for name, values in self.metrics.items()},
            "warnings": list(self.warnings),
        }


def compare(records: Sequence[RunRecord]) -> Comparison:
    """Compare two runs or more."""
    configs = [flatten({"task": record.task, **record.config}) for record in records]
    return Comparison(
        runs=unique_names(records),
        facts=side_by_side([facts(record) for record in records]),
        config={
            name: values
            for name, values in side_by_side(configs).items()
            if name not in OWN and any(value != values[0] for value in values)
        },
        metrics={
            name: tuple(value or Measure(None) for value in values)
            for name, values in side_by_side([measures(record) for record in records]).items()
        },
        warnings=tuple(warnings(records)),
    )


def unique_names(records: Sequence[RunRecord]) -> tuple[str, ...]:
    """Names of folders; where two are alike, with the folder above, and numbered if that does not tell them apart."""
    names = [record.name for record in records]
    if len(set(names)) < len(names):
        names = [f"{record.folder.resolve().parent.name}/{record.name}" for record in records]
    return tuple(f"{name} ({n})" if names.count(name) > 1 else name for n, name in enumerate(names, start=1))


def flatten(values: Any, prefix: str = "") -> dict[str, Any]:
    """Nested mappings and lists of mappings as dotted names; a list of plain values stays a value."""
    if isinstance(values, dict):
        items = [(str(key), value) for key, value in values.items()]
    elif isinstance(values, list) and any(isinstance(value, dict) for value in values):
        items = [(str(index), value) for index, value in enumerate(values)]
    else:
        return {prefix: values}
    found: dict[str, Any] = {}
    for key, value in items:
        found |= flatten(value, f"{prefix}.{key}" if prefix else key)
    return found


def side_by_side(columns: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """Name -> its value in every column, in order of appearance; None where a column has none."""
    names = list(dict.fromkeys(name for column in columns for name in column))
    return {name: tuple(column.get(name) for column in columns) for name in names}


def facts(record: RunRecord) -> dict[str, Any]:
    """What was trained where, on what."""
    found = {name: record.environment.get(name) for name in FACTS}
    packages = record.environment.get("packages")
    torch = packages.get("torch") if isinstance(packages, dict) else None
    return {
        "recipe": recipe_name(record.environment.get("command")),
        "data": fingerprint(record),
        "seed": look_up(record.config, "training.seed"),
        **found,
        "torch": torch,
    }


def fingerprint(record: RunRecord) -> str | None:
    """The first digits of the data's checksum."""
    value = record.data.get("fingerprint")
    return value[:12] if isinstance(value, str) else None


def measures(record: RunRecord) -> dict[str, Measure]:
    """Dev metrics of the best step, then the run's own rows of `textvae evaluate`, then its probes."""
    best = record.best()
    found = {"steps": Measure(float(record.steps)), "minutes": Measure(minutes(record))}
    if best is not None:
        found["best step"] = Measure(float(best[1]))
        row = next(row for row in record.metrics if row["step"] == best[1] and number(row.get("dev/score")) == best[0])
        found |= {k: Measure(v) for k, value in row.items() if k[:4] == "dev/" and (v := number(value)) is not None}
    return found | evaluated(record.evaluation) | probed(record.evaluation)


def minutes(record: RunRecord) -> float | None:
    """Minutes of training by the newest checkpoint."""
    seconds = number(record.progress.get("seconds"))
    return None if seconds is None else round(seconds / 60, 1)


def system_rows(evaluation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All rows of an evaluation that hold what they should: {"system", "direction" (or none), "measures"}."""
    rows = evaluation.get("rows")
    kinds = {"system": str, "measures": dict}
    whole = lambda row: all(isinstance(look_up(row, name), kind) for name, kind in kinds.items())  # noqa: E731
    return [row for row in rows if whole(row)] if isinstance(rows, list) else []


def evaluated(evaluation: Mapping[str, Any]) -> dict[str, Measure]:
    """The evaluated system's measures: it is the first row's, over all directions."""
    rows = system_rows(evaluation)
    own = [row for row in rows if row.get("system") == rows[0].get("system") and row.get("direction", "all") == "all"]
    return {f"evaluation/{name}": measure(value) for row in own[:1] for name, value in row["measures"].items()}


def measure(value: Any) -> Measure:
    """From what an evaluation wrote."""
    return Measure(*(number(look_up(value, part)) for part in ("value", "low", "high")))


def probed(evaluation: Mapping[str, Any]) -> dict[str, Measure]:
    """Accuracy of each probe."""
    probes = evaluation.get("probes")
    return {
        f"evaluation/probe_{space}{suffix}": Measure(value)
        for space, found in (probes.items() if isinstance(probes, dict) else ())
        for part, suffix in (("accuracy", ""), ("nonlinear_accuracy", "_nonlinear"))
        if (value := number(look_up(found, part))) is not None
    }


def warnings(records: Sequence[RunRecord]) -> list[str]:
    """Why numbers may not be comparable, and what is broken."""
    found = []
    prints = {fingerprint(record) for record in records}
    if len(prints - {None}) > 1:
        found.append("the runs were trained on different data: their scores are not comparable")
    elif None in prints:
        found.append("data.json is missing in a run: whether the data are the same is not known")
    if len({record.task for record in records} - {None}) > 1:
        found.append("the runs are of different tasks")
    settings = {json.dumps(judged(record), sort_keys=True) for record in records if record.evaluation}
    if len(settings) > 1:
        found.append("the evaluations were made with different settings")
    return found + [f"{record.name}: {problem}" for record in records for problem in record.problems]


def judged(record: RunRecord) -> dict[str, Any]:
    """What decides whether two evaluations are comparable."""
    settings = record.evaluation.get("settings")
    names = ("labels", "bleu_signature", "rouge", "pairs", "language_model_order", "tokens")
    chosen = {name: settings.get(name) for name in names} if isinstance(settings, dict) else {}
    return {**chosen, "split": record.evaluation.get("split")}
