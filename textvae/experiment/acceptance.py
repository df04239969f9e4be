"""Fitting a judge of acceptance to marks of readers, and how well it agrees with marks it never saw.

Held out means by source sentence: all rewritings of a sentence are in one fold, whatever file they stand in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor
from torch.nn import functional as F

from textvae.config.style_transfer import ExperimentConfig
from textvae.data.sources import load_corpus
from textvae.errors import UserError
from textvae.experiment.reader_training import UNKNOWN_LABEL, ReaderFitting, ReaderTraining, Sentences, vocabulary
from textvae.experiment.runs import cache_folder
from textvae.files import display, read_lines
from textvae.inference.acceptance import AcceptanceJudge, Classifier, Lexicon
from textvae.inference.kneser_ney import RESERVED, KneserNey
from textvae.inference.rewriting_features import FEATURES, normalised
from textvae.modules.sentence_reader import END
from textvae.tokenization.stop_words import english_stop_words

RATED = ("style", "content", "grammar")
"""Marks of a file without verdicts."""
CHEAP = ("style", "style_chance", "ngram_likelihood", "ngram_change", "overlap", "longer", "copy")
"""Features of the row "all cheap features": what the metrics hear, in one logistic regression."""


@dataclass(frozen=True)
class Marks:
    """Rewritings with verdicts of people, from one file."""

    name: str
    sources: list[str]
    outputs: list[str]
    targets: list[str]
    accepted: np.ndarray
    """(N,) 0 or 1."""
    columns: dict[str, np.ndarray]
    """The single marks, name -> (N,)."""

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def verdicts(self) -> np.ndarray:
        """(N, 4): accepted, and whether style, content and English have the highest marks; nan where not marked."""
        best = {"style": 2, "content": 2, "english": 2} if "accept" in self.columns else dict.fromkeys(RATED, 4)
        found = [self.columns[name] >= least if name in self.columns else None for name, least in best.items()]
        return np.stack([self.accepted, *(np.full(len(self), np.nan) if x is None else x for x in found)], axis=1)


def read_marks(path: Path) -> Marks:
    """A TSV with the columns source, wanted or target, output, and accept or grammar, style and content (1-5).

    Of the latter, three marks of 4 or more mean accepted. UserError with the line for what is not such a row.
    """
    lines = read_lines(path)
    header = next(lines, (1, ""))[1].split("\t")
    target = "wanted" if "wanted" in header else "target"
    rated = {*RATED} <= set(header)
    if not {"source", target, "output"} <= set(header) or not ("accept" in header or rated):
        raise UserError(f"{display(path)}: needs the columns source, wanted, output, accept (or grammar style content)")
    rows = []
    for number, line in lines:
        if line.strip():
            row = dict(zip(header, cells := line.split("\t"), strict=False))
            if len(cells) != len(header):
                raise UserError(f"{display(path)}:{number}: {len(cells)} columns, the header has {len(header)}")
            rows.append((number, row))
    names = [name for name in header if name in ("style", "content", "english", "grammar", "accept")]
    columns = {name: np.array([_mark(path, number, row[name]) for number, row in rows]) for name in names}
    accepted = columns["accept"] if "accept" in columns else np.min([columns[name] >= 4 for name in RATED], axis=0)
    sources, outputs, targets = ([row[name] for _, row in rows] for name in ("source", "output", target))
    if len(set(accepted.tolist())) < 2:
        raise UserError(f"{display(path)}: holds no accepted or no refused rewriting; a judge needs both")
    return Marks(path.parent.name + "/" + path.stem, sources, outputs, targets, accepted.astype(float), columns)


def _mark(path: Path, number: int, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UserError(f"{display(path)}:{number}: {text!r} is no mark") from None


def folds(sources: Sequence[str], count: int = 10, seed: int = 0) -> np.ndarray:
    """A fold (N,) for each sentence, the same for the same words however they are written, and in every file."""
    texts = [f"{seed} {' '.join(normalised(source))}" for source in sources]
    return np.array([int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) % count for text in texts])


# ---------------------------------------------------------------------------------------------- words and network
def lexicon_of(people: Sentences, words: list[str], labels: int) -> Lexicon:
    """Style and content of every word, counted."""
    vocab_size = len(words) + END + 1
    counts = np.zeros((labels, vocab_size))
    seen = np.zeros(vocab_size)
    for ids, label in zip(people.ids, people.labels.tolist(), strict=True):
        np.add.at(seen, ids, 1)
        if label != UNKNOWN_LABEL:
            np.add.at(counts[label], ids, 1)
    rates = (counts + 2) / (counts.sum(1, keepdims=True) + 2 * vocab_size)
    lean = np.log(rates) - np.log((rates.sum(0) - rates) / max(labels - 1, 1))
    rarity = np.clip(np.log(seen.sum() / (seen + 1)) / 8, 0, 1.2)
    content = rarity * np.clip(1.4 - 0.7 * np.abs(lean).max(0), 0, 1)
    stop = english_stop_words()
    content[[number for number, word in enumerate(words, END + 1) if word in stop or not word[:1].isalnum()]] = 0
    content[: END + 1] = [0, 1, 0, 0]
    lean[:, : END + 1] = 0
    return Lexicon(words, torch.from_numpy(content).float(), torch.from_numpy(lean.T.copy()).float())


@dataclass(frozen=True)
class JudgeData:
    """Sentences of people with labels, sentences of people without, rewritings of a machine: prepared texts."""

    texts: list[str]
    labels: list[int]
    unlabelled: list[str]
    machine: list[str]


def judge_data(
    config: ExperimentConfig, language: Sequence[Path], rewritings: Sequence[Path]
) -> tuple[JudgeData, tuple[str, ...]]:
    """What a judge learns from, and the names of the labels."""
    corpus = load_corpus(config.data, config.text, cache_folder(config))
    machine = [text for path in rewritings for text in rewritten(path)]
    unlabelled = [line for path in language for _, line in read_lines(path)]
    train = corpus.train
    return JudgeData(list(train["text"]), list(train["label"]), unlabelled, machine), tuple(corpus.labels)


def rewritten(path: Path) -> list[str]:
    """The rewritings in a file: the column `transfer` of stored transfers, or all lines."""
    lines = [line for _, line in read_lines(path)]
    header = lines[0].split("\t") if lines else []
    return [line.split("\t")[-1] for line in lines[1:]] if header[-1:] == ["transfer"] else lines


def train_judge(
    data: JudgeData, labels: Sequence[str], settings: ReaderTraining, say: Callable[[str], None]
) -> AcceptanceJudge:
    """A judge without classifier."""
    rows = [[" ".join(normalised(text)) for text in side] for side in (data.texts + data.unlabelled, data.machine)]
    words = vocabulary(rows[0], settings.words)
    numbers = {word: number for number, word in enumerate(words, END + 1)}
    known = np.array(data.labels + [UNKNOWN_LABEL] * len(data.unlabelled))
    sides = []
    for texts, marks in zip(rows, (known, np.full(len(rows[1]), UNKNOWN_LABEL)), strict=True):
        ids = [[numbers.get(word, 1) for word in text.split()] for text in texts]
        kept = [row for row, sentence in enumerate(ids) if sentence]
        sides.append(Sentences([ids[row] for row in kept], marks[kept]))
    reader = ReaderFitting(sides[0], sides[1], len(words) + END + 1, len(labels), settings)(say)
    return AcceptanceJudge(reader, ngrams(rows[0], words), lexicon_of(sides[0], words, len(labels)), labels)


def ngrams(texts: Sequence[str], words: Sequence[str]) -> KneserNey:
    """Trigrams of these words in sentences of people, without those that are seen once or twice."""
    known = {word: word for word in words}
    return KneserNey(3, 1).fit(" ".join(known.get(w, RESERVED[0]) for w in text.split()) for text in texts).prune(2, 3)


# -------------------------------------------------------------------------------------------------- the classifier
@dataclass(frozen=True)
class Fitting:
    """How marks of several files become one classifier."""

    members: int = 6
    hidden: int = 24
    steps: int = 400
    batch_size: int = 256
    learning_rate: float = 5e-3
    decay: float = 0.05
    """Weight decay of AdamW."""
    noise: float = 0.1
    """Spread of what is added to the standardised features at each step."""
    rated_weight: float = 0.3
    """Weight of a mark by single raters (a file without the column accept) where a reader's is 1."""
    folds: int = 10
    seed: int = 0

    def classifier(self, features: np.ndarray, marks: Sequence[Marks], kept: np.ndarray) -> tuple[Classifier, Tensor]:
        """Fitted to the rows kept (N,) of features (N, F); and what a file of ratings adds to the hidden units.

        Style, content and language are learnt beside the verdict, which they make up: more is told by four marks than
        by one. A file of ratings has an input of its own, since other people were stricter or milder; it is 0 when the
        judge is asked.
        """
        mean, scale = features[kept].mean(0), features[kept].std(0) + 1e-6
        x = torch.from_numpy(np.hstack([np.clip((features - mean) / scale, -4, 4), self.files(marks)]))[kept].float()
        y = torch.from_numpy(np.concatenate([m.verdicts for m in marks]))[kept].float()
        weight = torch.from_numpy(self.weights(marks))[kept].float()[:, None] * ~y.isnan()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            w1, b1, w2, b2 = self.trained(x, y.nan_to_num(), weight)
        width = features.shape[1]
        parts = (w1[:, :width], b1, w2[..., 0], b2[:, 0])
        return Classifier(mean, scale, *(part.double().numpy() for part in parts)), w1[:, width:]

    def trained(self, x: Tensor, y: Tensor, weight: Tensor) -> list[Tensor]:
        """Weights of all members, which are trained side by side: (M, F, H), (M, H), (M, H, 4), (M, 4)."""
        m, h = self.members, self.hidden
        shapes = ((m, x.shape[1], h), (m, h), (m, h, y.shape[1]), (m, y.shape[1]))
        weights = [torch.randn(shape) * scale for shape, scale in zip(shapes, (0.1, 0.0, 0.2, 0.0), strict=True)]
        w1, b1, w2, b2 = (w.requires_grad_() for w in weights)
        optimizer = torch.optim.AdamW([w1, b1, w2, b2], self.learning_rate, weight_decay=self.decay)
        for _ in range(self.steps):
            rows = torch.randint(len(x), (m, self.batch_size))
            inner = x[rows] + self.noise * torch.randn(m, self.batch_size, x.shape[1])
            inner = F.dropout((inner @ w1 + b1[:, None]).tanh(), 0.3)
            losses = F.binary_cross_entropy_with_logits(inner @ w2 + b2[:, None], y[rows], reduction="none")
            optimizer.zero_grad()
            ((losses * weight[rows]).mean((1, 2)).sum() * 4).backward()
            optimizer.step()
        return [w.detach() for w in (w1, b1, w2, b2)]

    def weights(self, marks: Sequence[Marks]) -> np.ndarray:
        """(N,) of all files."""
        return np.concatenate([np.full(len(m), 1.0 if "accept" in m.columns else self.rated_weight) for m in marks])

    def files(self, marks: Sequence[Marks]) -> np.ndarray:
        """(N, files) 1 where a row is of this file of ratings."""
        rows = [np.zeros((len(m), len(marks))) for m in marks]
        for number, m in enumerate(marks):
            rows[number][:, number] = "accept" not in m.columns
        return np.concatenate(rows)

    def held_out(self, features: np.ndarray, marks: Sequence[Marks]) -> np.ndarray:
        """P(accepted) (N,) of every row by a classifier that saw no rewriting of its source."""
        where = np.concatenate([folds(m.sources, self.folds) for m in marks])
        found, files = np.zeros(len(where)), torch.from_numpy(self.files(marks)).float()
        for fold in np.unique(where):
            here = where == fold
            model, offsets = self.classifier(features, marks, ~here)
            found[here] = model(features[here], (files[here] @ offsets).double().numpy())
        return found


