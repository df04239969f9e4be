"""J_pg against the exact gradient of the expected reward, by enumerating every text of a toy language."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest
import torch
from torch import Tensor

from tests.laws import assert_close
from textvae.modules.noise import until_end
from textvae.objectives.policy_gradient import (
    batch_centred,
    discounted,
    leave_one_out,
    prefix_rewards,
    reinforce,
    self_critical,
)

EOS, WORDS, LONGEST = 2, 4, 3


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class Toy:
    """Words 0 … 3, of which 2 ends the text; texts of at most 3 words, written word by word from a table of bigrams.

    `texts` holds every text once (beyond the end stands a word that must not matter), `score` an arbitrary number for
    every prefix, which depends on that prefix only.
    """

    def __init__(self) -> None:
        every = [text for text in product(range(WORDS), repeat=LONGEST)]
        unique = {tuple(text[: text.index(EOS) + 1] if EOS in text else text): text for text in every}
        self.texts = torch.tensor(list(unique.values()))
        self.mask = until_end(self.texts, EOS)
        self.table = random(WORDS + 1, WORDS, seed=3).requires_grad_()
        numbers: dict[tuple[int, ...], float] = {}
        values = iter(random(1000, seed=4).tolist())
        self.scores = torch.zeros(len(self.texts), LONGEST + 1, dtype=torch.float64)
        for row, (text, mask) in enumerate(zip(self.texts.tolist(), self.mask.tolist(), strict=True)):
            words = text[: sum(mask)]
            for t in range(LONGEST + 1):
                prefix = tuple(words[:t])
                self.scores[row, t] = numbers.setdefault(prefix, next(values))

    def log_probs(self) -> Tensor:
        """(N, L) of every text's words."""
        before = torch.cat((torch.full((len(self.texts), 1), WORDS), self.texts[:, :-1]), dim=1)
        return self.table[before].log_softmax(-1).gather(2, self.texts[..., None])[..., 0]

    def probabilities(self) -> Tensor:
        """(N,) of every text."""
        return self.log_probs().where(self.mask, 0.0).sum(1).exp()

    def exact(self, reward: Tensor) -> Tensor:
        """∇ E[reward], reward (N,)."""
        return torch.autograd.grad((self.probabilities() * reward).sum(), self.table)[0]

    def estimate(self, advantages: Tensor) -> Tensor:
        """E[−∇ J_pg] over all texts, advantages (N, L) or (N, 1)."""
        loss = reinforce(self.log_probs(), advantages, self.mask).sum(1)
        return -torch.autograd.grad((self.probabilities().detach() * loss).sum(), self.table)[0]


def test_the_toy_is_a_distribution() -> None:
    toy = Toy()
    assert len(toy.texts) == 1 + 3 + 9 * WORDS
    assert toy.probabilities().sum().item() == pytest.approx(1.0, abs=1e-12)


# ---------------------------------------------------------------------------------------------- expectation
def test_the_estimate_is_the_gradient_of_the_expected_reward() -> None:
    toy = Toy()
    reward = toy.scores[:, -1]
    expected = toy.exact(reward)
    assert expected.abs().max() > 1e-2
    assert_close(toy.estimate(reward[:, None]), expected, 1e-12)


def test_rewards_to_go_of_prefix_scores_have_the_same_expectation() -> None:
    """What came before a word does not depend on it: E of the returns is the gradient of E[s_T − s_0] too."""
    toy = Toy()
    returns = discounted(prefix_rewards(toy.scores), 1.0, toy.mask)
    assert_close(toy.estimate(returns), toy.exact(toy.scores[:, -1] - toy.scores[:, 0]), 1e-12)


BASELINES: dict[str, Callable[[Toy, Tensor], Tensor]] = {
    "constant": lambda toy, reward: reward - 3.0,
    "greedy": lambda toy, reward: self_critical(reward, reward[toy.probabilities().argmax()].expand_as(reward)),
    "none": lambda toy, reward: reward,
}


