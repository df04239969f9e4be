"""The inside algorithm of a context-free grammar in Chomsky normal form, over a padded batch (Baker 1979).

A cell holds the probabilities of a span under every symbol, divided by the largest of them, and the logarithm of what
they were divided by. So everything is a matrix product, nothing underflows at any length, and no logarithm is taken of
a zero. Width of a cell: N symbols that branch (nonterminals) where it spans two words or more, T symbols that write a
word (preterminals) where it spans one.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Rules:
    """Probabilities of a grammar: S → A, A → B C, T → w. G is the batch size, or 1 for one grammar for all sentences.

    root: (G, N + T), what a sentence is; a preterminal only where it is a single word. binary: (G, N, N + T, N + T);
    log_words: (B, L, T) log p(w_i | T), 0 at padding. Symbols 0 … N − 1 branch, the others write a word.
    """

    root: Tensor
    binary: Tensor
    log_words: Tensor

    def detached(self) -> Rules:
        """The same numbers outside the graph."""
        return Rules(self.root.detach(), self.binary.detach(), self.log_words.detach())

    def block(self, left_word: bool, right_word: bool) -> Tensor:
        """p(A → B C) for B and C of one kind each: (G, Sl · Sr, N)."""
        count = self.binary.shape[1]
        sides = [slice(count, None) if word else slice(count) for word in (left_word, right_word)]
        return self.binary[:, :, sides[0], sides[1]].flatten(2).transpose(1, 2)


@dataclass(frozen=True)
class Chart:
    """values[w − 1]: (B, L − w + 1, N or T) of all spans of w words, times exp(logs[w − 1]), (B, L − w + 1)."""

    values: list[Tensor]
    logs: list[Tensor]

    def add(self, values: Tensor, logs: Tensor) -> None:
        """Append the spans of the next width, scaled so that the largest value of a cell is 1."""
        top = values.detach().amax(-1).clamp(min=torch.finfo(values.dtype).tiny)
        self.values.append(values / top[..., None])
        self.logs.append(logs + top.log())


def inside(rules: Rules, lengths: Tensor, scores: Tensor | None = None) -> Tensor:
    """log p(x) = log Σ_trees p(x, tree), exact: (B,) nats for sentences of `lengths` (B,) words.

    O(L³) matrix products. scores: (B, L, L), what is added to the log-probability of every tree that has the
    constituent of w words from word i on, at [:, w − 1, i]; so its gradient at 0 is that constituent's probability.
    """
    size, longest, _ = rules.log_words.shape
    words = rules.log_words.detach().amax(-1)
    chart = Chart([], [])
    chart.add((rules.log_words - words[..., None]).exp(), words)
    blocks = {(left, right): rules.block(left, right) for left in (False, True) for right in (False, True)}
    for width in range(2, longest + 1):
        values, logs = _spans(chart, blocks, width)
        if scores is not None:
            values = values * scores[:, width - 1, : longest - width + 1, None].exp()
        chart.add(values, logs)
    branching = rules.binary.shape[1]
    roots = [rules.root[:, branching:], *[rules.root[:, :branching]] * (longest - 1)]
    whole = [
        (v[:, 0] * root).sum(1).log() + m[:, 0] for v, m, root in zip(chart.values, chart.logs, roots, strict=True)
    ]
    return torch.stack(whole, 1).gather(1, lengths[:, None] - 1)[:, 0]


def _spans(chart: Chart, blocks: dict[tuple[bool, bool], Tensor], width: int) -> tuple[Tensor, Tensor]:
    """Σ over split points and rules A → B C, for all spans of one width: (B, starts, N) and their logarithms."""
    starts = chart.logs[0].shape[1] - width + 1
    splits = range(1, width)
    exponents = torch.stack(
        [chart.logs[k - 1][:, :starts] + chart.logs[width - k - 1][:, k : k + starts] for k in splits], -1
    )
    top = exponents.amax(-1)
    weights = (exponents - top[..., None]).exp()
    total: Tensor | float = 0.0
    for kinds, block in blocks.items():
        chosen = [k for k in splits if (k == 1, width - k == 1) == kinds]
        if chosen:
            left = torch.stack([chart.values[k - 1][:, :starts] for k in chosen], 2)
            right = torch.stack([chart.values[width - k - 1][:, k : k + starts] for k in chosen], 2)
            weighted = left * weights[..., [k - 1 for k in chosen], None]
            total = total + (weighted.transpose(2, 3) @ right).flatten(2) @ block
    assert isinstance(total, Tensor)
    return total, top


def span_marginals(rules: Rules, lengths: Tensor) -> Tensor:
    """p(words i … i + w − 1 are a constituent | x) at [:, w − 1, i]: (B, L, L), 0 for single words.

    The gradient of log p(x), which is the outside pass (Eisner 2016, "Inside-outside and forward-backward algorithms
    are just backprop").
    """
    size, longest, _ = rules.log_words.shape
    with torch.enable_grad():
        fixed = rules.detached()
        scores = fixed.log_words.new_zeros(size, longest, longest, requires_grad=True)
        if longest == 1:
            return scores.detach()
        (found,) = torch.autograd.grad(inside(fixed, lengths, scores).sum(), scores)
    return found


def best_spans(marginals: Tensor, lengths: Tensor) -> list[set[tuple[int, int]]]:
    """The binary tree with the largest expected number of right constituents (Goodman 1996), as spans (i, j) per row.

    Minimum Bayes risk by CKY over `marginals` (B, L, L). Of equal trees that which branches to the right.
    """
    longest = marginals.shape[1]
    best, back = [marginals[:, 0]], [torch.zeros_like(marginals[:, 0], dtype=torch.long)]
    for width in range(2, longest + 1):
        starts = longest - width + 1
        halves = [best[k - 1][:, :starts] + best[width - k - 1][:, k : k + starts] for k in range(1, width)]
        found, split = torch.stack(halves, -1).max(-1)
        best.append(found + marginals[:, width - 1, :starts])
        back.append(split + 1)
    splits = [table.tolist() for table in back]
    return [_spans_of(row, int(length), splits) for row, length in enumerate(lengths.tolist())]


def _spans_of(row: int, length: int, splits: list[list[list[int]]]) -> set[tuple[int, int]]:
    found, todo = set[tuple[int, int]](), [(0, length)]
    while todo:
        start, stop = todo.pop()
        if stop - start > 1:
            found.add((start, stop))
            middle = start + splits[stop - start - 1][row][start]
            todo += [(start, middle), (middle, stop)]
    return found
