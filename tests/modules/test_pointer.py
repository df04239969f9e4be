"""Attention, the mixture of writing and copying, and coverage, against sums written out in Python."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.laws import assert_close
from textvae.modules.pointer import Pointed, Pointer, coverage_penalty, mixture_log_probs, mixture_nll

ROWS, LENGTH, SOURCE, VOCABULARY = 3, 4, 6, 11
WIDTH, EMBEDDING, MEMORY, HIDDEN = 5, 3, 7, 2
BOTH_SOURCES = pytest.mark.parametrize("simplex", [False, True])


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def source_ids() -> Tensor:
    """Words that come twice and thrice, and padding (0)."""
    return torch.tensor([[5, 6, 5, 7, 5, 10], [8, 9, 8, 0, 0, 0], [4, 4, 4, 4, 4, 0]])


def one_hot(ids: Tensor) -> Tensor:
    return F.one_hot(ids, VOCABULARY).double()


def parts(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Logits of the softmax (B, L, V), gate (B, L, 1), attention (B, L, M) with zeros at padding."""
    logits, gate = normal(ROWS, LENGTH, VOCABULARY, seed=seed), normal(ROWS, LENGTH, 1, seed=seed + 1)
    scores = normal(ROWS, LENGTH, SOURCE, seed=seed + 2).masked_fill(source_ids()[:, None] == 0, -math.inf)
    return logits, gate, scores.softmax(-1)


def mixture_by_hand(logits: Tensor, gate: Tensor, attention: Tensor, source: Tensor) -> Tensor:
    """p (B, L, V) of See et al. 2017, eq. 9, one number at a time."""
    p = torch.zeros(ROWS, LENGTH, VOCABULARY, dtype=torch.float64)
    for b in range(ROWS):
        for t in range(LENGTH):
            p_gen = 1 / (1 + math.exp(-gate[b, t, 0].item()))
            total = sum(math.exp(x) for x in logits[b, t].tolist())
            for v in range(VOCABULARY):
                p[b, t, v] = p_gen * math.exp(logits[b, t, v].item()) / total
            for m, word in enumerate(source[b].tolist()):
                p[b, t, word] += (1 - p_gen) * attention[b, t, m].item()
    return p


# ---------------------------------------------------------------------------------------------- the mixture
@BOTH_SOURCES
def test_log_probs_are_the_formula(simplex: bool) -> None:
    logits, gate, attention = parts()
    source = one_hot(source_ids()) if simplex else source_ids()
    made = mixture_log_probs(logits.log_softmax(-1), gate, attention, source)
    assert_close(made.exp(), mixture_by_hand(logits, gate, attention, source_ids()), 1e-12)
    assert_close(made.exp().sum(-1), torch.ones(ROWS, LENGTH), 1e-12)


@BOTH_SOURCES
def test_nll_is_the_formula(simplex: bool) -> None:
    logits, gate, attention = parts()
    expected = -mixture_by_hand(logits, gate, attention, source_ids()).log()
    for b in range(ROWS):
        for word in range(VOCABULARY):
            labels = torch.full((LENGTH,), word)
            source = source_ids()[b].expand(LENGTH, -1)
            if simplex:
                source = (source == word).double()
            nll = -logits[b].log_softmax(-1)[:, word]
            assert_close(mixture_nll(nll, gate[b], attention[b], source, labels), expected[b, :, word], 1e-12)


def test_a_soft_source_gives_each_word_its_share() -> None:
    logits, gate, attention = parts()
    soft = normal(ROWS, SOURCE, VOCABULARY, seed=9).softmax(-1)
    p_gen = torch.sigmoid(gate)
    expected = p_gen * logits.softmax(-1) + (1 - p_gen) * torch.einsum("blm,bmv->blv", attention, soft)
    made = mixture_log_probs(logits.log_softmax(-1), gate, attention, soft)
    assert_close(made.exp(), expected, 1e-12)
    labels = torch.tensor([3, 0, 10, 7])
    nll = -logits[1].log_softmax(-1).gather(1, labels[:, None])[:, 0]
    weight = soft[1][:, labels].T
    assert_close(-mixture_nll(nll, gate[1], attention[1], weight, labels), made[1, range(LENGTH), labels], 1e-12)


