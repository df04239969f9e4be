"""What is measured of the points of a sweep over trainings, a class a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Protocol

from textvae.config.sentence_vae import SentenceExperimentConfig
from textvae.config.style_transfer import ExperimentConfig
from textvae.evaluation.config import EvaluationConfig
from textvae.evaluation.diagnostics.config import DiagnosticsConfig
from textvae.evaluation.diagnostics.report import COLUMNS
from textvae.experiment.evaluation import FinishedRun, checksum_of_test_set
from textvae.experiment.sentence_vae import FinishedSentenceVAE
from textvae.extras.sweeps.results import mark, point_row, summary, value_of
from textvae.extras.sweeps.scoring import RESULT, Results, Scorer, changes_of, checksum, fingerprint_of, read_result
from textvae.extras.sweeps.training import SweptConfig, Training
from textvae.files import write_json

SCORES = "evaluation_dev"
"""Below a run: what was measured on dev."""
Values = Mapping[str, Any]


class Scores(Protocol):
    """changes: of a run's sentences, each with a folder of results. score: metrics of a finished run for each of them,
    on dev, taken again only where something is different. row: a point of sweep.json. summary: sweep.json; facts: of
    the sweep."""

    task: ClassVar[str]

    def changes(self, config: SweptConfig) -> tuple[str, ...]: ...
    def score(self, training: Training) -> Results: ...
    def row(self, name: str, folder: str, metrics: Values) -> dict[str, Any]: ...
    def summary(self, facts: Values, points: Sequence[Values], scored: Sequence[Values]) -> dict[str, Any]: ...


@dataclass
class StyleScores:
    """Accuracy against BLEU, as each model decodes by default. test_set: checksum of it, known after the first."""

    evaluation: EvaluationConfig
    test_set: str | None = None
    task: ClassVar[str] = "style_transfer"

    def changes(self, config: SweptConfig) -> tuple[str, ...]:
        """Each of several attributes, and all."""
        assert isinstance(config, ExperimentConfig)
        return changes_of(config)

    def score(self, training: Training) -> Results:
        """Judged outputs."""
        assert isinstance(training.config, ExperimentConfig)
        scorer = Scorer(FinishedRun(training.config, training.folder), self.evaluation, "dev")
        place, settings = training.folder / SCORES, training.point.settings
        found = scorer.stored(place, {}) or scorer.score(place, settings, {})
        if self.test_set is None and (test := scorer.run.prepared.corpus.test) is not None:
            self.test_set = checksum_of_test_set(test["text"])
        return found

    def row(self, name: str, folder: str, metrics: Values) -> dict[str, Any]:
        """A point."""
        return point_row(name, folder, metrics)

    def summary(self, facts: Values, points: Sequence[Values], scored: Sequence[Values]) -> dict[str, Any]:
        """Everything."""
        return summary({**facts, "test_set": self.test_set}, points, scored)


@dataclass
class LatentScores:
    """Rate against distortion (Alemi et al. 2018), with what `textvae evaluate RUN` tells of a latent space."""

    diagnostics: DiagnosticsConfig
    task: ClassVar[str] = "sentence_vae"

    def changes(self, config: SweptConfig) -> tuple[str, ...]:
        """None: nothing is rewritten."""
        return ("",)

    def score(self, training: Training) -> Results:
        """A diagnosis."""
        assert isinstance(training.config, SentenceExperimentConfig)
        place = training.folder / SCORES
        identity = {
            "model": checksum(training.folder / "best"),
            "data": fingerprint_of(training.folder),
            "diagnostics": asdict(self.diagnostics),
        }
        found = read_result(place)
        if found is not None and found.get("identity") == identity:
            return {"": found}
        diagnosis = FinishedSentenceVAE(training.config, training.folder).diagnose("dev", self.diagnostics)
        metrics = {**diagnosis.to_dict(), "point": dict(training.point.settings), "identity": identity}
        place.mkdir(parents=True, exist_ok=True)
        write_json(place / RESULT, metrics)
        return {"": metrics}

    def row(self, name: str, folder: str, metrics: Values) -> dict[str, Any]:
        """A point: every measure that its latent has."""
        measures = {measure: {"value": metrics[measure]} for measure in COLUMNS if metrics[measure] is not None}
        facts = {"name": name, "settings": metrics["point"], "state": "scored", "folder": folder}
        return {**facts, "sentences": metrics["sentences"], "measures": measures}

    def summary(self, facts: Values, points: Sequence[Values], scored: Sequence[Values]) -> dict[str, Any]:
        """Everything; on the frontier are those that no other one beats in both rate and distortion."""
        settings = {"diagnostics": asdict(self.diagnostics)}
        return {**facts, "settings": settings, "baselines": {}, "points": mark(points, low_in_both)}


def low_in_both(point: Values) -> tuple[float, float] | None:
    """Minus rate and distortion; None for a latent without a rate."""
    rate, distortion = value_of(point, "rate"), value_of(point, "distortion")
    return None if rate is None or distortion is None else (-rate, -distortion)
