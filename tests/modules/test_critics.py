"""Laws of critics, over every class in CRITICS."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from tests.laws import assert_close
from textvae.errors import UserError
from textvae.modules.config import CriticConfig
from textvae.modules.critics import CRITICS, Critic, PlainLSTM, RecurrentCritic, build_critic

VOCABULARY, LENGTHS = 23, (5, 1, 7, 3, 7)
ROWS, LONGEST = len(LENGTHS), max(LENGTHS)
every_critic = pytest.mark.parametrize("kind", sorted(CRITICS))


def build(kind: str, seed: int = 0, vocabulary: int = VOCABULARY, **options: int) -> Critic:
    torch.manual_seed(seed)
    sizes = {"embedding_size": 6, "size": 8, "blocks": 2, "layers": 2} | options
    return build_critic(CriticConfig(kind=kind, **sizes), vocabulary).double()  # type: ignore[arg-type]


def texts(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Random words at every place, beyond the end too, and the mask."""
    generator = torch.Generator().manual_seed(seed)
    mask = torch.arange(LONGEST)[None] < torch.tensor(LENGTHS)[:, None]
    return torch.randint(5, VOCABULARY, (ROWS, LONGEST), generator=generator), mask


def points(ids: Tensor) -> Tensor:
    return F.one_hot(ids, VOCABULARY).double()


def both(critic: Critic, sequence: Tensor, mask: Tensor) -> Tensor:
    """Everything a critic says about a text: `forward` and `score`, (B, 1 or L + 1)."""
    scores = critic(sequence, mask)
    return torch.cat((scores.view(len(scores), -1), critic.score(critic.embed(sequence), mask)[:, None]), dim=1)


def test_the_dict_and_the_option_name_the_same_kinds() -> None:
    assert set(get_args(get_type_hints(CriticConfig)["kind"])) == set(CRITICS)


@every_critic
def test_shapes(kind: str) -> None:
    critic, (ids, mask) = build(kind), texts()
    assert critic(ids, mask).shape == ((ROWS, LONGEST) if kind == "recurrent" else (ROWS,))
    assert critic.score(critic.embed(ids), mask).shape == (ROWS,)


@every_critic
@pytest.mark.parametrize("soft", [False, True])
def test_alone_is_as_in_a_padded_batch(kind: str, soft: bool) -> None:
    critic, (ids, mask) = build(kind), texts()
    sequence = points(ids) if soft else ids
    batch = both(critic, sequence, mask)
    for row, length in enumerate(LENGTHS):
        alone = both(critic, sequence[row : row + 1, :length], mask[row : row + 1, :length])
        kept = [*range(length), -1] if kind == "recurrent" else [0, 1]
        assert_close(batch[row, kept], alone[0], 1e-12, f"row {row}")


@every_critic
@pytest.mark.parametrize("soft", [False, True])
def test_nothing_reads_past_the_end(kind: str, soft: bool) -> None:
    critic, (ids, mask) = build(kind), texts()
    sequence, other = (points(ids), 50 * points(texts(1)[0])) if soft else (ids, texts(1)[0])
    changed = sequence.where(mask[..., None] if soft else mask, other)
    assert not torch.equal(changed, sequence)
    assert_close(both(critic, changed, mask), both(critic, sequence, mask), 1e-12)


@every_critic
def test_ids_score_as_their_one_hot_points(kind: str) -> None:
    critic, (ids, mask) = build(kind), texts()
    assert_close(both(critic, points(ids), mask), both(critic, ids, mask), 1e-12)


@every_critic
def test_permuting_the_batch_permutes_the_scores(kind: str) -> None:
    critic, (ids, mask) = build(kind), texts()
    order = torch.tensor([3, 0, 4, 1, 2])
    assert_close(both(critic, ids[order], mask[order]), both(critic, ids, mask)[order], 1e-12)


@every_critic
def test_the_gradient_reaches_every_word_of_the_text_and_no_other(kind: str) -> None:
    critic, (ids, mask) = build(kind), texts()
    sequence = points(ids).requires_grad_()
    (gradient,) = torch.autograd.grad(critic.score(critic.embed(sequence), mask).sum(), sequence)
    assert torch.equal(gradient.abs().amax(-1) > 0, mask)


@every_critic
def test_the_order_of_words_counts(kind: str) -> None:
    critic, (ids, _) = build(kind), texts()
    full = torch.ones(1, LONGEST, dtype=torch.bool)
    difference = both(critic, ids[2:3].flip(1), full) - both(critic, ids[2:3], full)
    assert difference[0, -1].abs() > 1e-4


@every_critic
def test_every_parameter_gets_a_gradient(kind: str) -> None:
    critic, (ids, mask) = build(kind), texts()
    both(critic, ids, mask).square().sum().backward()
    assert [n for n, p in critic.named_parameters() if p.grad is None or not p.grad.any()] == []


