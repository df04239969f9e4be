"""J_lm, J_topic, J_len, J_cov: what keeps a summary readable, on its topic, short and without repeats."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional as F

from textvae.modules.noise import exact

FLOOR = -1e4
"""What −∞, the log-probability of a forbidden word, counts as: 0 · log 0 stays 0, and no gradient becomes NaN."""


def _divergence(p: Tensor, q: Tensor, mask: Tensor) -> Tensor:
    """KL(p ‖ q) of log-probabilities (B, L, V') at every position of mask (B, L)."""
    p, q = exact(p).clamp(min=FLOOR), exact(q).clamp(min=FLOOR)
    return (p.exp() * (p - q)).sum(-1).where(mask, 0.0)


def lm_kl(log_probs: Tensor, lm_log_probs: Tensor, mask: Tensor) -> Tensor:
    """J_lm = KL(p_LM ‖ p_G) = Σ_v p_LM(v) (log p_LM(v) − log p_G(v))  (SEQ3, Baziotis et al. 2019, LM prior loss).

    log_probs: (B, L, V') of the generator; lm_log_probs: (B, L, V') of the frozen language model after the same words;
    mask: (B, L) bool. Returns (B, L) nats per word, 0 outside mask. It asks the generator to allow whatever the
    language model finds likely.
    """
    return _divergence(lm_log_probs, log_probs, mask)


def lm_reverse_kl(log_probs: Tensor, lm_log_probs: Tensor, mask: Tensor) -> Tensor:
    """J_lm = KL(p_G ‖ p_LM) = Σ_v p_G(v) (log p_G(v) − log p_LM(v)), with the shapes of `lm_kl`.

    Not SEQ3's: it only forbids what the language model finds unlikely. The generator may stay sure of one word, where
    SEQ3's form pulls it towards the spread of the prior.
    """
    return _divergence(log_probs, lm_log_probs, mask)


LANGUAGE_PRIORS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {"forward": lm_kl, "reverse": lm_reverse_kl}


def weighted_mean(vectors: Tensor, weights: Tensor) -> Tensor:
    """Σ_m w_m v_m / Σ_m w_m: vectors (B, M, E), weights (B, M) ≥ 0 (0 at padding) → (B, E), at least fp32."""
    weights = exact(weights)
    total = (exact(vectors) * weights[..., None]).sum(1)
    return total / weights.sum(1, keepdim=True).clamp(min=1e-8)


def topic_cosine(document: Tensor, document_idf: Tensor, summary: Tensor, summary_weights: Tensor) -> Tensor:
    """J_topic = 1 − cos(v_x, v_y), v = the weighted mean of word vectors  (SEQ3, Baziotis et al. 2019, topic loss).

    document: (B, M, E) vectors of the document's words, document_idf: (B, M) their IDF, 0 at padding; summary:
    (B, L, E) expected vectors p_G @ E of the summary's words, summary_weights: (B, L) 1 at words, 0 beyond </s> (SEQ3
    weighs the document only), or the expected IDF. Returns (B,) in [0, 2]; 1 for an empty summary.
    """
    means = weighted_mean(document, document_idf), weighted_mean(summary, summary_weights)
    return 1 - F.cosine_similarity(*means, dim=1)


def length_penalty(log_probs: Tensor, lengths: Tensor, eos: int) -> Tensor:
    """J_len = −log p_G(</s>) at every position past the wanted length  (SEQ3, Baziotis et al. 2019, length penalty).

    log_probs: (B, L, V') of the generator; lengths: (B,) words wanted, without </s>. Returns (B, L) nats, 0 at the
    first `lengths` positions.
    """
    end = -exact(log_probs[..., eos])
    places = end.new_ones(end.shape[1]).cumsum(0) - 1
    return end.where(places[None] >= lengths[:, None], 0.0)


def idf_recall(document_ids: Tensor, document_idf: Tensor, summary: Tensor, mask: Tensor) -> Tensor:
    """Share of the document's IDF that the summary holds: Σ_w idf(w) P(w ∈ y) / Σ_w idf(w), a reward in [0, 1].

    document_ids: (B, M); document_idf: (B, M), 0 at padding; summary: ids (B, L), or points (B, L, V') whose positions
    count as independent draws, P(w ∈ y) = 1 − Π_t (1 − y_t(w)), with a gradient; mask: (B, L) bool. Returns (B,).
    A word's repeats in the document count each time. Rewards names and numbers wherever they stand, against a
    generator that copies the first words.
    """
    if summary.dim() == 2:
        kept = ((summary[:, :, None] == document_ids[:, None]) & mask[:, :, None]).any(1)
    else:
        hits = exact(summary).gather(2, document_ids[:, None].expand(-1, summary.shape[1], -1))
        kept = 1 - (1 - hits.where(mask[:, :, None], 0.0)).prod(1)
    weights = exact(document_idf)
    return (weights * kept).sum(1) / weights.sum(1).clamp(min=1e-8)


def coverage(coverage_penalty: Tensor, mask: Tensor) -> Tensor:
    """J_cov = Σ_m min(a_tm, Σ_{t' < t} a_t'm)  (See et al. 2017, eq. 12), as the writer computed it.

    coverage_penalty: (B, L) in [0, 1]; mask: (B, L) bool. Returns (B, L), 0 outside mask.
    """
    return exact(coverage_penalty).where(mask, 0.0)