@pytest.mark.parametrize("name", sorted(BASELINES))
def test_a_baseline_leaves_the_expectation(name: str) -> None:
    toy = Toy()
    reward = toy.scores[:, -1]
    assert_close(toy.estimate(BASELINES[name](toy, reward)[:, None]), toy.exact(reward), 1e-12)


def pairs(toy: Toy) -> tuple[Tensor, Tensor, Tensor]:
    """Every pair of independent samples: rows (P,), rows (P,), probability (P,)."""
    number = len(toy.texts)
    first, second = torch.cartesian_prod(torch.arange(number), torch.arange(number)).unbind(1)
    probabilities = toy.probabilities().detach()
    return first, second, probabilities[first] * probabilities[second]


def expected_over_pairs(toy: Toy, advantages: Tensor) -> Tensor:
    """E[−∇ mean_k J_pg] over all pairs of texts; advantages (P, 2, L) or (P, 2, 1)."""
    first, second, probability = pairs(toy)
    rows = torch.stack((first, second), dim=1)
    loss = reinforce(toy.log_probs()[rows], advantages, toy.mask[rows]).sum(2).mean(1)
    return -torch.autograd.grad((probability * loss).sum(), toy.table)[0]


def test_leave_one_out_leaves_the_expectation_and_lessens_the_variance() -> None:
    toy = Toy()
    first, second, _ = pairs(toy)
    shifted = toy.scores[:, -1] + 5.0
    rewards = torch.stack((shifted[first], shifted[second]), dim=1)
    assert_close(expected_over_pairs(toy, leave_one_out(rewards)[..., None]), toy.exact(shifted), 1e-12)
    assert leave_one_out(rewards).square().mean() < rewards.square().mean()


def test_centring_over_a_batch_of_two_halves_the_expectation() -> None:
    """The documented factor 1 − 1/N. Exact where every text has a word to score: here the first one."""
    toy = Toy()
    first, second, _ = pairs(toy)
    rewards = prefix_rewards(toy.scores)[:, 0]
    both = torch.stack((rewards[first], rewards[second]))  # (2, P): each pair a batch of two, side by side
    centred = batch_centred(both, torch.ones_like(both, dtype=torch.bool)).T
    padded = torch.nn.functional.pad(centred[..., None], (0, LONGEST - 1))
    assert_close(expected_over_pairs(toy, padded), 0.5 * toy.exact(rewards), 1e-12)


def test_a_greater_reward_makes_a_text_likelier() -> None:
    toy = Toy()
    wanted = torch.zeros(len(toy.texts), dtype=torch.float64)
    wanted[7] = 1.0
    before = toy.probabilities()[7].item()
    toy.table.data += 0.1 * toy.estimate(wanted[:, None])
    assert toy.probabilities()[7].item() > before


# ---------------------------------------------------------------------------------------------- pieces
def test_prefix_rewards_telescope() -> None:
    scores = random(5, 8)
    assert_close(prefix_rewards(scores).sum(1), scores[:, -1] - scores[:, 0], 1e-12)
    assert_close(prefix_rewards(torch.tensor([[1.0, 4.0, 2.0]])), torch.tensor([[3.0, -2.0]]), 1e-7)


def test_prefix_rewards_of_low_precision_scores_are_single_precision() -> None:
    assert prefix_rewards(random(2, 3).bfloat16()).dtype == torch.float32


def test_discounted_by_hand() -> None:
    rewards = torch.tensor([[1.0, 2.0, 4.0, 100.0]])
    mask = torch.tensor([[True, True, True, False]])
    assert_close(discounted(rewards, 0.5, mask), torch.tensor([[3.0, 4.0, 4.0, 0.0]]), 1e-7)


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0])
def test_discounted_is_the_recursion(gamma: float) -> None:
    """d_t = r_t + γ d_{t+1}."""
    rewards, mask = random(4, 6), torch.arange(6)[None] < torch.tensor([6, 1, 4, 3])[:, None]
    found = discounted(rewards, gamma, mask)
    running = torch.zeros(4, dtype=torch.float64)
    for t in reversed(range(6)):
        running = (rewards[:, t] + gamma * running) * mask[:, t]
        assert_close(found[:, t], running, 1e-12, f"position {t}")


