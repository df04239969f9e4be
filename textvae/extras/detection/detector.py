"""Fit on clean text, score and flag new text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from textvae.errors import UserError
from textvae.extras.detection.scores import Mahalanobis, Neighbourhood, mutated, p_values, threshold
from textvae.files import atomic_write, write_json
from textvae.inference.kneser_ney import KneserNey
from textvae.inference.latents.reading import Scored
from textvae.inference.latents.space import LatentSpace
from textvae.inference.streaming import WINDOW_LINES, windows
from textvae.text import prepare

SCORES = ("nll", "elbo", "kl", "mahalanobis", "knn", "ratio")
"""nll: −ln p(x | z) at z = μ, per token. elbo: −ELBO per token. kl: of q(z | x) to the prior, per sentence.
mahalanobis, knn: of μ. ratio: (−ELBO + ln p of the background language model) per word. Each is high for foreign text.
"""
LIKELIHOODS = ("nll", "elbo", "ratio")
"""Those that need a decoder that reads z alone."""
FOLDER = "detector"
COMMAND = "`textvae detect fit RUN --clean FILE`"
LEAST = 20
"""Clean lines without which nothing can be fitted."""


@dataclass(frozen=True)
class DetectorSettings:
    """How a detector is fitted."""

    neighbours: int = 10
    """k of knn."""
    bank: int = 20_000
    """Clean vectors kept for knn, at most."""
    held_out: float = 0.3
    """Share of the clean lines that are not fitted to; the thresholds come from them."""
    mutation: float = 0.3
    """Share of words replaced in the clean text that the background model of `ratio` is trained on, where it has no
    text of its own."""
    seed: int = 0
    """Of the split, the replaced words and the samples of z."""

    def __post_init__(self) -> None:
        if self.neighbours < 1 or self.bank < LEAST:
            raise UserError(f"neighbours must be at least 1 and bank at least {LEAST}")
        if not (0 < self.held_out < 1 and 0 <= self.mutation <= 1):
            raise UserError("held_out must be between 0 and 1, and mutation from 0 to 1")


@dataclass(frozen=True)
class Verdict:
    """A line's scores, and its p-value under each: how often clean text scores as high."""

    scores: dict[str, float]
    p_values: dict[str, float]


