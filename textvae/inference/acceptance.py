"""P(a reader accepts | input, output, target): would somebody who asked for this rewriting take it as it is?

MODEL/scorers/acceptance.json         words, labels, names of the features, threshold, how well it agrees with people
MODEL/scorers/acceptance.safetensors  a `SentenceReader`, what each word weighs as content and as style, a classifier

The classifier is fitted to marks of readers (`textvae fit-judge`); its features come from this small reader alone, so
it needs neither a connection nor anything pretrained.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor
from torch.nn import functional as F

from textvae.errors import UserError
from textvae.files import atomic_write, write_json
from textvae.modules.sentence_reader import BEGIN, END, PAD, UNK, SentenceReader, SentenceReaderConfig
from textvae.text import prepare

NAME = "acceptance"
COMMAND = "textvae fit-judge"
"""What makes a judge; it stands in messages."""
LONGEST = 60
"""Words of a sentence that are read."""
_ENDS = ", ; . ! ? : and but or because while although though -- ( )"
_NEGATIONS = "not n't no never nor neither none nobody nothing nowhere without hardly cannot"
CLAUSE_ENDS, NEGATIONS = frozenset(_ENDS.split()), frozenset(_NEGATIONS.split())
MARKS = frozenset((".", "!", "?", "...", ")", "''"))
NUMBER = re.compile(r"\S*\d\S*")


def normalised(text: str) -> list[str]:
    """Words of a raw or tokenised sentence, lower-case, `_num_` for what has a digit, a full stop if no mark ends it.

    Whether a sentence ends in a mark is a habit of who typed it; to a reader of words its lack is a mistake.
    """
    words = NUMBER.sub("_num_", prepare(text)).split()[:LONGEST]
    return words if not words or words[-1] in MARKS else [*words, "."]


def clauses(words: Sequence[str]) -> list[tuple[str, ...]]:
    """Parts of a sentence between punctuation marks and conjunctions, of two words or more."""
    found: list[list[str]] = [[]]
    for word in words:
        if word in CLAUSE_ENDS:
            found.append([])
        else:
            found[-1].append(word)
    return [tuple(clause) for clause in found if len(clause) > 1]


class Summary(NamedTuple):
    """What the reader made of one sentence of n words."""

    style: np.ndarray
    """(K,) log p of the labels."""
    machine: float
    wrong: np.ndarray
    """(n,) logits that a word is wrong."""
    likelihood: np.ndarray
    """(n,) log p of each word between its neighbours, nats."""


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
    """Logistic regression of features (N, F)."""

    mean: np.ndarray
    scale: np.ndarray
    weight: np.ndarray
    """(F,) of standardised features cut at ±4."""
    bias: float

    def standardised(self, features: np.ndarray) -> np.ndarray:
        """Mean 0, spread 1 on the marks it learnt from, cut at ±4."""
        return np.clip((features - self.mean) / self.scale, -4, 4)

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Probabilities (N,)."""
        return 1 / (1 + np.exp(-(self.standardised(features) @ self.weight + self.bias)))


