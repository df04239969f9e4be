"""The weights of reranking, searched on dev without references, against the score that chooses checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch

from textvae.evaluation import bleu
from textvae.evaluation.config import SelectionConfig
from textvae.evaluation.metrics import copies
from textvae.evaluation.selection import DevScores, SelectionScore, selection_score
from textvae.evaluation.task import Transfer
from textvae.inference.reranking import PARTS
from textvae.inference.scorers import RerankingWeights, Scorers
from textvae.inference.style_transfer import StyleTransfer, TransferOptions, Written

SEARCHED: dict[str, tuple[float, ...]] = {
    "content": (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0),
    "overlap": (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0),
    "fluency": (0.0, 0.1, 0.2, 0.5, 1.0, 2.0),
    "model": (0.0, 0.1, 0.2, 0.5, 1.0, 2.0),
}
"""Values tried of each weight. The style's stays 1: only ratios matter. The penalty of a copy stays as it is: the
selection score lets a tenth of the outputs be copies, people do not."""

STRICTNESS = 8
"""Power of the share of the accuracy wanted that a choice reaches: 1 % too little costs 8 % of the score."""

UNWEIGHTED = RerankingWeights(1.0, 1.0, 1.0, 1.0, 1.0, -1.0)
"""Under these weights the parts of a score are the bare numbers, the mark of a copy included."""

ROUNDS = 3
"""Times that every weight is searched in turn; a second round rarely changes any."""


@dataclass(frozen=True)
class CandidateTable:
    """C candidates of each of N dev sentences, so that any choice is scored in milliseconds.

    parts: (N, C, P) unweighted parts of the score, as `PARTS`. real: (N, C) whether there is a candidate. hits,
    copied: (N, C) whether the selection judges find the labels it should have, and whether it equals the input.
    statistics: (N, C, 11) of BLEU against the input. fluency is the language model's part.
    """

    parts: np.ndarray
    real: np.ndarray
    hits: np.ndarray
    copied: np.ndarray
    statistics: np.ndarray
    human: float
    """log p per token of the dev sentences themselves by the language model of the scorers, nats."""

    @classmethod
    def build(
        cls,
        texts: Sequence[Sequence[str]],
        parts: Sequence[np.ndarray],
        inputs: Sequence[str],
        hits: np.ndarray,
        human: float,
    ) -> CandidateTable:
        """From the texts of each sentence's candidates, their parts (C_i, P), the input, and hits (Σ C_i,) of all."""
        width = max(map(len, texts))
        real = np.array([[place < len(row) for place in range(width)] for row in texts])
        flat = [text for row in texts for text in row]
        sources = [source for source, row in zip(inputs, texts, strict=True) for _ in row]

        def spread(values: np.ndarray) -> np.ndarray:
            table = np.zeros((*real.shape, *values.shape[1:]), values.dtype)
            table[real] = values
            return table

        return cls(
            spread(np.concatenate(parts)),
            real,
            spread(hits),
            spread(copies(flat, sources).astype(bool)),
            spread(bleu.statistics(flat, [[source] for source in sources])),
            human,
        )

    def choose(self, weights: RerankingWeights) -> np.ndarray:
        """(N,) the best candidate of each sentence."""
        signed = np.array([-value if name == "copy" else value for name, value in asdict(weights).items()])
        return np.where(self.real, self.parts @ signed, -np.inf).argmax(1)

    def score(self, weights: RerankingWeights, config: SelectionConfig) -> tuple[float, SelectionScore]:
        """What the search maximises, and the selection score of the same choice (word overlap is not computed).

        Content, once the accuracy wanted is reached: more accuracy brings nothing, so `accuracy` says where between
        style and content the choice lies. The selection score knows no fluency, so a choice of worse fluency than human
        sentences pays for it: the factor is the ratio of the two mean probabilities of a token, at most 1, to the power
        of a quarter.
        """
        rows, chosen = np.arange(len(self.parts)), self.choose(weights)
        accuracy = float(self.hits[rows, chosen].mean())
        content = float(np.nan_to_num(bleu.from_statistics(self.statistics[rows, chosen].sum(0)))) / 100
        copied = float(self.copied[rows, chosen].mean())
        found = selection_score(accuracy, content, copied, config.copy_limit)
        fluency = float(self.parts[rows, chosen, PARTS.index("fluency")].mean())
        factor = float(np.exp(min(0.0, fluency - self.human) / 4))
        if config.accuracy:
            counted = selection_score(1.0, content, copied, config.copy_limit)
            factor *= counted * min(1.0, accuracy / config.accuracy) ** STRICTNESS
        else:
            factor *= found
        return factor, SelectionScore(found, accuracy, content, float("nan"), copied)