# ------------------------------------------------------------------------------------------------------ agreement
def expected_calibration_error(p: np.ndarray, accepted: np.ndarray, bins: int = 10) -> float:
    """Mean distance of P and share accepted over bins of equal width, weighted by their rows (Naeini et al. 2015)."""
    place = np.minimum((p * bins).astype(int), bins - 1)
    return float(sum(abs(p[place == b].sum() - accepted[place == b].sum()) for b in range(bins)) / len(p))


def area_under_curve(p: np.ndarray, accepted: np.ndarray) -> float:
    """How often an accepted row has a higher P than a refused one, ties counting half; nan without either.

    By ranks (Mann-Whitney), ten times faster than scikit-learn's, since the bootstrap asks for it thousands of times.
    """
    good, bad = accepted.sum(), (1 - accepted).sum()
    if not good or not bad:
        return float("nan")
    return float((rankdata(p)[accepted > 0].sum() - good * (good + 1) / 2) / (good * bad))


MEASURES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "auc": area_under_curve,
    "ece": expected_calibration_error,
    "brier": lambda p, y: float(((p - y) ** 2).mean()),
}


def agreement(p: np.ndarray, marks: Marks, resamples: int = 200, seed: int = 0) -> dict[str, dict[str, float]]:
    """AUC, ECE and Brier score with 95 % intervals of a bootstrap over source sentences."""
    random = np.random.default_rng(seed)
    groups: dict[str, list[int]] = {}
    for row, source in enumerate(marks.sources):
        groups.setdefault(" ".join(normalised(source)), []).append(row)
    rows = list(groups.values())
    drawn = [np.concatenate([rows[i] for i in random.integers(len(rows), size=len(rows))]) for _ in range(resamples)]
    found = {}
    for name, measure in MEASURES.items():
        values = np.array([measure(p[d], marks.accepted[d]) for d in drawn])
        low, high = np.nanquantile(values, [0.025, 0.975])
        found[name] = {"value": measure(p, marks.accepted), "low": float(low), "high": float(high)}
    return found


