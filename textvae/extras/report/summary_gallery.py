"""What a summarizer does, for people to look at: summaries of documents whose human summaries are known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from textvae.config import load_config
from textvae.data.tokenized import evenly_spaced
from textvae.evaluation.summaries.alarms import AlarmLimits, verdict
from textvae.experiment.summary_evaluation import FinishedSummarizer
from textvae.extras.report.comparison import Measure, measure, system_rows
from textvae.extras.report.records import RunRecord, look_up, number


@dataclass(frozen=True)
class Summarised:
    """A document, the model's summary, and a human's."""

    document: str
    output: str
    reference: str


@dataclass(frozen=True)
class Symptom:
    """A measure with its limit (None: it has none), and what an alarm says if it is beyond it."""

    name: str
    value: float
    limit: float | None
    sentence: str = ""


def summarised(record: RunRecord, examples: int = 8) -> list[Summarised]:
    """Summaries of `examples` documents, evenly spaced over the test pairs (or dev's), by the best model.

    They are written as the run was evaluated, else as is stored with the model. UserError where model, data or pairs
    are not there, or the data are not those of the run.
    """
    folder = record.folder
    config = load_config(folder / "config.yaml")
    decoding = record.evaluation.get("decoding")
    decoding = decoding if isinstance(decoding, dict) else {}
    finished = FinishedSummarizer(config, folder, "test" if config.data.test else "dev")
    summarizer, pairs = finished.summarizer, finished.pairs  # the model first: without one, no data are read
    rows = evenly_spaced(len(pairs), examples).tolist()
    chosen = pairs.select(rows)
    outputs = summarizer(list(chosen["document"]), **{**decoding, "detokenise": False})
    return [Summarised(*row) for row in zip(chosen["document"], outputs, chosen["summary"], strict=True)]


def symptoms(record: RunRecord) -> tuple[str, list[Symptom]]:
    """What the alarms go by: of the evaluation if there is one, else of the last evaluation on dev; and which."""
    found = record.evaluation.get("symptoms")
    limits = look_up(record.evaluation, "settings.alarms") or record.config.get("alarms")
    limits = limits if isinstance(limits, dict) else {}
    if isinstance(found, dict) and found:
        measures = {name: v for name, value in found.items() if (v := number(value)) is not None}
        alarms = record.evaluation.get("alarms")
        raised = [a for a in alarms if isinstance(a, dict)] if isinstance(alarms, list) else []
        sentences = {str(alarm.get("name")): str(alarm.get("sentence")) for alarm in raised}
        return "textvae evaluate", joined(measures, limits, sentences)
    row: Mapping[str, Any] = next((row for row in reversed(record.metrics) if "dev/score" in row), {})
    measures = {k[4:]: v for k, value in row.items() if k[:4] == "dev/" and (v := number(value)) is not None}
    return f"dev at step {row.get('step')}", joined(measures, limits, judged(measures, limits))


def judged(measures: Mapping[str, float], limits: Mapping[str, Any]) -> dict[str, str]:
    """The alarms that these measures raise; an old run's configuration may know fewer limits, the defaults stand in."""
    known = {k: v for k, v in limits.items() if k in AlarmLimits.__dataclass_fields__ and number(v) is not None}
    everything = {name: math.nan for name in AlarmLimits.__dataclass_fields__} | dict(measures)
    try:
        return {alarm.name: alarm.sentence for alarm in verdict(everything, AlarmLimits(**known))}
    except KeyError:  # an alarm's sentence names a measure that was not taken: the numbers are shown all the same
        return {}


def joined(measures: Mapping[str, float], limits: Any, sentences: Mapping[str, str]) -> list[Symptom]:
    """Measures with limits first, alarms before all."""
    found = [
        Symptom(name, value, number(look_up(limits, name)), sentences.get(name, "")) for name, value in measures.items()
    ]
    return sorted(found, key=lambda s: (not s.sentence, s.limit is None))


def lead_curve(evaluation: Mapping[str, Any]) -> list[tuple[float, dict[str, Measure]]]:
    """(words, measures) of LEAD at every length that was evaluated, shortest first."""
    found = []
    for row in system_rows(evaluation):
        if str(row.get("system")).removeprefix("lead-").isdecimal():
            values = {name: measure(value) for name, value in row["measures"].items()}
            if (words := values.get("mean_length", Measure(None)).value) is not None:
                found.append((words, values))
    return sorted(found, key=lambda pair: pair[0])