@every_critic
def test_the_slope_can_itself_be_differentiated(kind: str) -> None:
    """Against finite differences. The fused kernels of an LSTM would refuse."""
    critic, (ids, mask) = build(kind), texts()
    ids, mask = ids[:2], mask[:2]

    def squared_slope(h: Tensor) -> Tensor:
        (slope,) = torch.autograd.grad(critic.score(h, mask).sum(), h, create_graph=True)
        return slope.square().sum()

    assert torch.autograd.gradcheck(squared_slope, critic.embed(ids).detach().requires_grad_())


@every_critic
def test_gram_measures_slopes_on_the_simplex(kind: str) -> None:
    critic, (ids, mask) = build(kind), texts()
    sequence = points(ids).requires_grad_()
    embedded = critic.embed(sequence)
    score = critic.score(embedded, mask).sum()
    on_points, on_embedding = torch.autograd.grad(score, (sequence, embedded))
    norm = ((on_embedding @ critic.gram()) * on_embedding).sum((1, 2))
    assert_close(norm, on_points.square().sum((1, 2)), 1e-12)


class _Sizes(TorchDispatchMode):
    """Records how many elements the largest tensor had that any operation gave."""

    largest = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (tuple, list)) else (result,):
            self.largest = max(self.largest, tensor.numel() if isinstance(tensor, Tensor) else 0)
        return result


@every_critic
def test_words_never_become_one_hot(kind: str) -> None:
    critic, (ids, mask) = build(kind, vocabulary=5000), texts()
    with _Sizes() as sizes:
        both(critic, ids, mask).sum().backward()
    assert 5000 <= sizes.largest <= 5000 * 6, "the embedding's gradient is the largest tensor there may be"


@every_critic
def test_scores_are_exact_under_autocast(kind: str) -> None:
    critic, (ids, mask) = build(kind).float(), texts()
    for sequence in (ids, points(ids).float()):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            low = both(critic, sequence, mask)
        assert low.dtype == torch.float32
        assert_close(low, both(critic, sequence, mask), 2e-2)
        assert (low != low.bfloat16()).all(), "a reward, the difference of two scores, would be rounding noise"
    low.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in critic.parameters())


@every_critic
def test_learns_to_tell_two_languages_apart(kind: str) -> None:
    critic, (ids, mask) = build(kind).float(), texts()
    real, fake = (ids % 9 + 5), (ids % 9 + 14)
    optimizer = torch.optim.Adam(critic.parameters(), lr=0.05)
    for _ in range(25):
        optimizer.zero_grad()
        margin = critic.score(critic.embed(real), mask) - critic.score(critic.embed(fake), mask)
        F.softplus(-margin).mean().backward()
        optimizer.step()
    assert (margin > 2).all()


def test_a_convolution_needs_a_middle() -> None:
    with pytest.raises(UserError, match="odd"):
        CriticConfig(kernel=4)
    with pytest.raises(UserError, match="at least 1"):
        CriticConfig(size=0)


# ---------------------------------------------------------------------------------------------- prefixes
def recurrent() -> RecurrentCritic:
    critic = build("recurrent")
    assert isinstance(critic, RecurrentCritic)
    return critic


def test_a_prefix_score_has_not_seen_later_words() -> None:
    critic, full = recurrent(), torch.ones(ROWS, LONGEST, dtype=torch.bool)
    ids = texts()[0]
    for place in range(LONGEST):
        changed = ids.clone()
        changed[:, place:] = (changed[:, place:] - 4) % (VOCABULARY - 5) + 5
        difference = (critic.prefix_scores(changed, full) - critic.prefix_scores(ids, full)).abs()
        assert difference[:, : place + 1].max() == 0 and (difference[:, place + 1] > 0).all()


def test_prefix_scores_begin_alike_and_stay_after_the_end() -> None:
    critic, (ids, mask) = recurrent(), texts()
    scores = critic.prefix_scores(ids, mask)
    assert scores.shape == (ROWS, LONGEST + 1)
    assert len(scores[:, 0].unique()) == 1
    assert torch.equal(scores[:, 1:], critic(ids, mask))
    for row, length in enumerate(LENGTHS):
        assert (scores[row, length:] == scores[row, length]).all()


def test_the_score_of_a_text_is_the_mean_over_its_prefixes() -> None:
    critic, (ids, mask) = recurrent(), texts()
    prefixes = critic(ids, mask)
    expected = torch.stack([prefixes[row, :length].mean() for row, length in enumerate(LENGTHS)])
    assert_close(critic.score(critic.embed(ids), mask), expected, 1e-12)


def test_the_plain_lstm_is_torchs() -> None:
    torch.manual_seed(0)
    plain, fused = PlainLSTM(6, 8).double(), nn.LSTM(6, 8, batch_first=True).double()
    with torch.no_grad():
        for ours, theirs in (
            (plain.input.weight, fused.weight_ih_l0),
            (plain.hidden.weight, fused.weight_hh_l0),
            (plain.input.bias, fused.bias_ih_l0),
        ):
            input_gate, forget, candidate, output = theirs.chunk(4)
            ours.copy_(torch.cat((input_gate, forget, output, candidate)))
        fused.bias_hh_l0.zero_()
    x = torch.randn(ROWS, LONGEST, 6, dtype=torch.float64)
    assert_close(plain(x), fused(x)[0], 1e-12)