class AcceptanceJudge:
    """Probabilities that people accept outputs as rewritings of sources into target labels."""

    def __init__(
        self,
        reader: SentenceReader,
        lexicon: Lexicon,
        labels: Sequence[str],
        classifier: Classifier | None = None,
        threshold: float = 0.5,
        facts: dict[str, Any] | None = None,
    ) -> None:
        self.reader, self.lexicon, self.labels = reader.eval(), lexicon, tuple(labels)
        self.classifier, self.threshold, self.facts = classifier, threshold, facts or {}

    def __call__(self, sources: Sequence[str], outputs: Sequence[str], targets: Sequence[str | int]) -> np.ndarray:
        """P(accepted), (N,). targets: names or numbers of labels, one for each pair."""
        if self.classifier is None:
            raise UserError(f"this judge has no classifier yet; {COMMAND} fits it to marks of readers")
        return self.classifier(self.features(sources, outputs, targets))

    def numbered(self, targets: Sequence[str | int]) -> np.ndarray:
        """Numbers of labels (N,); UserError for one that the judge does not know."""
        known = {name: number for number, name in enumerate(self.labels)}
        known |= {number: number for number in range(len(self.labels))}  # type: ignore[misc]
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
        rows = [
            self.of_pair(read, whole[x], whole[y], parts[y], target)
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

    def of_pair(
        self,
        read: dict[tuple[str, ...], Summary],
        source: tuple[str, ...],
        output: tuple[str, ...],
        parts: Sequence[tuple[str, ...]],
        target: int,
    ) -> list[float]:
        """Features `SINGLE`."""
        x, y = read[source], read[output]
        whole = margin(y.style, target)
        by_clause = [margin(read[part].style, target) for part in parts] or [whole]
        return [
            whole,
            margin(x.style, target),
            min(by_clause),
            sum(by_clause) / len(by_clause),
            chance(whole),
            chance(min(by_clause)),
            *fluency(x, y),
            y.machine,
            y.machine - x.machine,
            *edits(source, output),
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
        tensors = {f"reader.{key}": tensor.half() for key, tensor in self.reader.state_dict().items()}
        tensors |= {"content": self.lexicon.content.half(), "lean": self.lexicon.lean.half()}
        facts: dict[str, Any] = {
            "reader": asdict(self.reader.config), "labels": list(self.labels), "threshold": self.threshold,
            "facts": self.facts, "features": list(FEATURES), "words": " ".join(self.lexicon.words),
        }  # fmt: skip
        if self.classifier is not None:
            found = vars(self.classifier)
            tensors |= {f"classifier.{k}": torch.tensor(np.asarray(v), dtype=torch.float64) for k, v in found.items()}
        with atomic_write(folder / f"{NAME}.safetensors", binary=True) as handle:
            handle.write(save({key: tensor.contiguous() for key, tensor in tensors.items()}))
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
        tensors = load_file(folder / f"{NAME}.safetensors")
        if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
            raise ValueError("weights that are NaN or infinite")
        words = facts["words"].split(" ")
        with torch.random.fork_rng(devices=[]):
            reader = SentenceReader(SentenceReaderConfig(**facts["reader"]), len(words) + END + 1, len(facts["labels"]))
        reader.load_state_dict(
            {key.removeprefix("reader."): t.float() for key, t in tensors.items() if key.startswith("reader.")}
        )
        lexicon = Lexicon(words, tensors["content"].float(), tensors["lean"].float())
        found = {key.removeprefix("classifier."): t.numpy() for key, t in tensors.items() if key.startswith("classif")}
        classifier = Classifier(**{**found, "bias": float(found["bias"])}) if found else None
        return cls(reader, lexicon, facts["labels"], classifier, float(facts["threshold"]), facts["facts"])


# ------------------------------------------------------------------------------------------------ one pair's numbers
def margin(log_probs: np.ndarray, target: int) -> float:
    """Log-odds of the target against all other labels, nats, cut at ±8."""
    other = np.logaddexp.reduce(np.delete(log_probs, target)) if len(log_probs) > 1 else 0.0
    return float(np.clip(log_probs[target] - other, -8, 8))


def chance(logit: float) -> float:
    """Logistic function."""
    return float(1 / (1 + np.exp(-logit)))


def worst_stretch(values: np.ndarray, width: int = 3) -> float:
    """Least mean of so many neighbours."""
    if len(values) <= width:
        return float(values.mean()) if len(values) else 0.0
    sums = np.cumsum(np.concatenate(([0.0], values)))
    return float((sums[width:] - sums[:-width]).min() / width)


def fluency(x: Summary, y: Summary) -> list[float]:
    """Likelihood and wrongness of an output, and how both differ from the source."""
    found = []
    for summary in (x, y):
        likelihood, wrong = summary.likelihood, summary.wrong
        if not len(wrong):
            found.append(np.array([-25.0, -25.0, -25.0, 8.0, 1.0]))
            continue
        doubts = 1 / (1 + np.exp(-wrong))
        found.append(
            np.array([likelihood.mean(), likelihood.min(), worst_stretch(likelihood), wrong.max(), doubts.sum()])
        )
    return [*found[1].tolist(), *(found[1] - found[0]).tolist()]


def edits(source: tuple[str, ...], output: tuple[str, ...]) -> list[float]:
    """What was kept, put in, lost and doubled, whatever the words mean."""
    x, y = set(source), set(output)
    put_in, lost = [w for w in output if w not in x], [w for w in source if w not in y]
    start = next((i for i, (a, b) in enumerate(zip(source, output, strict=False)) if a != b), len(source))
    doubled = sum(a == b for a, b in zip(output, output[1:], strict=False))
    repeated = len(output) - len(y) - (len(source) - len(x))
    return [
        2 * len(x & y) / max(len(x) + len(y), 1),
        float(np.log((len(output) + 1) / (len(source) + 1))),
        abs(len(output) - len(source)),
        len(output),
        len(put_in),
        len(lost),
        float(start == 0 and len(output) > len(source)),
        doubled + repeated,
        abs(output.count("_num_") - source.count("_num_")),
        sum(w in NEGATIONS for w in output) - sum(w in NEGATIONS for w in source),
        float(source == output),
        float(output[-1:] == source[-1:]),
    ]


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


FLUENCY = ("likelihood", "least_likelihood", "worst_stretch", "most_wrong", "wrong_words")
SINGLE = (
    "style", "source_style", "weakest_clause", "mean_clause", "style_chance", "weakest_chance",
    *FLUENCY, *(f"{name}_change" for name in FLUENCY), "machine", "machine_change",
    "overlap", "longer", "length_change", "length", "put_in", "lost", "put_before", "doubled", "numbers_changed",
    "negations_changed", "copy", "same_end",
)  # fmt: skip
"""Features of `AcceptanceJudge.of_pair`."""
ALIGNED = tuple(
    f"{side}_{name}"
    for side in ("source", "output")
    for name in ("content_kept", "content_near", "content_most_lost", "content_lost", "content")
)
"""Features of `AcceptanceJudge.aligned`."""
FEATURES = SINGLE + ALIGNED
"""Names of all columns, in their order."""
