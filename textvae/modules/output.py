"""From decoder states to words: full and adaptive softmax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class _SoftmaxCrossEntropy(torch.autograd.Function):
    """−log softmax(logits)[target] per row, with the softmax kept in the logits' own precision.

    `cross_entropy` on bf16 logits needs two fp32 copies of (N, V) to be exact. The bf16 softmax (summed in fp32 inside
    its kernel) is all that the backward pass needs; its rounding (2⁻⁹, unbiased) costs the loss ± .002 nats a token.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor) -> Tensor:
        probabilities = logits.softmax(1)
        ctx.save_for_backward(probabilities, targets)
        tiny = torch.finfo(torch.float32).tiny
        return -probabilities.gather(1, targets[:, None])[:, 0].float().clamp(min=tiny).log()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        probabilities, targets = ctx.saved_tensors
        upstream = grads[0][:, None].to(probabilities.dtype)
        gradient = probabilities * upstream
        return gradient.scatter_add_(1, targets[:, None], -upstream), None


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Unreduced cross-entropy in fp32: logits (N, V) and targets (N,) to (N,) nats."""
    if logits.dtype == torch.bfloat16 and not logits.is_cuda:  # fp16 has no room for small probabilities
        return _SoftmaxCrossEntropy.apply(logits, targets)
    return F.cross_entropy(logits.float() if logits.dtype != torch.float64 else logits, targets, reduction="none")


Bound = Callable[[Tensor], Tensor]
"""Log-probabilities (N, C) of words that are always computed to those (N,) that other words must reach to matter."""


class OutputLayer(nn.Module):
    """Full softmax over V words: logits = W h + b."""

    def __init__(self, hidden_size: int, vocab_size: int):
        super().__init__()
        self.linear = nn.Linear(hidden_size, vocab_size)

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., D) → (..., V)."""
        return self.linear(hidden)

    def log_probs(self, hidden: Tensor, bound: Bound | None = None) -> Tensor:
        """(N, D) → (N, V) log-probabilities, at least fp32.

        bound: words that do not reach it may be given as -inf, and the last of them left out, where that is cheaper.
        """
        logits = self.logits(hidden)
        return (logits if logits.dtype == torch.float64 else logits.float()).log_softmax(-1)

    def nll(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """−log p(target): (N, D) and (N,) → (N,) nats."""
        return cross_entropy(self.logits(hidden), targets)


class AdaptiveOutputLayer(OutputLayer):
    """Adaptive softmax (Grave et al. 2017): rare words in clusters that only their own tokens pay for.

    Words must be numbered by falling frequency, as the word tokenizer does. Head of `head` words, then clusters whose
    width shrinks by 4 each. Two thirds of the training cost of a 9,000-word full softmax go away.
    """

    def __init__(self, hidden_size: int, vocab_size: int, head: int = 1000, second: int = 4000):
        nn.Module.__init__(self)
        cuts = [c for c in (head, second) if c < vocab_size]
        self.cuts = [0, *cuts, vocab_size]
        self.head = nn.Linear(hidden_size, self.cuts[1] + len(cuts))
        self.tails = nn.ModuleList(
            nn.Sequential(
                nn.Linear(hidden_size, max(hidden_size // 4 ** (i + 1), 8), bias=False),
                nn.Linear(max(hidden_size // 4 ** (i + 1), 8), self.cuts[i + 2] - self.cuts[i + 1]),
            )
            for i in range(len(cuts))
        )

    def logits(self, hidden: Tensor) -> Tensor:
        """Log-probabilities (..., V): already normalised, so they serve as logits."""
        return self.log_probs(hidden.flatten(0, -2)).unflatten(0, hidden.shape[:-1])

    def log_probs(self, hidden: Tensor, bound: Bound | None = None) -> Tensor:
        first = self.head(hidden).float().log_softmax(-1)
        size = self.cuts[1]
        if bound is not None and len(self.tails):
            return self.likely(hidden, first, bound(first[:, :size]))
        parts = [first[:, :size]]
        for i, tail in enumerate(self.tails):
            parts.append(tail(hidden).float().log_softmax(-1) + first[:, size + i, None])
        return torch.cat(parts, dim=-1)

    def likely(self, hidden: Tensor, first: Tensor, least: Tensor) -> Tensor:
        """(N, V' ≤ V): log-probabilities, -inf in clusters that are less likely as a whole than `least` (N,).

        No word is likelier than its cluster. first: (N, C + clusters) of the head's words and of the clusters.
        """
        size = self.cuts[1]
        needed = first[:, size:] >= least[:, None]
        last = max((i for i, some in enumerate(needed.any(0).tolist()) if some), default=-1)
        found = first.new_full((len(first), self.cuts[last + 2]), -torch.inf)
        found[:, :size] = first[:, :size]
        for i, tail in enumerate(self.tails[: last + 1]):
            rows = needed[:, i].nonzero()[:, 0]
            inner = tail(hidden[rows]).float().log_softmax(-1) + first[rows, size + i, None]
            found[rows, self.cuts[i + 1] : self.cuts[i + 2]] = inner
        return found

    def nll(self, hidden: Tensor, targets: Tensor) -> Tensor:
        size = self.cuts[1]
        cluster = torch.bucketize(targets, targets.new_tensor(self.cuts[1:-1]), right=True)
        head_target = torch.where(cluster == 0, targets, size + cluster - 1)
        loss = cross_entropy(self.head(hidden), head_target)
        for i, tail in enumerate(self.tails):
            rows = (cluster == i + 1).nonzero()[:, 0]
            if len(rows):
                inner = cross_entropy(tail(hidden[rows]), targets[rows] - self.cuts[i + 1])
                loss = loss.index_add(0, rows, inner)
            else:  # keep the cluster's weights in the graph: DDP waits for every gradient
                loss = loss + 0.0 * sum(p.sum() for p in tail.parameters())
        return loss


OUTPUTS: dict[str, type[OutputLayer]] = {"full": OutputLayer, "adaptive": AdaptiveOutputLayer}
