"""Candidates in the order of a score that weighs style, content, fluency and the model's own opinion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn import functional as F

from textvae.inference.decoding import Decoded
from textvae.inference.scorers import RerankingWeights, Scorers, complement
from textvae.inference.search import NEVER
from textvae.models.style_content_vae import StyleContentVAE
from textvae.modules.noise import exact

PARTS = tuple(RerankingWeights.__dataclass_fields__)
"""Names of the parts of a score, in the order of every table of them."""

TAKEN_AWAY = ("against", "longer", "copy")
"""Parts that speak against a candidate."""


def signed(weights: RerankingWeights) -> list[float]:
    """What each of `PARTS` is multiplied by in a score."""
    values = vars(weights)
    return [-values[name] if name in TAKEN_AWAY else values[name] for name in PARTS]


@dataclass(frozen=True)
class Source:
    """B sentences to be rewritten: ids (B, L) that end in `</s>` before padding, and their z_c (B, Zc).

    rows: (B, M, D_mem) what the decoder may look back at, None for a pure bottleneck. style: (B, Zs) by which the
    sentence keeps the attributes that are not asked for. blanks: rows of the sentence without its style words.
    labels: (B, A) found in it, where it keeps some.
    """

    ids: Tensor
    content: Tensor
    rows: Tensor | None = None
    style: Tensor | None = None
    blanks: Tensor | None = None
    labels: Tensor | None = None


LEANING = 3.5
"""Nats by which a word must lean away from the style wanted to count; from one more on it counts as a whole word."""


class Reranker:
    """Scores the candidates of sentences with a model and the scorers stored beside it."""

    def __init__(self, model: StyleContentVAE, scorers: Scorers):
        self.model, self.scorers = model, scorers
        pad, eos = model.config.pad_token_id, model.config.eos_token_id
        self.pad, self.eos, self.words = pad, eos, model.config.vocab_size
        passed_over = model.style_tokens.clone()
        passed_over[[pad, model.config.bos_token_id, eos, model.config.unk_token_id]] = True
        self.passed_over = passed_over

    @staticmethod
    def weighted(parts: Tensor, weights: RerankingWeights) -> Tensor:
        """Parts (B, C, P) times their weights: a score is their sum."""
        return parts * parts.new_tensor(signed(weights))

    @classmethod
    def totals(cls, found: Decoded, parts: Tensor, weights: RerankingWeights) -> Tensor:
        """(B, C) scores, -inf where there is no candidate."""
        return cls.weighted(parts, weights).sum(-1).masked_fill(found.lengths == 0, NEVER)

    @classmethod
    def sorted(cls, found: Decoded, parts: Tensor, weights: RerankingWeights) -> tuple[Decoded, Tensor, Tensor]:
        """Candidates best first, their weighted parts (B, C, P) and the bare ones."""
        order = cls.totals(found, parts, weights).argsort(dim=1, descending=True, stable=True)
        parts = parts.gather(1, order[:, :, None].expand_as(parts))
        return arranged(found, order), cls.weighted(parts, weights), parts

    def parts(self, source: Source, found: Decoded, style: Tensor, penalty: float) -> Tensor:
        """(B, C, P) unweighted, 0 where there is no candidate; columns as `PARTS`.

        style: (S,) shares of the labels wanted, or (B, S) of each sentence. Cost: about half of the search that found
        them.
        """
        real = found.lengths > 0
        table = exact(found.scores).new_zeros(*found.lengths.shape, len(PARTS))
        if not bool(real.any()):
            return table
        rows, tokens, lengths = real.nonzero()[:, 0], found.tokens[real], found.lengths[real]
        order = lengths.argsort(stable=True)  # by length, so that few are padded to the longest
        columns = [
            self.of(source, rows[part], tokens[part, : int(lengths[part].max())], style)
            for part in order.split(-(-len(order) // 4))
        ]
        flat = torch.cat(columns)[order.argsort()].to(table.dtype)
        flat[:, PARTS.index("model")] = (exact(found.scores)[real] / lengths**penalty).to(table.dtype)
        table[real] = flat
        return table

    def of(self, source: Source, rows: Tensor, tokens: Tensor, style: Tensor) -> Tensor:
        """(N, P) of tokens (N, T), rewritings of the sources `rows` (N,); the model's own part is left 0."""
        mask = tokens != self.pad
        style = style[rows] if style.dim() == 2 else style
        content = exact(self.model.content_means(tokens, mask))
        values = {
            "style": (beyond(self.scorers.style(tokens, mask), self.scorers.reranking.margin) * style).sum(-1),
            "content": F.cosine_similarity(content, exact(source.content[rows]), dim=-1),
            "overlap": self.overlap(tokens, source.ids[rows]),
            "kept": shared_runs(tokens, source.ids[rows], (self.pad, self.eos)),
            "fluency": self.scorers.fluency(tokens, mask),
            "longer": longer(tokens, source.ids[rows], (self.pad, self.eos)),
            "copy": same(tokens, source.ids[rows], self.pad),
        }
        if self.scorers.reranking.weights.against:  # a guide's opinion of every word, which nobody may have asked for
            values["against"] = self.against(tokens, style)
        columns = [values.get(name, torch.zeros_like(values["fluency"])) for name in PARTS]
        return torch.stack([column.to(content.dtype) for column in columns], dim=-1)

    def against(self, tokens: Tensor, style: Tensor) -> Tensor:
        """Number of words of (N, T) that alone speak against the styles (S,) or (N, S), (N,).

        Not those with a word that speaks for them in the two places before ("not good", "not a good").
        """
        leaning = (self.scorers.leanings[tokens] * style.unsqueeze(-2)).sum(-1)
        turned = F.max_pool1d(F.pad(leaning, (2, 0))[:, None, :-1], 2, 1)[:, 0] > LEANING
        return (-leaning - LEANING).clamp(0.0, 1.0).masked_fill(turned, 0.0).sum(1)

    def overlap(self, left: Tensor, right: Tensor) -> Tensor:
        """Dice coefficient of the sets of words and word pairs of (N, T) and (N, L) without style words, (N,).

        Two sentences that have nothing but style words keep all there is to keep: 1.
        """
        shared = total = torch.zeros(len(left), device=left.device)
        for a, b in zip(self.grams(left), self.grams(right), strict=True):
            hits = (a[:, :, None] == b[:, None, :]) & (a >= 0)[:, :, None]
            first_a, first_b = first_places(a), first_places(b)
            shared = shared + (hits.any(2) & first_a).sum(1)
            total = total + first_a.sum(1) + first_b.sum(1)
        return torch.where(total > 0, 2 * shared / total.clamp(min=1), 1.0)

    def grams(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Words (N, T) and neighbours among the kept words (N, T - 1) as numbers, -1 for what is passed over."""
        skipped = self.passed_over[tokens]
        kept = skipped.long().argsort(dim=1, stable=True)  # kept words move to the front, in order
        words = tokens.masked_fill(skipped, -1).gather(1, kept)
        pairs = (words[:, :-1] * self.words + words[:, 1:]).masked_fill(words[:, 1:] < 0, -1)
        return words, pairs


def first_places(numbers: Tensor) -> Tensor:
    """Whether each of (N, T) numbers, -1 for none, stands at its first place in its row."""
    earlier = torch.ones(numbers.shape[1], numbers.shape[1], dtype=torch.bool, device=numbers.device).tril(-1)
    return ~((numbers[:, :, None] == numbers[:, None, :]) & earlier).any(2) & (numbers >= 0)


def beyond(log_probs: Tensor, margin: float) -> Tensor:
    """log σ(logit p − margin) of log p: what is left of a probability when the odds against it grow e^margin times."""
    if not margin:
        return log_probs
    return log_probs - torch.logaddexp(log_probs, margin + complement(log_probs))


def shared_runs(left: Tensor, right: Tensor, passed_over: Sequence[int], longest: int = 4) -> Tensor:
    """Share of the runs of 1 to `longest` words of (N, T) and (N, L) that the other has too, (N,); 1 for no words.

    The tokens `passed_over` end a sentence. Runs of n words agree where those of n - 1 do, and one word more.
    """
    words = [torch.stack([x != token for token in passed_over]).all(0) for x in (left, right)]
    equal = (left[:, :, None] == right[:, None, :]) & words[0][:, :, None] & words[1][:, None, :]
    runs, shared, total = equal, left.new_zeros(len(left)), left.new_zeros(len(left))
    for order in range(longest):
        if order:
            runs = runs[:, :-1, :-1] & equal[:, order:, order:]
        shared = shared + runs.any(2).sum(1) + runs.any(1).sum(1)
        total = total + sum((x.sum(1) - order).clamp(min=0) for x in words)
    return torch.where(total > 0, shared / total.clamp(min=1), 1.0)


def longer(left: Tensor, right: Tensor, passed_over: Sequence[int]) -> Tensor:
    """By what share of its words the second has (N, T) more of them than (N, L), 0 where it has fewer: (N,)."""
    words = [torch.stack([x != token for token in passed_over]).all(0).sum(1) for x in (left, right)]
    return (words[0] / words[1].clamp(min=1) - 1).clamp(min=0)


def same(left: Tensor, right: Tensor, pad: int) -> Tensor:
    """1 where rows of (N, T) and (N, L) are equal but for padding, else 0: (N,)."""
    width = max(left.shape[1], right.shape[1])
    left, right = (F.pad(x, (0, width - x.shape[1]), value=pad) for x in (left, right))
    return (left == right).all(1).float()


def distinct(found: Decoded) -> Decoded:
    """The same with every repetition of an earlier candidate of its row taken out (length 0, score -inf)."""
    repeated = (found.tokens[:, :, None] == found.tokens[:, None]).all(-1)
    places = torch.arange(repeated.shape[1], device=repeated.device)
    gone = (repeated & (places[:, None] > places)).any(2)
    return Decoded(found.tokens, found.scores.masked_fill(gone, NEVER), found.lengths.masked_fill(gone, 0))


def arranged(found: Decoded, order: Tensor) -> Decoded:
    """Candidates in another order (B, C)."""
    tokens = found.tokens.gather(1, order[:, :, None].expand_as(found.tokens))
    return Decoded(tokens, found.scores.gather(1, order), found.lengths.gather(1, order))


def joined(parts: Sequence[Decoded], pad: int) -> Decoded:
    """Candidates of the same B sentences side by side."""
    if len(parts) == 1:
        return parts[0]
    width = max(part.tokens.shape[2] for part in parts)
    tokens = [F.pad(part.tokens, (0, width - part.tokens.shape[2]), value=pad) for part in parts]
    dtype = parts[0].scores.dtype
    scores = torch.cat([part.scores.to(dtype) for part in parts], dim=1)
    return Decoded(torch.cat(tokens, dim=1), scores, torch.cat([part.lengths for part in parts], dim=1))


Item = TypeVar("Item")


def diverse(items: Sequence[tuple[float, str, Item]], count: int, weight: float) -> list[Item]:
    """`count` of (score, text, item): the best, then those of the best score − weight · max likeness to the chosen.

    Of items of one text the best stays.

    Maximal marginal relevance (Carbonell & Goldstein 1998); likeness is the share of words and word pairs in common.
    """
    texts: dict[str, tuple[float, str, Item]] = {}
    for item in sorted(items, key=lambda item: -item[0]):
        texts.setdefault(item[1], item)
    left = list(texts.values())
    chosen: list[tuple[float, str, Item]] = []
    grams = {id(item): word_pairs(item[1]) for item in left}
    likeness = {id(item): 0.0 for item in left}
    while left and len(chosen) < count:
        best = max(left, key=lambda item: item[0] - weight * likeness[id(item)])
        left = [item for item in left if item is not best]
        chosen.append(best)
        for item in left:
            likeness[id(item)] = max(likeness[id(item)], dice(grams[id(item)], grams[id(best)]))
    return [item for _, _, item in chosen]


def word_pairs(text: str) -> set[tuple[str, ...]]:
    """Words and pairs of neighbours."""
    words = text.split()
    return {(word,) for word in words} | set(pairwise(words))


def dice(left: set[tuple[str, ...]], right: set[tuple[str, ...]]) -> float:
    """2 |A ∩ B| / (|A| + |B|), 1 for two empty sets."""
    return 2 * len(left & right) / (len(left) + len(right)) if left or right else 1.0