def search_weights(table: CandidateTable, start: RerankingWeights, config: SelectionConfig) -> RerankingWeights:
    """Coordinate search over `SEARCHED` from `start`: the best value of each weight in turn, until none changes."""
    best, value = start, table.score(start, config)[0]
    for _ in range(ROUNDS):
        before = best
        for name, values in SEARCHED.items():
            for tried in values:
                weights = replace(best, **{name: tried})
                found = table.score(weights, config)[0]
                if found > value:
                    best, value = weights, found
        if best == before:
            break
    return best


def candidate_table(transfer: StyleTransfer, dev_scores: DevScores, options: TransferOptions) -> CandidateTable:
    """All candidates of the dev sentences, each for the label after its own, as `options` (with rerank) make them.

    With several attributes each of them changes alone. Sentences that the model reads in several pieces are left out:
    their candidates are combinations.
    """
    lines = transfer.reader.read(dev_scores.inputs)
    pieces = {row: line.pieces[0].ids for row, line in enumerate(lines) if len(line.pieces) == 1}
    found: list[list[Written]] = []
    hits = []
    for attribute in range(len(dev_scores.parts)):
        targets, written = candidates_of(transfer, dev_scores, attribute, pieces, options)
        outputs = [Transfer(row, targets[row], c.text) for row, part in zip(pieces, written, strict=True) for c in part]
        found += written
        hits.append(dev_scores.hits(attribute, outputs))
    return CandidateTable.build(
        [[candidate.text for candidate in row] for row in found],
        [np.array([candidate.parts for candidate in row]) for row in found],
        [dev_scores.inputs[row] for row in pieces] * len(dev_scores.parts),
        np.concatenate(hits),
        human_fluency(transfer, list(pieces.values())),
    )


def candidates_of(
    transfer: StyleTransfer,
    dev_scores: DevScores,
    attribute: int,
    pieces: dict[int, tuple[int, ...]],
    options: TransferOptions,
) -> tuple[list[int], list[list[Written]]]:
    """Labels of an attribute that the dev sentences are to have, and candidates of `pieces` by their row."""
    task, attributes, scorers = dev_scores.parts[attribute].task, transfer.attributes, transfer.scorers
    targets = [(int(label) + 1) % len(task.labels) for label in task.input_labels]
    bare = Scorers(scorers.guide, scorers.language_model, replace(scorers.reranking, weights=UNWEIGHTED))
    found: dict[int, list[Written]] = {}
    for target, label in enumerate(attributes.labels[attribute]):
        rows = [row for row in pieces if targets[row] == target]
        wanted = {attributes.names[attribute]: label}
        writer = replace(transfer.writer(replace(options, target=wanted)), scorers=bare)
        with torch.inference_mode():
            found |= dict(zip(rows, transfer.decode([(pieces[row],) for row in rows], writer, False), strict=True))
    return targets, [found[row] for row in pieces]


@torch.inference_mode()
def human_fluency(transfer: StyleTransfer, sentences: Sequence[tuple[int, ...]]) -> float:
    """Mean over sentences of log p per token by the language model of the scorers, nats."""
    ids = transfer.pad(list(sentences)).to(transfer.model.device)
    return float(transfer.scorers.fluency(ids, ids != transfer.ids.pad).mean())
