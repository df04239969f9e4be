"""All candidates of many sentences in arrays, so that any weights of reranking are judged in milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch

from textvae.evaluation import bleu
from textvae.evaluation.metrics import copies
from textvae.evaluation.selection import DevScores
from textvae.evaluation.task import Transfer
from textvae.inference.pieces import Piece
from textvae.inference.reranking import PARTS, signed
from textvae.inference.scorers import RerankingWeights
from textvae.inference.style_transfer import StyleTransfer, TransferOptions, Written


class Choice(NamedTuple):
    """What the best candidates under some weights are like: shares of 1, and log p per token in nats."""

    accuracy: float
    content: float
    copied: float
    fluency: float


@dataclass(frozen=True)
class CandidateTable:
    """C candidates of each of N sentences.

    parts: (N, C, P) unweighted parts of the score, as `PARTS`. real: (N, C) whether there is a candidate. hits,
    copied: (N, C) whether the selection judges find the labels it should have, and whether it equals the input.
    statistics: (N, C, 11) of BLEU against what the candidates should keep. fluency is the language model's part.
    """

    texts: list[list[str]]
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
        references: Sequence[str] | None = None,
    ) -> CandidateTable:
        """From the texts of each sentence's candidates, their parts (C_i, P), the input, and hits (Σ C_i,) of all.

        references: what a candidate should be like, word for word; the input if None.
        """
        width = max(map(len, texts))
        real = np.array([[place < len(row) for place in range(width)] for row in texts])
        flat = [text for row in texts for text in row]
        sources = [source for source, row in zip(inputs, texts, strict=True) for _ in row]
        wanted = [[text] for text, row in zip(references or inputs, texts, strict=True) for _ in row]

        def spread(values: np.ndarray) -> np.ndarray:
            table = np.zeros((*real.shape, *values.shape[1:]), values.dtype)
            table[real] = values
            return table

        return cls(
            [list(row) for row in texts],
            spread(np.concatenate(parts)),
            real,
            spread(hits),
            spread(copies(flat, sources).astype(bool)),
            spread(bleu.statistics(flat, wanted)),
            human,
        )

    def choose(self, weights: RerankingWeights) -> np.ndarray:
        """(N,) the best candidate of each sentence."""
        return np.where(self.real, self.parts @ np.array(signed(weights)), -np.inf).argmax(1)

    def chosen(self, weights: RerankingWeights) -> list[str]:
        """The texts of these."""
        return [row[place] for row, place in zip(self.texts, self.choose(weights), strict=True)]

    def judged(self, weights: RerankingWeights) -> Choice:
        """What these are like."""
        rows, chosen = np.arange(len(self.parts)), self.choose(weights)
        return Choice(
            float(self.hits[rows, chosen].mean()),
            float(np.nan_to_num(bleu.from_statistics(self.statistics[rows, chosen].sum(0)))) / 100,
            float(self.copied[rows, chosen].mean()),
            float(self.parts[rows, chosen, PARTS.index("fluency")].mean()),
        )


class Task(NamedTuple):
    """Sentences of which one attribute is to change: their pieces, whose candidates are wanted, the label each should
    get, and the number of the sentence among the dev sentences.
    """

    attribute: int
    pieces: list[Piece]
    inputs: list[str]
    targets: list[int]
    rows: list[int]


def tasks_of(transfer: StyleTransfer, dev_scores: DevScores) -> list[Task]:
    """Each attribute of the dev sentences changes alone, to the label after its own. Sentences that the model reads in
    several pieces are left out: their candidates are combinations.
    """
    single = single_pieces(transfer, dev_scores.inputs)
    found = []
    for attribute, part in enumerate(dev_scores.parts):
        targets = [(int(label) + 1) % len(part.task.labels) for label in part.task.input_labels]
        rows = list(single)
        inputs = [dev_scores.inputs[row] for row in rows]
        found.append(Task(attribute, [single[row] for row in rows], inputs, [targets[row] for row in rows], rows))
    return found


def tasks_back(
    transfer: StyleTransfer, dev_scores: DevScores, tasks: Sequence[Task], written: Sequence[str]
) -> tuple[list[Task], list[str]]:
    """The way back: what was `written` for all `tasks`, one after the other, is to get the dev sentence's own label;
    and the dev sentences. What is not one piece is left out.
    """
    found, references, texts = [], [], iter(written)
    for task in tasks:
        inputs, own = [next(texts) for _ in task.rows], dev_scores.parts[task.attribute].task.input_labels
        single = single_pieces(transfer, inputs)
        rows = [task.rows[place] for place in single]
        labels = [int(own[row]) for row in rows]
        found.append(Task(task.attribute, list(single.values()), [inputs[place] for place in single], labels, rows))
        references += [dev_scores.inputs[row] for row in rows]
    return found, references


def single_pieces(transfer: StyleTransfer, texts: Sequence[str]) -> dict[int, Piece]:
    """The only piece of each text that has no other."""
    lines = transfer.reader.read(texts)
    return {place: line.pieces[0] for place, line in enumerate(lines) if len(line.pieces) == 1}


def candidate_table(
    transfer: StyleTransfer,
    dev_scores: DevScores,
    tasks: Sequence[Task],
    options: TransferOptions,
    human: float,
    references: Sequence[str] | None = None,
) -> CandidateTable:
    """All candidates of the sentences of all tasks, as `options` (with rerank) make them; human: `human_fluency`."""
    found: list[list[Written]] = []
    hits = []
    for task in tasks:
        written = candidates_of(transfer, task, options)
        places = zip(task.rows, task.targets, written, strict=True)
        outputs = [Transfer(row, target, c.text) for row, target, part in places for c in part]
        found += written
        hits.append(dev_scores.hits(task.attribute, outputs))
    return CandidateTable.build(
        [[candidate.text for candidate in row] for row in found],
        [np.array([candidate.parts for candidate in row]) for row in found],
        [text for task in tasks for text in task.inputs],
        np.concatenate(hits),
        human,
        references,
    )


def candidates_of(transfer: StyleTransfer, task: Task, options: TransferOptions) -> list[list[Written]]:
    """Candidates of each sentence of a task with the bare parts of their scores."""
    attributes, found = transfer.attributes, [[] for _ in task.pieces]  # type: ignore[var-annotated]
    for target, label in enumerate(attributes.labels[task.attribute]):
        places = [place for place, wanted in enumerate(task.targets) if wanted == target]
        wanted = {attributes.names[task.attribute]: label}
        writer = replace(transfer.writer(replace(options, target=wanted)), bare=True)
        with torch.inference_mode():
            written = transfer.decode([(task.pieces[place].ids,) for place in places], writer, False)
        for place, row in zip(places, written, strict=True):
            found[place] = [c._replace(text=transfer.reader.restored(c.text, task.pieces[place])) for c in row]
    return found


@torch.inference_mode()
def human_fluency(transfer: StyleTransfer, texts: Sequence[str]) -> float:
    """Mean over sentences of one piece of log p per token by the language model of the scorers, nats."""
    ids = transfer.pad([piece.ids for piece in single_pieces(transfer, texts).values()]).to(transfer.model.device)
    return float(transfer.scorers.fluency(ids, ids != transfer.ids.pad).mean())