def test_discounted_is_exact_under_autocast() -> None:
    rewards, mask = random(4, 6).float(), torch.ones(4, 6, dtype=torch.bool)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(discounted(rewards, 0.9, mask), discounted(rewards, 0.9, mask).float())
        low = discounted(rewards, 0.9, mask)
    assert_close(low, discounted(rewards.double(), 0.9, mask), 1e-5)


def test_batch_centred_by_hand() -> None:
    values = torch.tensor([[1.0, 5.0], [3.0, 9.0], [8.0, 7.0]])
    mask = torch.tensor([[True, True], [True, False], [True, True]])
    assert_close(batch_centred(values, mask), torch.tensor([[-3.0, -1.0], [-1.0, 0.0], [4.0, 1.0]]), 1e-6)


def test_batch_centred_has_mean_zero_and_ignores_a_common_shift_and_padding() -> None:
    values, mask = random(6, 4), torch.arange(4)[None] < torch.tensor([4, 4, 2, 1, 3, 4])[:, None]
    found = batch_centred(values, mask)
    assert_close(found.sum(0), torch.zeros(4), 1e-12)
    assert_close(batch_centred((values + 7.0).where(mask, float("nan")), mask), found, 1e-12)
    assert not found[~mask].any()


def test_leave_one_out_by_hand() -> None:
    assert_close(leave_one_out(torch.tensor([[1.0, 2.0, 6.0]])), torch.tensor([[-3.0, -1.5, 4.5]]), 1e-6)
    for samples in (2, 5):
        rewards = random(3, samples)
        expected = [[r[k] - torch.cat((r[:k], r[k + 1 :])).mean() for k in range(samples)] for r in rewards]
        assert_close(leave_one_out(rewards), torch.tensor(expected), 1e-12)


def test_leave_one_out_needs_a_second_sample() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        leave_one_out(torch.zeros(3, 1))


def test_self_critical_is_zero_for_the_greedy_text() -> None:
    assert_close(self_critical(torch.tensor([-2.0, -1.0]), torch.tensor([-2.0, -3.0])), torch.tensor([0.0, 2.0]), 1e-7)


def test_reinforce_by_hand() -> None:
    log_probs = torch.tensor([[-1.0, -2.0, -3.0]])
    mask = torch.tensor([[True, True, False]])
    assert_close(reinforce(log_probs, torch.tensor([[0.5, -1.0, 9.0]]), mask), torch.tensor([[0.5, -2.0, 0.0]]), 1e-7)
    assert_close(reinforce(log_probs, torch.tensor([[2.0]]), mask), torch.tensor([[2.0, 4.0, 0.0]]), 1e-7)


def test_no_gradient_reaches_the_reward() -> None:
    log_probs, reward = random(2, 3).requires_grad_(), random(2, 3).requires_grad_()
    reinforce(log_probs, reward, torch.ones(2, 3, dtype=torch.bool)).sum().backward()
    assert reward.grad is None
    assert_close(log_probs.grad, -reward.detach(), 1e-12)  # type: ignore[arg-type]


def test_an_impossible_word_beyond_the_end_leaves_no_nan() -> None:
    log_probs = torch.tensor([[-1.0, -float("inf")]], requires_grad=True)
    loss = reinforce(log_probs, torch.tensor([[1.0, 0.0]]), torch.tensor([[True, False]]))
    loss.sum().backward()
    assert loss.isfinite().all()
    assert torch.equal(log_probs.grad, torch.tensor([[-1.0, 0.0]]))  # type: ignore[arg-type]
