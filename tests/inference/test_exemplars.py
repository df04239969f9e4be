"""Laws of a style given by sentences."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from textvae.errors import UserError
from textvae.inference.style_transfer import StyleTransfer, TransferOptions
from textvae.inference.targets import of_exemplars, of_label

from .random_run import LABELS, SENTENCES, make_run
from .random_scorers import exact, make_scorers

LINES = SENTENCES[::97]


@pytest.fixture(scope="module")
def transfer(tmp_path_factory: pytest.TempPathFactory) -> StyleTransfer:
    torch.set_num_threads(1)
    run: Path = make_run(tmp_path_factory.mktemp("exemplars") / "run")
    make_scorers(run)
    return exact(run)


@torch.no_grad()
@pytest.mark.parametrize("strength", [None, 0.0, 1.0, 2.5])
def test_an_exemplar_at_a_labels_prior_mean_is_that_label(transfer: StyleTransfer, strength: float | None) -> None:
    for label in range(len(LABELS)):
        vector = transfer.model.style_vectors[label]
        exemplar = of_exemplars(transfer.model, vector[None])
        expected = transfer.model.style_vector(label, strength)
        torch.testing.assert_close(exemplar.at(transfer.model, strength), expected)
        torch.testing.assert_close(of_label(transfer.model, label).at(transfer.model, strength), expected)


@torch.no_grad()
def test_several_exemplars_count_by_their_mean(transfer: StyleTransfer) -> None:
    z_s = torch.randn(5, 4, dtype=torch.float64)
    together = of_exemplars(transfer.model, z_s)
    torch.testing.assert_close(together.vector, z_s.mean(0))
    torch.testing.assert_close(of_exemplars(transfer.model, z_s.flip(0)).vector, together.vector)
    assert together.shares.sum() == pytest.approx(1.0) and not together.named


def test_like_follows_the_posterior_mean_of_the_sentence(transfer: StyleTransfer) -> None:
    like = "my room was so clean !"
    ids = transfer.pad([line.pieces[0].ids for line in transfer.reader.read([like])])
    with torch.inference_mode():
        z_s = transfer.model.encode(ids, ids > 0).style.mean
    target = transfer.target(TransferOptions(like=(like,)))
    torch.testing.assert_close(target.vector, z_s[0])


def test_the_exemplar_matters_and_strength_scales_it(transfer: StyleTransfer) -> None:
    one, other = (transfer(LINES, like=[text], strength=3.0) for text in ("good", "the staff is awful !"))
    assert one != other
    assert transfer(LINES, like=["good"], strength=0.0) == transfer(LINES, "positive", strength=0.0)
    assert transfer(LINES, like="good", strength=3.0) == one
    assert transfer(LINES, like=["", "good"], strength=3.0) == one, "a sentence without words has no style"


def test_candidates_after_an_exemplar(transfer: StyleTransfer) -> None:
    plain = transfer.candidates(LINES, like=["good"], num_candidates=2)
    assert all(c.style_probability is None for row in plain for c in row)
    reranked = transfer.candidates(LINES, like=["good"], rerank=True, num_candidates=2, retrieve=2)
    for row in reranked:
        for candidate in row:
            assert candidate.parts is not None
            assert sum(candidate.parts.values()) == pytest.approx(candidate.score)


def test_both_or_none(transfer: StyleTransfer) -> None:
    with pytest.raises(UserError, match="exclude each other"):
        transfer("it was bad .", "positive", like=["good"])
    with pytest.raises(UserError, match="--to LABEL; this model knows negative, positive, mixed"):
        transfer("it was bad .")
    with pytest.raises(UserError, match="no words"):
        transfer("it was bad .", like=[" "])