@BOTH_SOURCES
def test_gradients_of_log_probs_are_right(simplex: bool) -> None:
    """Words that occur thrice in the source must not count their gradient thrice."""
    logits, gate, attention = (p[:, :2].contiguous().requires_grad_() for p in parts())
    source = one_hot(source_ids()) if simplex else source_ids()
    weight = normal(ROWS, 2, VOCABULARY, seed=5)

    def loss(logits: Tensor, gate: Tensor, attention: Tensor) -> Tensor:
        return (mixture_log_probs(logits.log_softmax(-1), gate, attention, source) * weight).sum()

    # Not at attention 0 (padding), where log p of the padding word has no derivative from below.
    inside = attention.detach().clamp(min=0.01).requires_grad_()
    assert torch.autograd.gradcheck(loss, (logits, gate, inside))


@BOTH_SOURCES
def test_gradients_of_the_nll_are_right(simplex: bool) -> None:
    logits, gate, attention = (p[0].contiguous().requires_grad_() for p in parts())
    labels, source = torch.tensor([5, 10, 3, 6]), source_ids()[0].expand(LENGTH, -1)  # 3 is not in the source
    weight = normal(LENGTH, SOURCE, seed=6).softmax(-1).requires_grad_()

    def loss(logits: Tensor, gate: Tensor, attention: Tensor, weight: Tensor) -> Tensor:
        nll = F.cross_entropy(logits, labels, reduction="none")
        return mixture_nll(nll, gate, attention, weight if simplex else source, labels)

    assert torch.autograd.gradcheck(loss, (logits, gate, attention, weight.requires_grad_(simplex)))


@pytest.mark.parametrize("gate", [-200.0, -30.0, 0.0, 30.0, 200.0])
@pytest.mark.parametrize("nll", [1e-7, 90.0, 1e4])
@pytest.mark.parametrize("weight", [0.0, 1e-45, 1e-30, 1.0])
def test_hopeless_words_have_finite_losses_and_gradients(gate: float, nll: float, weight: float) -> None:
    """In fp32 the attention of a word is exactly 0, or too small for its inverse, sooner or later."""
    inputs = [torch.tensor([nll]), torch.tensor([[gate]]), torch.tensor([[weight, 1.0]])]
    leaves = [x.requires_grad_() for x in inputs]
    loss = mixture_nll(*leaves, torch.tensor([[5, 6]]), torch.tensor([5]))
    assert loss.isfinite().all() and loss.dtype == torch.float32
    assert all(g.isfinite().all() for g in torch.autograd.grad(loss.sum(), leaves))
    exact = [x.detach().double() for x in inputs]
    if weight:  # attention below the smallest normal number counts as that
        exact[2][0, 0] = max(weight, torch.finfo(torch.float32).tiny)
    assert_close(loss.detach(), mixture_nll(*exact, torch.tensor([[5, 6]]), torch.tensor([5])), 1e-5)
    log_probs = torch.full((1, 1, 8), -nll, requires_grad=True)
    made = mixture_log_probs(log_probs, leaves[1][None], leaves[2][None], torch.tensor([[5, 6]]))
    assert_close(made[0, 0, 5], -loss[0], 1e-5)
    assert all(g.isfinite().all() for g in torch.autograd.grad(made.sum(), [log_probs, *leaves[1:]]))


def test_a_word_that_only_the_source_knows_is_copied() -> None:
    """Its softmax is 0, as of a slot that was never written."""
    logits = torch.zeros(1, 1, VOCABULARY, dtype=torch.float64)
    logits[..., 10] = -1e6
    gate, attention = torch.full((1, 1, 1), -3.0, dtype=torch.float64), torch.tensor([[[0.25, 0.75]]]).double()
    made = mixture_log_probs(logits.log_softmax(-1), gate, attention, torch.tensor([[6, 10]]))
    assert math.isclose(made[0, 0, 10].exp().item(), 0.75 / (1 + math.exp(-3.0)), rel_tol=1e-12)


def test_the_softmax_is_left_as_it_was() -> None:
    """`mixture_log_probs` works in place, but only to what is its own."""
    logits, gate, attention = parts()
    log_probs = logits.log_softmax(-1)
    before = log_probs.clone()
    mixture_log_probs(log_probs, gate, attention, source_ids())
    assert torch.equal(log_probs, before)


# ---------------------------------------------------------------------------------------------- attention
def pointer(copy: bool = True) -> Pointer:
    torch.manual_seed(0)
    return Pointer(WIDTH, EMBEDDING, MEMORY, HIDDEN, copy).double()


def pointed(module: Pointer, memory: Tensor, mask: Tensor) -> Pointed:
    states, embedded = normal(ROWS, LENGTH, WIDTH, seed=1), normal(ROWS, LENGTH, EMBEDDING, seed=2)
    return module(states.to(memory.dtype), embedded.to(memory.dtype), module.key(memory), memory, mask)