class Detector:
    """Tells lines that do not belong from clean ones.

    >>> detector = Detector.fit(LatentSpace.from_pretrained("runs/yelp"), open("clean.txt"))
    >>> detector.flags(["Stocks fell on Friday."], score="knn", false_alarms=0.05)
    [True]
    """

    def __init__(
        self,
        space: LatentSpace,
        settings: DetectorSettings,
        mahalanobis: Mahalanobis,
        knn: Neighbourhood,
        background: KneserNey,
        clean: dict[str, np.ndarray],
    ):
        """clean: scores of the held-out clean lines, of every score that the model has."""
        self.space, self.settings, self.clean = space, settings, clean
        self.mahalanobis, self.knn, self.background = mahalanobis, knn, background

    @property
    def scores(self) -> tuple[str, ...]:
        """Names of the scores that this model has: those of `SCORES`, without likelihoods where z is not all."""
        return available(self.space)

    # ------------------------------------------------------------------ fitting
    @classmethod
    def fit(
        cls,
        space: LatentSpace,
        clean: Iterable[str],
        settings: DetectorSettings | None = None,
        background: Iterable[str] | None = None,
    ) -> Detector:
        """From clean lines, held in memory; background: other text, for `ratio`. Empty lines are left out."""
        settings = settings or DetectorSettings()
        lines = [line.rstrip("\r\n") for line in clean]
        lines = [line for line in lines if line.strip()]
        if len(lines) < LEAST:
            raise UserError(f"{len(lines)} clean lines are too few to fit a detector to; give at least {LEAST}")
        order = np.random.default_rng(settings.seed).permutation(len(lines))
        held = max(1, int(settings.held_out * len(lines)))
        fitted, kept = [lines[i] for i in order[held:]], [lines[i] for i in order[:held]]
        vectors = space.encode(fitted)
        if background is None:
            prepared = [prepare(line, space.text) for line in fitted]
            words: Iterable[str] = mutated(prepared, settings.mutation, settings.seed)
        else:
            words = (prepare(line, space.text) for line in background)
        parts = Mahalanobis.fit(vectors), Neighbourhood(vectors[: settings.bank], settings.neighbours)
        detector = cls(space, settings, *parts, KneserNey(order=3).fit(words), {})
        detector.clean = detector.score(kept)
        return detector

    # ------------------------------------------------------------------ scoring
    def score(self, lines: Sequence[str]) -> dict[str, np.ndarray]:
        """Every score of every line, (N,) each; an empty line is an empty sentence."""
        found = [self.window(block) for block in windows(lines, WINDOW_LINES)]
        return {name: np.concatenate([np.zeros(0), *(block[name] for block in found)]) for name in self.scores}

    def window(self, lines: Sequence[str]) -> dict[str, np.ndarray]:
        """The same of lines that fit into memory."""
        scored: Scored = self.space.score(lines, self.settings.seed)
        known = self.background.score([prepare(line, self.space.text) for line in lines])
        found = {
            "nll": scored.nll / scored.tokens,
            "elbo": scored.bound / scored.tokens,
            "kl": scored.kl / scored.sentences,
            "mahalanobis": self.mahalanobis(scored.mean),
            "knn": self.knn(scored.mean),
            "ratio": (scored.bound + known.log_prob) / known.tokens,
        }
        return {name: found[name] for name in self.scores}

    def stream(self, lines: Iterable[str]) -> Iterator[tuple[str, Verdict]]:
        """Each line with its verdict, any number of them in bounded memory."""
        for block in windows(lines):
            scores = self.window(block)
            values = {name: p_values(scores[name], self.clean[name]) for name in scores}
            for i, line in enumerate(block):
                mine = [{name: float(column[i]) for name, column in table.items()} for table in (scores, values)]
                yield line, Verdict(*mine)

    def threshold(self, score: str, false_alarms: float) -> float:
        """What a line must exceed to be flagged; UserError where there were too few clean lines to say."""
        self.check(score)
        if not 0 < false_alarms < 1:
            raise UserError(f"the rate of false alarms is between 0 and 1, not {false_alarms}")
        found = threshold(self.clean[score], false_alarms)
        if not np.isfinite(found):
            raise UserError(
                f"{len(self.clean[score])} held-out clean lines cannot tell a false alarm rate of {false_alarms:g}; "
                "fit with more clean text or allow more"
            )
        return found

    def check(self, score: str) -> None:
        """UserError unless this model has such a score."""
        if score not in self.scores:
            missing = score in SCORES
            why = f"{score} needs a decoder that reads z alone" if missing else f"there is no score {score!r}"
            raise UserError(f"{why}; this model has: {', '.join(self.scores)}")

    def flags(self, lines: Iterable[str], score: str = "knn", false_alarms: float = 0.05) -> list[bool]:
        """Whether each line is flagged."""
        limit = self.threshold(score, false_alarms)
        return [verdict.scores[score] > limit for _, verdict in self.stream(lines)]

    # ------------------------------------------------------------------ storing
    def save(self, folder: Path) -> None:
        """Write detector.safetensors, detector.json and the background model."""
        arrays = {
            "mean": self.mahalanobis.mean,
            "whiten": self.mahalanobis.whiten.astype(np.float64),
            "bank": self.knn.bank.astype(np.float32),
            **{f"clean_{name}": values for name, values in self.clean.items()},
        }
        self.background.save(folder)
        with atomic_write(folder / "detector.safetensors", binary=True) as handle:
            handle.write(save({name: np.ascontiguousarray(array) for name, array in arrays.items()}))
        write_json(folder / "detector.json", {"model": self.space.fingerprint, "settings": asdict(self.settings)})

    @classmethod
    def load(cls, space: LatentSpace, folder: Path) -> Detector:
        """Read what `save` wrote; UserError where it is missing, damaged, or of another model."""
        if not (folder / "detector.json").is_file():
            raise UserError(f"{folder} holds no detector; {COMMAND} makes one")
        try:
            stored = json.loads((folder / "detector.json").read_text(encoding="utf-8"))
            arrays = load_file(folder / "detector.safetensors")
            background = KneserNey.load(folder)
            settings, model = DetectorSettings(**stored["settings"]), stored["model"]
            parts = Mahalanobis(arrays["mean"], arrays["whiten"]), Neighbourhood(arrays["bank"], settings.neighbours)
            clean = {name: arrays[f"clean_{name}"] for name in available(space)}
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise UserError(f"{folder} is damaged: {error}; {COMMAND} makes it again") from error
        if model != space.fingerprint:
            raise UserError(f"{folder} was fitted to another model; {COMMAND} makes it again")
        return cls(space, settings, *parts, background, clean)


def available(space: LatentSpace) -> tuple[str, ...]:
    """The scores of a model."""
    return SCORES if space.model.looks_back() is None else tuple(name for name in SCORES if name not in LIKELIHOODS)
