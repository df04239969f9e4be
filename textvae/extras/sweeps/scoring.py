"""A point scored as `textvae evaluate` scores a run, and found again if nothing that it depends on has changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from textvae.config.style_transfer import ExperimentConfig
from textvae.errors import UserError
from textvae.evaluation.config import EvaluationConfig
from textvae.evaluation.evaluator import Evaluator
from textvae.evaluation.output_files import save_evaluation
from textvae.evaluation.task import Transfer
from textvae.experiment.attributes import ALL, AttributeEvaluation
from textvae.experiment.evaluation import FinishedRun
from textvae.extras.sweeps.decoding import WITH_SCORERS
from textvae.files import sha256

RESULT = "metrics.json"


Results = dict[str, dict[str, Any]]
"""Metrics of a point by what was changed; with one attribute under "", as nothing else could be."""


def changes_of(config: ExperimentConfig) -> tuple[str, ...]:
    """What is changed in a run's sentences: each of several attributes alone, then all; ("",) with one."""
    names = config.data.attributes
    return (*names, ALL) if len(names) > 1 else ("",)


@dataclass(frozen=True)
class Scorer:
    """A finished run and how it is measured. The instruments are trained or loaded once, at the first point."""

    run: FinishedRun
    evaluation: EvaluationConfig
    split: str

    @property
    def changes(self) -> tuple[str, ...]:
        """Below the folder of a point, where its results are."""
        return changes_of(self.run.config)

    @cached_property
    def evaluator(self) -> Evaluator:
        """Judges, language model and the sentences of the split."""
        return self.run.evaluator(self.evaluation, self.split)

    @cached_property
    def attributes(self) -> AttributeEvaluation:
        """The same for every attribute of several."""
        return AttributeEvaluation(self.run, self.evaluation, self.split)

    def score(self, folder: Path, point: Mapping[str, Any], options: Mapping[str, Any]) -> Results:
        """Write the split with these decoding options, score it, leave outputs and metrics.json in `folder`.

        metrics.json comes last, so that a point is scored or not, whenever it is interrupted. Probes of the latents do
        not depend on decoding and cost as much as a point: `textvae evaluate` has them.
        """
        decoding = dict(options)
        if decoding.get("strength") is None:
            decoding["strength"] = self.run.transfer.model.config.transfer_strength
        facts = {"point": dict(point), "decoding": decoding, "identity": self.identity(options)}
        found = {}
        for change, evaluator, metrics, transfers in self.written(folder.name, decoding):
            found[change] = {**metrics, **facts}
            save_evaluation(folder / change, found[change], evaluator.task, transfers)
        return found

    def written(
        self, name: str, decoding: dict[str, Any]
    ) -> Iterator[tuple[str, Evaluator, dict[str, Any], list[Transfer]]]:
        """Outputs and their metrics, of each of the `changes`."""
        if self.changes == ("",):
            transfers, speed = self.run.write(self.evaluator.task, **decoding)
            result = self.evaluator.score(transfers, name=name)
            yield "", self.evaluator, {**result.to_dict(), "speed": speed}, transfers
            return
        self.run.transfer("", self.run.transfer.labels[0], **decoding)  # load scorers, which is not part of the work
        for changed in self.attributes(name, **decoding):
            yield changed.name, changed.evaluator, changed.to_dict(), changed.transfers

    def stored(self, folder: Path, options: Mapping[str, Any]) -> Results | None:
        """What was measured there with the same model, data and settings; None where something was not."""
        found, identity = {change: read_result(folder / change) for change in self.changes}, self.identity(options)
        known = {change: x for change, x in found.items() if x is not None and x.get("identity") == identity}
        return known if len(known) == len(found) else None

    def identity(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """All that the numbers of a point depend on beside its options."""
        scorers = any(options.get(name) for name in WITH_SCORERS)
        return {
            "model": self.model_checksum,
            "scorers": self.scorers_checksum if scorers else None,
            "data": self.fingerprint,
            "split": self.split,
            "evaluation": asdict(self.evaluation),
        }

    @cached_property
    def model_checksum(self) -> str:
        """Of the best model."""
        return checksum(self.run.folder / "best")

    @cached_property
    def scorers_checksum(self) -> str:
        """Of what reranking and retrieval read."""
        return checksum(self.run.folder / "best" / "scorers")

    @cached_property
    def fingerprint(self) -> str:
        """Of the data that the run was trained on, and must be evaluated on."""
        return fingerprint_of(self.run.folder)


def fingerprint_of(run: Path) -> str:
    """The checksum of a run's data; UserError where it has none."""
    path = run / "data.json"
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["fingerprint"])
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path} is missing or broken: is {path.parent} a run directory of textvae?") from error


def read_result(folder: Path) -> dict[str, Any] | None:
    """metrics.json of a point; None where there is none, or not a whole one."""
    try:
        found = json.loads((folder / RESULT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("point"), dict) else None


def checksum(folder: Path) -> str:
    """sha256 over weights and settings directly in a folder; a model card changes nothing."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*")):
        if path.suffix in (".safetensors", ".json") and path.is_file():
            digest.update(f"{path.name} {sha256(path)}\n".encode())
    return digest.hexdigest()