def test_attention_context_and_gate_are_the_formula() -> None:
    module, memory, mask = pointer(), normal(ROWS, SOURCE, MEMORY), source_ids() != 0
    made = pointed(module, memory, mask)
    states, embedded = normal(ROWS, LENGTH, WIDTH, seed=1), normal(ROWS, LENGTH, EMBEDDING, seed=2)
    module.requires_grad_(False)
    assert module.gate is not None
    for b in range(ROWS):
        kept = [m for m in range(SOURCE) if mask[b, m]]
        for t in range(LENGTH):
            query = module.query.weight @ states[b, t] + module.query.bias
            scores = [float(query @ (module.key.weight @ memory[b, m])) / math.sqrt(WIDTH) for m in kept]
            total = sum(map(math.exp, scores))
            attention = torch.zeros(SOURCE, dtype=torch.float64)
            attention[kept] = torch.tensor([math.exp(s) / total for s in scores], dtype=torch.float64)
            assert_close(made.attention[b, t], attention, 1e-12)
            context = sum(attention[m] * memory[b, m] for m in kept)
            assert isinstance(context, Tensor)
            both = torch.cat((states[b, t], context))
            assert_close(made.hidden[b, t], torch.tanh(module.combine.weight @ both + module.combine.bias), 1e-12)
            everything = torch.cat((context, states[b, t], embedded[b, t]))
            assert made.gate is not None
            assert_close(made.gate[b, t], module.gate.weight @ everything + module.gate.bias, 1e-12)


def test_padding_gets_no_attention_and_no_gradient() -> None:
    memory, mask = normal(ROWS, SOURCE, MEMORY).requires_grad_(), source_ids() != 0
    made = pointed(pointer(), memory, mask)
    assert (made.attention.masked_select(~mask[:, None]) == 0.0).all()
    assert (made.attention.masked_select(mask[:, None]) > 0.0).all()
    assert_close(made.attention.sum(-1), torch.ones(ROWS, LENGTH), 1e-12)
    (gradient,) = torch.autograd.grad(made.hidden.sum() + made.attention.square().sum(), memory)
    assert (gradient[~mask] == 0.0).all() and (gradient[mask].abs().sum(-1) > 0).all()


def test_without_copying_there_is_no_gate() -> None:
    module = pointer(copy=False)
    assert pointed(module, normal(ROWS, SOURCE, MEMORY), source_ids() != 0).gate is None
    assert not [n for n, _ in module.named_parameters() if "gate" in n]


def test_softmax_and_gate_are_fp32_under_bf16() -> None:
    module, memory = pointer().float(), normal(ROWS, SOURCE, MEMORY).float()
    exact = pointed(module, memory, source_ids() != 0)
    with torch.autocast("cpu", torch.bfloat16):
        made = pointed(module, memory, source_ids() != 0)
    assert made.attention.dtype == torch.float32 and made.gate is not None and made.gate.dtype == torch.float32
    assert_close(made.attention.sum(-1), torch.ones(ROWS, LENGTH), 1e-6, "bf16 would be off by 1e-3")
    assert_close(made.attention, exact.attention, 0.02)
    assert_close(made.hidden, exact.hidden, 0.02)


# ---------------------------------------------------------------------------------------------- coverage
def test_coverage_penalty_is_the_formula() -> None:
    _, _, attention = parts()
    made = coverage_penalty(attention)
    for b in range(ROWS):
        for t in range(LENGTH):
            before = [sum(attention[b, s, m].item() for s in range(t)) for m in range(SOURCE)]
            expected = sum(min(attention[b, t, m].item(), before[m]) for m in range(SOURCE))
            assert math.isclose(made[b, t].item(), expected, rel_tol=1e-12, abs_tol=1e-15)


def test_coverage_penalty_of_known_attention() -> None:
    still = torch.full((1, LENGTH, 5), 0.2, dtype=torch.float64)
    assert_close(coverage_penalty(still), torch.tensor([[0.0, 1.0, 1.0, 1.0]]), 1e-12, "attends to the same again")
    walking = torch.eye(LENGTH, dtype=torch.float64)[None]
    assert_close(coverage_penalty(walking), torch.zeros(1, LENGTH), 1e-12, "never attends twice")


def test_coverage_penalty_does_not_look_ahead() -> None:
    _, _, attention = parts()
    assert_close(coverage_penalty(attention[:, :2]), coverage_penalty(attention)[:, :2], 1e-12)
    moved = attention.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(coverage_penalty(moved)[:, 1].sum(), moved)
    assert gradient[:, :2].abs().sum() > 0 and gradient[:, 2:].abs().sum() == 0