def threshold_for(p: np.ndarray, accepted: np.ndarray, precision: float = 0.8) -> float:
    """The least P above which at least this share is accepted; 1 where no P gives it (5 rows at least)."""
    order = np.argsort(-p)
    share = np.cumsum(accepted[order]) / np.arange(1, len(p) + 1)
    enough = np.flatnonzero((share >= precision) & (np.arange(len(p)) >= 4))
    return float(p[order][enough[-1]]) if len(enough) else 1.0


def fit_classifier(
    judge: AcceptanceJudge, marks: Sequence[Marks], precision: float = 0.8, fitting: Fitting | None = None
) -> dict[str, Any]:
    """Give the judge its classifier and its threshold; returns how it and the baselines agree with held-out marks."""
    fitting = fitting or Fitting()
    features = np.concatenate([judge.features(m.sources, m.outputs, m.targets) for m in marks])
    cheap = [FEATURES.index(name) for name in CHEAP]
    product = features[:, FEATURES.index("style_chance")] * features[:, FEATURES.index("overlap")]
    rows = {
        "style × overlap": product,
        "all cheap features": fitting.held_out(features[:, cheap], marks),
        "acceptance": fitting.held_out(features, marks),
    }
    judge.classifier, _ = fitting.classifier(features, marks, np.ones(len(features), bool))
    ends = np.cumsum([0, *map(len, marks)])
    read = np.concatenate([np.full(len(m), "accept" in m.columns) for m in marks])
    accepted = np.concatenate([m.accepted for m in marks])
    chosen = read if read.any() else ~read
    judge.threshold = threshold_for(rows["acceptance"][chosen], accepted[chosen], precision)
    return {
        name: {m.name: agreement(p[a:b], m) for m, a, b in zip(marks, ends[:-1], ends[1:], strict=True)}
        for name, p in rows.items()
    }


def table_of(found: dict[str, Any]) -> str:
    """Rows for people: what, on which marks, AUC, ECE and Brier score with their intervals."""
    lines = [f"{'':22}{'marks':24}" + "".join(f"{name:>20}" for name in MEASURES)]
    for name, files in found.items():
        for marks, values in files.items():
            cells = (f"{v['value']:.3f} ({v['low']:.3f}-{v['high']:.3f})" for v in values.values())
            lines.append(f"{name:22}{marks:24}" + "".join(f"{cell:>20}" for cell in cells))
    return "\n".join(lines)
