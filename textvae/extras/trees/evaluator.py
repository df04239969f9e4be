"""One look at a grammar: how likely it finds sentences, and how near its trees are to known ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from textvae.data.batch import Batch, Collator
from textvae.data.loader import evaluation_batches
from textvae.data.tokenized import TokenizedCorpus
from textvae.data.trees import Span, Tree
from textvae.evaluation.diagnostics.measures import importance_weighted_nll
from textvae.extras.trees.compound_pcfg import CompoundPCFG
from textvae.extras.trees.config import TreeEvaluationConfig
from textvae.extras.trees.scores import TreeScore, baselines, f1
from textvae.inference.kneser_ney import KneserNey
from textvae.modules.noise import NoiseKey, mix
from textvae.tokenization.config import SPECIAL

BATCH = 64


@dataclass(frozen=True)
class KnownTrees:
    """Sentences as ids, and the tree of each; None where there is none, or its words are others."""

    corpus: TokenizedCorpus
    trees: list[Tree | None]

    @property
    def scored(self) -> list[int]:
        """Sentences that have a tree."""
        return [row for row, tree in enumerate(self.trees) if tree is not None]


@dataclass(frozen=True)
class TreeEvaluation:
    """What was found. distortion: −log p(x | z), z ~ q(z | x), or −log p(x) where there is no z; rate: KL(q ‖ p).

    nll: −log p(x) in nats a sentence, exact (samples None) or an upper bound from `samples` draws, None for a latent
    without density; perplexity: per word, the sentence's end counted as one. ngram_…: the same of an n-gram model.
    trees: unlabelled F1 of "model" and of what anybody can guess; empty without known trees.
    """

    sentences: int
    tokens: int
    samples: int | None
    distortion: float
    rate: float | None
    cost: float
    nll: float | None
    perplexity: float | None
    ngram_order: int | None
    ngram_nll: float | None
    ngram_perplexity: float | None
    trees: dict[str, TreeScore]
    without_tree: int

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def evaluate_trees(
    model: CompoundPCFG,
    known: KnownTrees,
    collator: Collator,
    config: TreeEvaluationConfig,
    ngrams: KneserNey | None = None,
) -> TreeEvaluation:
    """Look at a model in eval mode."""
    count = len(known.corpus)
    terms: dict[str, list[Tensor]] = {"distortion": [], "cost": [], "nll": []}
    found: list[set[Span]] = [set() for _ in range(count)]
    for number, (indices, batch) in enumerate(evaluation_batches(known.corpus, collator, BATCH)):
        batch = replace(batch.to(model.device), key=NoiseKey(mix(config.seed, number), 0, len(indices)))
        for name, value in likelihood(model, batch, config.samples).items():
            terms[name].append(value.double().cpu())
        for row, spans in zip(indices.tolist(), model.trees(batch), strict=True):
            found[row] = spans
    sums = {name: float(torch.cat(values).sum()) for name, values in terms.items() if values}
    tokens = int(known.corpus.lengths.sum()) + count
    gold = [tree for tree in known.trees if tree is not None]
    scores = {"model": f1(gold, [found[row] for row in known.scored]), **baselines(gold, config.seed)} if gold else {}
    nll = sums.get("nll")
    plain = None if ngrams is None else -float(ngrams.score(as_words(known.corpus)).log_prob.sum())
    return TreeEvaluation(
        sentences=count,
        tokens=tokens,
        samples=None if model.latent is None else config.samples,
        distortion=sums["distortion"] / count,
        rate=None if model.latent is None else sums["cost"] / count,
        cost=sums.get("cost", 0.0) / count,
        nll=None if nll is None else nll / count,
        perplexity=None if nll is None else math.exp(nll / tokens),
        ngram_order=None if ngrams is None else ngrams.order,
        ngram_nll=None if plain is None else plain / count,
        ngram_perplexity=None if plain is None else math.exp(plain / tokens),
        trees=scores,
        without_tree=count - len(gold),
    )


@torch.no_grad()
def likelihood(model: CompoundPCFG, batch: Batch, samples: int) -> dict[str, Tensor]:
    """Of each sentence (B,): nats of distortion, of the latent's cost, and of −log p(x) where it can be told."""
    if model.latent is None:
        nll = model.nll(batch)
        return {"distortion": nll, "nll": nll}
    assert batch.key is not None
    posterior = model.encode(batch)
    weights: list[Tensor] = []
    distortion = torch.zeros_like(posterior.penalty)
    for draw in range(samples):
        z = model.latent.draw(posterior, replace(batch.key, seed=mix(batch.key.seed, draw)))
        nll, ratio = model.nll(batch, z), model.latent.log_ratio(posterior, z, batch.style)
        distortion += nll / samples
        if ratio is not None:
            weights.append(ratio - nll)
    found = {"distortion": distortion, "cost": model.latent.cost(posterior)}
    return {**found, "nll": importance_weighted_nll(torch.stack(weights))} if weights else found


def as_words(corpus: TokenizedCorpus) -> list[str]:
    """Sentences of ids as text that an n-gram model reads: the same words are unknown to it as to the grammar."""
    return [
        " ".join("<unk>" if i == SPECIAL.unk else str(i) for i in corpus.sentence(row).tolist())
        for row in range(len(corpus))
    ]


def ngram_model(train: TokenizedCorpus, order: int) -> KneserNey:
    """An n-gram model of the training sentences."""
    return KneserNey(order, min_count=1).fit(as_words(train))


@dataclass(frozen=True)
class TreeValidator:
    """validator(model, step) → {`dev/…`: value}; tells a line through `say`.

    dev/score is minus the weighted sum of the objectives at their final weights: rec, kl. F1 is told and logged where
    trees are known, and never chooses the model: that would be supervision.
    """

    config: TreeEvaluationConfig
    dev: KnownTrees
    collator: Collator
    weights: tuple[float, float]
    say: Callable[[str], None]

    def __call__(self, model: CompoundPCFG, step: int) -> dict[str, float]:
        """Metrics of a model in eval mode."""
        found = evaluate_trees(model, self.dev, self.collator, self.config)
        rec, kl = self.weights
        metrics = {
            "score": -(rec * found.distortion + kl * found.cost),
            "J_rec": found.distortion,
            "J_kl": found.rate,
            "nll": found.nll,
            "perplexity": found.perplexity,
        }
        if found.trees:
            metrics |= {"sentence_f1": found.trees["model"].sentence_f1, "corpus_f1": found.trees["model"].corpus_f1}
        told = {name: value for name, value in metrics.items() if value is not None and np.isfinite(value)}
        self.say(f"step {step}  dev: " + ", ".join(f"{name} {value:.3f}" for name, value in told.items()))
        return {f"dev/{name}": value for name, value in told.items()}
