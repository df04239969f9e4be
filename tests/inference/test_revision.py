"""Laws of the gradient search in latent space."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from textvae.errors import UserError
from textvae.inference.revision import RevisionConfig, ascend, revise
from textvae.inference.style_transfer import StyleTransfer, TransferOptions
from textvae.inference.writing import CandidateWriter
from textvae.models.style_content_vae import Latents

from .random_run import SENTENCES, make_run
from .random_scorers import exact, make_scorers

LINES = SENTENCES[::97]


@pytest.fixture(scope="module", params=[("gru", "none"), ("transformer", "none"), ("gru", "pooled")], ids="-".join)
def transfer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> StyleTransfer:
    torch.set_num_threads(1)
    decoder, memory = request.param
    run: Path = make_run(tmp_path_factory.mktemp("revision") / "run", decoder=decoder, memory=memory)
    make_scorers(run)
    return exact(run)


@pytest.fixture
def writer(transfer: StyleTransfer) -> CandidateWriter:
    return transfer.writer(TransferOptions("positive", rerank=True))


@pytest.fixture
def latent(transfer: StyleTransfer, writer: CandidateWriter) -> Tensor:
    content = lines(transfer).content.value
    return torch.cat((writer.style().detach().expand(len(content), -1), content), dim=1)


@torch.no_grad()
def lines(transfer: StyleTransfer) -> Latents:
    """The encoded lines, in order."""
    ids = transfer.pad([line.pieces[0].ids for line in transfer.reader.read(LINES)])
    return transfer.model.encode(ids, ids > 0)


def memory_of(transfer: StyleTransfer, writer: CandidateWriter) -> Callable[[Tensor, Tensor], Tensor]:
    """Latents of the lines with these numbers to what the decoder reads."""
    remembered = lines(transfer).memory
    return lambda z, rows: writer.memory(z, None if remembered is None else remembered[rows])


def search(
    transfer: StyleTransfer, writer: CandidateWriter, latent: Tensor, first: int = 0, **options: float
) -> tuple[Tensor, ...]:
    memory = memory_of(transfer, writer)
    found = revise(
        transfer.model,
        transfer.scorers,
        latent,
        writer.target.shares.double(),
        lambda z, rows: memory(z, rows + first),
        writer.greedy,
        RevisionConfig(**options),  # type: ignore[arg-type]
    )
    return found.latent, found.log_prob, found.steps


def hits(transfer: StyleTransfer, writer: CandidateWriter, latent: Tensor) -> Tensor:
    tokens = writer.greedy(memory_of(transfer, writer)(latent, torch.arange(len(latent))))
    with torch.no_grad():
        return transfer.scorers.style(tokens, tokens > 0)[:, writer.target.label]


def test_it_finds_more_of_the_style_and_says_how_much(
    transfer: StyleTransfer, writer: CandidateWriter, latent: Tensor
) -> None:
    before = hits(transfer, writer, latent)
    moved, log_prob, steps = search(transfer, writer, latent, steps=25, threshold=0.95, penalty=0.0, rate=0.3)
    torch.testing.assert_close(hits(transfer, writer, moved), log_prob)
    assert bool((log_prob >= before - 1e-9).all()) and float((log_prob - before).mean()) > 0.3
    assert int(steps.max()) <= 25 and bool((steps[before.exp() >= 0.95] == 0).all())


def test_no_steps_and_an_infinite_penalty_change_nothing(
    transfer: StyleTransfer, writer: CandidateWriter, latent: Tensor
) -> None:
    for options in ({"steps": 0}, {"steps": 3, "penalty": 1e9}):
        moved, _, steps = search(transfer, writer, latent, **options)
        assert torch.equal(moved, latent) and int(steps.sum()) == 0


def test_rows_do_not_see_each_other(transfer: StyleTransfer, writer: CandidateWriter, latent: Tensor) -> None:
    together = search(transfer, writer, latent, steps=4)[0]
    alone = torch.cat([search(transfer, writer, row[None], number, steps=4)[0] for number, row in enumerate(latent)])
    torch.testing.assert_close(alone, together)


def test_the_gradient_is_that_of_the_penalty_where_the_guide_is_indifferent(
    transfer: StyleTransfer, writer: CandidateWriter, latent: Tensor
) -> None:
    weight = transfer.scorers.guide.output.weight.detach().clone()
    start = latent * 1.1
    with torch.no_grad():
        transfer.scorers.guide.output.weight.zero_()
    _, objective, gradient = ascend(
        transfer.model,
        transfer.scorers,
        latent,
        start,
        torch.arange(len(latent)),
        torch.eye(3, dtype=torch.float64)[1],
        memory_of(transfer, writer),
        writer.greedy,
        2.0,
    )
    with torch.no_grad():
        transfer.scorers.guide.output.weight.copy_(weight)
    expected = -2.0 * 2 * (latent - start) / start.square().sum(1, keepdim=True)
    torch.testing.assert_close(gradient, expected)
    assert objective.shape == (len(latent),)


FREE = {"contract": False}
"""A contract asks for spare candidates, which a search by gradient does not make."""


def test_in_the_pipeline(transfer: StyleTransfer) -> None:
    plain = transfer.candidates(LINES, "positive", **FREE)
    revised = transfer.candidates(LINES, "positive", **FREE, revise=True, revise_steps=10, revise_threshold=0.99)
    assert [row[0].text for row in plain] != [row[0].text for row in revised]
    assert transfer(LINES, "positive", **FREE, revise=True, revise_steps=0) == transfer(LINES, "positive", **FREE)
    lines = ["", *LINES[:3], ""]
    together = transfer(lines, "positive", **FREE, revise=True, revise_steps=2)
    assert together == [transfer(line, "positive", **FREE, revise=True, revise_steps=2) for line in lines]
    assert transfer(LINES[:3], "positive", **FREE, revise=True, revise_steps=2, rerank=True)


@pytest.mark.parametrize("options", [{"steps": -1}, {"rate": 0.0}, {"decay": 1.5}, {"threshold": 0.0}], ids=str)
def test_contradictory_options(options: dict[str, float]) -> None:
    with pytest.raises(UserError):
        RevisionConfig(**options)  # type: ignore[arg-type]
