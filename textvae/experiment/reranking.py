"""The weights of reranking, searched on dev without references: on round trips.

What people would have written is not known on dev, but what they wrote is: a dev sentence is rewritten in another
style and back again, and the weights are the better the more of it comes back (as back-translation trains, so this
tunes). Against the input alone, which knows nothing of which words people choose, the fewest changes are the best
ones, and a word like "avoid" before a sentence that is otherwise left alone wins. By what comes back alone no accuracy
is ever too high, since what was half changed does not come back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from textvae.evaluation.config import SelectionConfig
from textvae.evaluation.selection import DevScores, SelectionScore, selection_score
from textvae.experiment.candidate_table import (
    CandidateTable,
    Choice,
    candidate_table,
    human_fluency,
    tasks_back,
    tasks_of,
)
from textvae.inference.options import TransferOptions
from textvae.inference.scorers import RerankingWeights
from textvae.inference.style_transfer import StyleTransfer

GRID = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 32.0)
SEARCHED: dict[str, tuple[float, ...]] = dict.fromkeys(
    ("against", "content", "overlap", "kept", "longer", "fluency", "model"), GRID
)
"""Values tried of each weight. The style's stays 1: only ratios matter. The penalty of a copy stays as it is: the
selection score lets a tenth of the outputs be copies, people do not. The model's is searched unless the start has 0,
which spares its pass over all that no search found."""

STRICTNESS = 8
"""Power of the share of the accuracy wanted that a choice reaches: 1 % too little costs 8 % of the score."""

ROUNDS = 3
"""Times that every weight is searched in turn; a second round rarely changes any."""


@dataclass(frozen=True)
class RoundTrips:
    """There and back: the style of the way there, and the geometric mean of two BLEUs: of what was written against the
    dev sentence, and of what comes back.
    """

    there: CandidateTable
    back: CandidateTable

    @classmethod
    def travel(
        cls, transfer: StyleTransfer, dev_scores: DevScores, options: TransferOptions, start: RerankingWeights
    ) -> RoundTrips:
        """There with all candidates, back from the best under `start`. Cost: two searches of the dev sentences."""
        tasks = tasks_of(transfer, dev_scores)
        human = human_fluency(transfer, dev_scores.inputs)
        there = candidate_table(transfer, dev_scores, tasks, options, human)
        returning, references = tasks_back(transfer, dev_scores, tasks, there.chosen(start))
        return cls(there, candidate_table(transfer, dev_scores, returning, options, human, references))

    def score(self, weights: RerankingWeights, config: SelectionConfig) -> tuple[float, SelectionScore]:
        """What the search maximises, and the selection score of the same choice (word overlap is not computed)."""
        choice = self.there.judged(weights)
        content = float(np.sqrt(choice.content * self.back.judged(weights).content))
        return worth(choice, content, self.there.human, config), scored(choice, config)


def scored(choice: Choice, config: SelectionConfig) -> SelectionScore:
    """The score that chooses checkpoints, of a choice of candidates."""
    found = selection_score(choice.accuracy, choice.content, choice.copied, config.copy_limit)
    return SelectionScore(found, choice.accuracy, choice.content, float("nan"), choice.copied)


def worth(choice: Choice, content: float, human: float, config: SelectionConfig) -> float:
    """Content, once the accuracy wanted is reached: more accuracy brings nothing, so `accuracy` says where between
    style and content the choice lies; without it their product.

    The selection score knows no fluency, so a choice of worse fluency than human sentences pays for it: the factor is
    the ratio of the two mean probabilities of a token, at most 1, to the power of a quarter.
    """
    reached = min(1.0, choice.accuracy / config.accuracy) ** STRICTNESS if config.accuracy else choice.accuracy
    fluent = float(np.exp(min(0.0, choice.fluency - human) / 4))
    return selection_score(reached, content, choice.copied, config.copy_limit) * fluent


def search_weights(trips: RoundTrips, start: RerankingWeights, config: SelectionConfig) -> RerankingWeights:
    """The best end of `climbed` from `start` and from starts of which one part of the content weighs more."""
    others = [replace(start, **{name: 8.0}) for name in ("content", "overlap", "kept")]
    return max((climbed(trips, first, config) for first in (start, *others)), key=lambda w: trips.score(w, config)[0])


def climbed(trips: RoundTrips, start: RerankingWeights, config: SelectionConfig) -> RerankingWeights:
    """Coordinate search over `SEARCHED` from `start`: the best value of each weight in turn, until none changes."""
    best, value = start, trips.score(start, config)[0]
    for _ in range(ROUNDS):
        before = best
        for name, values in SEARCHED.items():
            for tried in values if name != "model" or start.model else ():
                weights = replace(best, **{name: tried})
                found = trips.score(weights, config)[0]
                if found > value:
                    best, value = weights, found
        if best == before:
            break
    return best
