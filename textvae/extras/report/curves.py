"""Curves of a training: what metrics.jsonl holds, cut into panels that runs share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textvae.extras.report.records import RunRecord, number

PROBES = ("dev/probe_z_s", "dev/probe_z_c")
SCORES = (
    *("score", "reconstruction", "fluency", "length", "accuracy", "self_bleu", "word_overlap", "copy_rate"),
    *("strength", "perplexity", "mean_length"),
)
"""Dev metrics that make the score or stand beside it, in the order of their panels; the others are symptoms."""
LOGARITHMIC = frozenset({"grad_norm", "perplexity", "shuffled_perplexity", "order_ratio"})
"""Last parts of names whose values range over orders of magnitude."""


@dataclass(frozen=True)
class Curve:
    """One line of a panel: run is the place of its run; kind tells lines of a run apart ("" where there is one);
    dots: measured now and then (on dev), not logged all the time.
    """

    run: int
    kind: str
    steps: tuple[int, ...]
    values: tuple[float, ...]
    dots: bool = False


@dataclass(frozen=True)
class Panel:
    """Curves over steps with one title; level: a line across (chance, say)."""

    title: str
    curves: tuple[Curve, ...]
    logarithmic: bool = False
    level: float | None = None


@dataclass(frozen=True)
class PanelGroup:
    """Panels of one figure. name: of its file; note: what a reader should know."""

    name: str
    title: str
    note: str
    panels: tuple[Panel, ...]


def curve(record: RunRecord, run: int, key: str, kind: str = "", dots: bool = False) -> Curve | None:
    """Finite values of a key over steps, of a step written twice (after a resume) the last; None for none."""
    points = {row["step"]: v for row in record.metrics if (v := number(row.get(key))) is not None}
    if not points:
        return None
    steps, values = zip(*sorted(points.items()), strict=True)
    return Curve(run, kind, steps, values, dots)


def panel(records: Sequence[RunRecord], title: str, keys: Sequence[str]) -> Panel | None:
    """A panel of some keys of all runs; None where no run has any. A key's part before its last is told where the
    keys end alike (`vae/J_cov` and `denoise/J_cov`), else its last."""
    ends = {key.rpartition("/")[2] for key in keys}
    found = []
    for key in keys:
        path = key.removeprefix("train/").split("/")
        kind = "" if len(keys) == 1 else path[0] if len(ends) == 1 else path[-1]
        found += [c for n, record in enumerate(records) if (c := curve(record, n, key, kind, key[:4] == "dev/"))]
    return Panel(title, tuple(found), bool(ends & LOGARITHMIC)) if found else None


def names(records: Sequence[RunRecord], wanted: Callable[[str], bool]) -> list[str]:
    """Keys of all runs for which `wanted` is true, in order of appearance."""
    return list(dict.fromkeys(key for record in records for row in record.metrics for key in row if wanted(key)))


def grouped(title: Callable[[str], str], keys: Sequence[str]) -> dict[str, list[str]]:
    """Keys by title."""
    found: dict[str, list[str]] = {}
    for key in keys:
        found.setdefault(title(key), []).append(key)
    return found


def panels(records: Sequence[RunRecord], groups: dict[str, list[str]]) -> tuple[Panel, ...]:
    """A panel for each title."""
    return tuple(found for title, keys in groups.items() if (found := panel(records, title, keys)))


def varies(records: Sequence[RunRecord], key: str) -> bool:
    """Whether a value changes within a run."""
    return any(len({row[key] for row in record.metrics if key in row}) > 1 for record in records)


def all_groups(records: Sequence[RunRecord]) -> list[PanelGroup]:
    """Objectives, dev, gradients and schedules; groups without a curve are left out."""
    last = lambda key: key.rpartition("/")[2]  # noqa: E731
    terms = names(records, lambda k: k.startswith("train/") and last(k).startswith("J_") and "/lambda/" not in k)
    terms += names(records, lambda k: k.startswith("dev/J_"))
    dev = names(records, lambda k: k.startswith("dev/") and not k.startswith("dev/J_") and k not in PROBES)
    scores = sorted((k for k in dev if last(k) in SCORES), key=lambda k: SCORES.index(last(k)))
    symptoms = [key for key in dev if key not in scores]
    gradients = names(records, lambda k: k.endswith("/grad_norm"))
    rates = names(records, lambda k: k.startswith("train/lambda/") or k == "train/learning_rate")
    speed = names(records, lambda k: k == "train/tokens_per_second")
    scheduled = [key for key in rates if varies(records, key)]
    found = [
        PanelGroup(
            "objectives",
            "Objectives",
            "Every term before its weight, as logged; dots are measured on dev. KL in nats per sentence, "
            "reconstruction in nats per token. An axis leaves out a hundredth that would flatten all the rest.",
            panels(records, grouped(last, terms)),
        ),
        PanelGroup(
            "dev", "Dev", "The score chooses the best model.", panels(records, grouped(last, scores)) + probes(records)
        ),
        PanelGroup("symptoms", "What the alarms go by", "Measured on dev.", panels(records, grouped(last, symptoms))),
        PanelGroup(
            "gradients",
            "Gradient norms",
            "Of each phase, before clipping.",
            panels(records, grouped(lambda key: key.split("/")[1], gradients)),
        ),
        PanelGroup(
            "schedules",
            "Weights, rate and speed over time",
            "Weights that stay as they are stand in the table of objectives.",
            panels(records, grouped(schedule_title, scheduled + speed)),
        ),
    ]
    return [group for group in found if group.panels]


def schedule_title(key: str) -> str:
    """`λ J_kl_s`, `learning rate`."""
    name = key.rpartition("/")[2]
    return f"λ {name}" if "/lambda/" in key else name.replace("_", " ")


def probes(records: Sequence[RunRecord]) -> tuple[Panel, ...]:
    """What a linear probe reads of the style from each space, beside chance."""
    found = panel(records, "style read by a probe", PROBES)
    if found is None:
        return ()
    labels = {len(labels) for r in records if isinstance(labels := r.data.get("labels"), list) and labels}
    return (Panel(found.title, found.curves, level=1 / labels.pop() if len(labels) == 1 else None),)
