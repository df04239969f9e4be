"""P(a reader accepts | input, output, target): would somebody who asked for this rewriting take it as it is?

MODEL/scorers/acceptance.json         words, labels, names of the features, threshold, how well it agrees with people
MODEL/scorers/acceptance.safetensors  a `SentenceReader`, a `KneserNey`, what words weigh as content and style, and
                                      a classifier

The classifier is fitted to marks of readers (`textvae fit-judge`); its features come from this reader and an
n-gram language model of people's sentences, so it needs neither a connection nor anything pretrained.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file, save
from torch import Tensor
from torch.nn import functional as F

from textvae.errors import UserError
from textvae.files import atomic_write, write_json
from textvae.inference.kneser_ney import RESERVED, KneserNey
from textvae.inference.rewriting_features import (
    ALIGNED,
    FEATURES,
    SINGLE,
    Summary,
    chance,
    clauses,
    edits,
    fluency,
    margin,
    normalised,
    seam_scores,
    seams,
)
from textvae.modules.sentence_reader import BEGIN, END, PAD, UNK, SentenceReader, SentenceReaderConfig

NAME = "acceptance"
COMMAND = "textvae fit-judge"
"""What makes a judge; it stands in messages."""


@dataclass
class Lexicon:
    """What the judge knows of each word, by its id."""

    words: list[str]
    content: Tensor
    """(V,) how much a word says of what a sentence is about: 0 for words of grammar and of style."""
    lean: Tensor
    """(V, K) log-odds of each label by the word alone."""
    numbers: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.numbers = {word: number for number, word in enumerate(self.words, END + 1)}

    def ids(self, words: Sequence[str]) -> list[int]:
        """Numbers of words, UNK where not known."""
        return [self.numbers.get(word, UNK) for word in words]


@dataclass
class Classifier:
    """Mean P of M small networks with one hidden layer of H units, from features (N, F) at mean 0, spread 1."""

    mean: np.ndarray
    scale: np.ndarray
    hidden: np.ndarray
    """(M, F, H) weights, and (M, H) what is added."""
    hidden_bias: np.ndarray
    output: np.ndarray
    """(M, H), and (M,)."""
    output_bias: np.ndarray

    def standardised(self, features: np.ndarray) -> np.ndarray:
        """Mean 0, spread 1 on the marks it learnt from, cut at ±4."""
        return np.clip((features - self.mean) / self.scale, -4, 4)

    def __call__(self, features: np.ndarray, shift: np.ndarray | float = 0.0) -> np.ndarray:
        """Probabilities (N,); shift is added to what enters the hidden units, (M, 1 or N, H)."""
        inner = np.tanh(self.standardised(features) @ self.hidden + self.hidden_bias[:, None] + shift)
        logits = (inner * self.output[:, None]).sum(-1) + self.output_bias[:, None]
        return (1 / (1 + np.exp(-logits))).mean(0)


class AcceptanceJudge:
    """Probabilities that people accept outputs as rewritings of sources into target labels."""

    def __init__(
        self,
        reader: SentenceReader,
        language_model: KneserNey,
        lexicon: Lexicon,
        labels: Sequence[str],
        classifier: Classifier | None = None,
        threshold: float = 0.5,
        facts: dict[str, Any] | None = None,
    ) -> None:
        self.reader, self.language_model = reader.eval(), language_model
        self.lexicon, self.labels = lexicon, tuple(labels)
        self.classifier, self.threshold, self.facts = classifier, threshold, facts or {}
        self.lean = lexicon.lean.numpy()

    def __call__(self, sources: Sequence[str], outputs: Sequence[str], targets: Sequence[str | int]) -> np.ndarray:
        """P(accepted), (N,). targets: names or numbers of labels, one for each pair."""
        if self.classifier is None:
            raise UserError(f"this judge has no classifier yet; {COMMAND} fits it to marks of readers")
        return self.classifier(self.features(sources, outputs, targets))

    def numbered(self, targets: Sequence[str | int]) -> np.ndarray:
        """Numbers of labels (N,); UserError for one that the judge does not know."""
        known: dict[str | int, int] = {name: number for number, name in enumerate(self.labels)}
        known |= {number: number for number in range(len(self.labels))}
        try:
            return np.array([known[target if isinstance(target, str) else int(target)] for target in targets], np.int64)
        except KeyError as error:
            raise UserError(f"the judge knows the labels {', '.join(self.labels)}, not {error}") from error

    # ------------------------------------------------------------------------------------------------- features
    @torch.inference_mode()
    def features(self, sources: Sequence[str], outputs: Sequence[str], targets: Sequence[str | int]) -> np.ndarray:
        """(N, len(FEATURES)) float64, each pair's alone: neither order nor company changes them."""
        wanted = self.numbered(targets)
        if not len(sources) == len(outputs) == len(wanted):
            raise ValueError(f"{len(sources)} sources, {len(outputs)} outputs, {len(wanted)} targets")
        words = {text: normalised(text) for text in {*sources, *outputs}}
        parts = {text: clauses(words[text]) for text in words}
        whole = {text: tuple(words[text]) for text in words}
        read = self.summaries({*whole.values(), *(clause for found in parts.values() for clause in found)})
        distinct = sorted({*whole.values()})
        likely = dict(zip(distinct, self.language_model.token_scores(distinct), strict=True))
        rows = [
            [
                *self.style(read, whole[y], whole[x], parts[y], parts[x], target),
                *fluency(read[whole[x]], read[whole[y]]),
                *seam_scores(whole[x], whole[y], likely[whole[x]], likely[whole[y]]),
                *seams(whole[x], whole[y], read[whole[y]]),
                *edits(whole[x], whole[y]),
            ]
            for x, y, target in zip(sources, outputs, wanted.tolist(), strict=True)
        ]
        single = np.array(rows, np.float64).reshape(len(rows), len(SINGLE))
        return np.hstack([single, self.alignment([whole[x] for x in sources], [whole[y] for y in outputs])])

    @torch.inference_mode()
    def summaries(self, sentences: set[tuple[str, ...]], batch_size: int = 512) -> dict[tuple[str, ...], Summary]:
        """What the reader makes of sentences, read in batches of like length."""
        order, found = sorted(sentences, key=lambda words: (len(words), words)), {}
        for start in range(0, len(order), batch_size):
            chunk = order[start : start + batch_size]
            ids = padded([self.lexicon.ids(words) for words in chunk])
            reading = self.reader(ids)
            style = reading.style.log_softmax(-1).numpy()
            likelihood = self.reader.likelihood(reading.context, ids[:, 1:-1]).clamp(-25, 0).numpy()
            wrong, machine = reading.wrong.numpy(), reading.machine.tolist()
            for row, words in enumerate(chunk):
                n = len(words)
                found[words] = Summary(style[row], machine[row], wrong[row, :n], likelihood[row, :n])
        return found

    def style(
        self,
        read: dict[tuple[str, ...], Summary],
        output: tuple[str, ...],
        source: tuple[str, ...],
        parts: Sequence[tuple[str, ...]],
        before: Sequence[tuple[str, ...]],
        target: int,
    ) -> list[float]:
        """Features `STYLE`: of both sentences, of the clauses (parts; before: the source's), of the words."""
        whole, was = (margin(read[words].style, target) for words in (output, source))
        found = [margin(read[part].style, target) for part in parts] or [whole]
        changed = [margin(read[part].style, target) for part in parts if part not in before] or [whole]
        kept = [margin(read[part].style, target) for part in parts if part in before] or [whole]
        lean = self.lean[self.lexicon.ids(output), target] if output else np.zeros(1)
        return [
            *(whole, was, min(found), sum(found) / len(found), min(changed), min(kept)),
            *(chance(whole), chance(min(found))),
            *(float(lean.min()), float(np.minimum(lean + 0.5, 0).sum()), float(lean.max())),
        ]

    def alignment(self, sources: list[tuple[str, ...]], outputs: list[tuple[str, ...]]) -> np.ndarray:
        """Features `ALIGNED`, in batches."""
        found = [
            self.aligned(sources[start : start + 512], outputs[start : start + 512])
            for start in range(0, len(sources), 512)
        ]
        return np.concatenate(found) if found else np.zeros((0, len(ALIGNED)))

    def aligned(self, sources: list[tuple[str, ...]], outputs: list[tuple[str, ...]]) -> np.ndarray:
        """How much content of the source is in the output, and the other way, exactly and by likeness of vectors."""
        x, y = (padded([self.lexicon.ids(words) for words in side])[:, 1:-1] for side in (sources, outputs))
        equal = same_words(sources, outputs, x.shape[1], y.shape[1])
        vectors = F.normalize(self.reader.embedding.weight - self.reader.embedding.weight.mean(0), dim=-1)
        likeness = vectors[x] @ vectors[y].transpose(1, 2)
        likeness[(x == UNK)[:, :, None] | (y == UNK)[:, None, :]] = 0.0
        likeness[(x == PAD)[:, :, None] | (y == PAD)[:, None, :]] = 0.0
        likeness = torch.where(equal, torch.ones(()), likeness.clamp(0, 1))
        columns = []
        for ids, exact, near in ((x, equal.any(2), likeness.amax(2)), (y, equal.any(1), likeness.amax(1))):
            weight = self.lexicon.content[ids] * (ids != PAD)
            total = weight.sum(1).clamp(min=1.0)
            lost = weight * (1 - near)
            columns += [
                (weight * exact).sum(1) / total,
                (weight * near).sum(1) / total,
                lost.amax(1),
                lost.sum(1),
                weight.sum(1),
            ]
        return torch.stack(columns, dim=1).double().numpy()

    # --------------------------------------------------------------------------------------------------- files
    def save(self, folder: Path) -> None:
        """acceptance.json and acceptance.safetensors, weights of the network in 16 bits."""
        arrays = {f"reader.{key}": tensor.half().numpy() for key, tensor in self.reader.state_dict().items()}
        arrays |= {"content": self.lexicon.content.half().numpy(), "lean": self.lexicon.lean.half().numpy()}
        order = [self.lexicon.numbers[word] for word in self.language_model.words[len(RESERVED) :]]
        arrays |= {"ngram.order": np.array(order, np.uint16)}
        arrays |= {f"ngram.{key}": value for key, value in self.language_model.compact().items()}
        facts: dict[str, Any] = {
            "reader": asdict(self.reader.config), "labels": list(self.labels), "threshold": self.threshold,
            "facts": self.facts, "features": list(FEATURES), "words": " ".join(self.lexicon.words),
        }  # fmt: skip
        if self.classifier is not None:
            arrays |= {f"classifier.{key}": value.astype(np.float32) for key, value in vars(self.classifier).items()}
        with atomic_write(folder / f"{NAME}.safetensors", binary=True) as handle:
            handle.write(save({key: np.ascontiguousarray(array) for key, array in arrays.items()}))
        write_json(folder / f"{NAME}.json", facts)

    @classmethod
    def load(cls, folder: Path) -> AcceptanceJudge:
        """What `save` wrote; UserError where it is missing, damaged or of another version."""
        try:
            return cls._load(Path(folder))
        except FileNotFoundError as error:
            raise UserError(f"{error.filename or folder} is not there; {COMMAND} makes a judge") from error
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, AttributeError, SafetensorError) as error:
            raise UserError(f"{folder}: {NAME} cannot be read ({error}); {COMMAND} makes a new one") from error

    @classmethod
    def _load(cls, folder: Path) -> AcceptanceJudge:
        facts = json.loads((folder / f"{NAME}.json").read_text(encoding="utf-8"))
        if facts["features"] != list(FEATURES):
            raise ValueError("made by another version of textvae")
        arrays = load_file(folder / f"{NAME}.safetensors")
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise ValueError("weights that are NaN or infinite")
        parts: dict[str, dict[str, np.ndarray]] = {"reader": {}, "ngram": {}, "classifier": {}}
        for key, array in arrays.items():
            part, _, name = key.partition(".")
            if name:
                parts[part][name] = array
        words = facts["words"].split(" ")
        with torch.random.fork_rng(devices=[]):
            config = SentenceReaderConfig(**facts["reader"])
            reader = SentenceReader(config, len(words) + END + 1, len(facts["labels"]))
        reader.load_state_dict({k: torch.from_numpy(array).float() for k, array in parts["reader"].items()})
        ordered = [words[number - END - 1] for number in parts["ngram"].pop("order").tolist()]
        language_model = KneserNey.from_compact([*RESERVED, *ordered], parts["ngram"])
        lexicon = Lexicon(words, *(torch.from_numpy(arrays[name]).float() for name in ("content", "lean")))
        classifier = Classifier(**parts["classifier"]) if parts["classifier"] else None
        found = (facts["labels"], classifier, float(facts["threshold"]), facts["facts"])
        return cls(reader, language_model, lexicon, *found)


def padded(rows: Sequence[Sequence[int]]) -> Tensor:
    """Sentences between BEGIN and END, padded: (B, L + 2) int64."""
    ids = np.full((len(rows), max(map(len, rows), default=0) + 2), PAD, np.int64)
    for number, row in enumerate(rows):
        ids[number, 0], ids[number, 1 : len(row) + 1], ids[number, len(row) + 1] = BEGIN, row, END
    return torch.from_numpy(ids)


def same_words(sources: list[tuple[str, ...]], outputs: list[tuple[str, ...]], n: int, m: int) -> Tensor:
    """(B, n, m) whether word i of the source is word j of the output, also those that no vocabulary knows."""
    numbers: dict[str, int] = {}
    sides = []
    for side, width, filler in ((sources, n, -1), (outputs, m, -2)):
        table = np.full((len(side), width), filler, np.int64)
        for row, words in enumerate(side):
            table[row, : len(words)] = [numbers.setdefault(word, len(numbers)) for word in words]
        sides.append(torch.from_numpy(table))
    return sides[0][:, :, None] == sides[1][:, None, :]
