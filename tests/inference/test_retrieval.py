"""Laws of retrieval by content."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from textvae.errors import UserError
from textvae.inference.reranking import Source
from textvae.inference.retrieval import FILE, ContentIndex
from textvae.inference.scorers import FOLDER
from textvae.inference.style_transfer import StyleTransfer, TransferOptions

from .random_run import SENTENCES, make_run
from .random_scorers import exact, make_scorers


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    run = make_run(tmp_path_factory.mktemp("retrieval") / "run")
    make_scorers(run)
    return run


@pytest.fixture(scope="module")
def transfer(run: Path) -> StyleTransfer:
    return exact(run)


def build(count: int = 50, size: int = 8, seed: int = 0) -> tuple[ContentIndex, torch.Tensor, torch.Tensor]:
    """An index of `count` sentences [10, 10 + i] with random content of 8 numbers, and these with their labels."""
    content = torch.randn(count, 8, generator=torch.Generator().manual_seed(seed))
    labels = torch.arange(count) % 3
    return ContentIndex.build(content, lambda i: [10, 10 + i], labels, 3, size), content, labels


def test_the_nearest_are_those_of_the_largest_cosine() -> None:
    index, content, labels = build()
    queries = torch.randn(70, 8, generator=torch.Generator().manual_seed(1))
    for label in range(3):
        found, cosines = index.nearest(queries, label, 5)
        every = torch.cosine_similarity(queries[:, None], content[None], dim=2).masked_fill(labels != label, -2.0)
        expected = every.topk(5)
        torch.testing.assert_close(cosines, expected.values)
        assert [[ids[1] - 10 for ids in row] for row in found] == expected.indices.tolist()


def test_fewer_directions_keep_the_large_ones() -> None:
    content = torch.randn(40, 8, generator=torch.Generator().manual_seed(0)) * torch.tensor([9.0, 9, 9, 9, 0, 0, 0, 0])
    labels = torch.zeros(40, dtype=torch.long)
    whole, small = (ContentIndex.build(content, lambda i: [i], labels, 2, size) for size in (8, 4))
    assert small.vectors.shape == (40, 4)
    assert whole.nearest(content, 0, 3)[0] == small.nearest(content, 0, 3)[0]


def test_equal_sentences_of_a_label_are_kept_once() -> None:
    content, labels = torch.randn(6, 4), torch.tensor([0, 0, 0, 1, 1, 1])
    index = ContentIndex.build(content, lambda i: [7, 8] if i % 2 else [i], labels, 2, 4)
    assert len(index) == 5, "rows 3 and 5 are one sentence of one label; row 1 has another label"
    assert index.labels.tolist() == [0, 3, 5]


def test_a_label_without_sentences_gives_none() -> None:
    index = ContentIndex.build(torch.randn(4, 8), lambda i: [i], torch.zeros(4, dtype=torch.long), 2, 8)
    found, cosines = index.nearest(torch.randn(3, 8), 1, 5)
    assert found == [[], [], []] and cosines.shape == (3, 0)
    assert [len(row) for row in index.nearest(torch.randn(3, 8), 0, 9)[0]] == [4, 4, 4]


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    index, content, _ = build()
    size = index.save(tmp_path)
    assert size == (tmp_path / FILE).stat().st_size
    loaded = ContentIndex.load(tmp_path, 8)
    first, second = index.nearest(content, 1, 4), loaded.nearest(content, 1, 4)
    assert first[0] == second[0]
    torch.testing.assert_close(first[1], second[1], atol=2e-3, rtol=0)  # 16 bits


def test_missing_foreign_and_damaged(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="textvae fit-scorers"):
        ContentIndex.load(tmp_path, 8)
    build()[0].save(tmp_path)
    with pytest.raises(UserError, match="vectors of 8, not 9"):
        ContentIndex.load(tmp_path, 9)
    (tmp_path / FILE).write_bytes(b"\x00" * 60)
    with pytest.raises(UserError, match="damaged"):
        ContentIndex.load(tmp_path, 8)


# ---------------------------------------------------------------------- in the pipeline
def test_retrieve_only_gives_sentences_of_the_target(transfer: StyleTransfer) -> None:
    lines = SENTENCES[::50]
    for number, label in enumerate(transfer.labels):
        of_label = set(SENTENCES[number::3])
        for row in transfer.candidates(lines, label, retrieve_only=True, num_candidates=3, detokenise=False):
            assert len(row) == 3 and {c.text for c in row} <= of_label
            assert [c.score for c in row] == sorted((c.score for c in row), reverse=True)


def test_a_sentence_of_the_target_retrieves_itself(transfer: StyleTransfer) -> None:
    lines = SENTENCES[1::48][:15]  # label 1, since 48 is a multiple of 3
    assert transfer(lines, transfer.labels[1], retrieve_only=True, detokenise=False) == lines
    found = transfer.candidates(lines[0], transfer.labels[1], retrieve_only=True)[0]
    assert found.score == pytest.approx(1.0, abs=2e-3) and found.log_prob_per_token < 0


def test_retrieved_candidates_are_scored_like_written_ones(transfer: StyleTransfer) -> None:
    """A sentence that both search and retrieval find has one log-probability."""
    line = "the staff is rude ."
    written = transfer.candidates(line, "positive", beam=4, num_candidates=4, detokenise=False)
    tokens = [transfer.reader.encode([c.text])[0] for c in written]
    writer = transfer.writer(TransferOptions("positive"))
    ids = transfer.pad([transfer.reader.read([line])[0].pieces[0].ids])
    with torch.inference_mode():
        source = Source(ids, transfer.model.encode(ids, ids > 0).content.value)
        scores = writer.log_probs(source, transfer.pad(tokens)[None])
    assert scores[0].tolist() == pytest.approx([c.log_prob for c in written], abs=1e-6)


def test_a_corpus_without_the_style_is_told(transfer: StyleTransfer) -> None:
    index = transfer.index
    transfer.index = ContentIndex(index.vectors, index.basis, index.tokens, index.offsets, torch.tensor([0, 0, 0, 9]))
    try:
        with pytest.raises(UserError, match="no sentence of the style"):
            transfer("it was bad .", "positive", retrieve_only=True)
    finally:
        transfer.index = index


def test_empty_lines_and_several_sentences(transfer: StyleTransfer) -> None:
    first, second = SENTENCES[4], SENTENCES[100]
    label = transfer.labels[1]
    assert transfer("", label, retrieve_only=True) == ""
    both = transfer(f"{first} {second}", label, retrieve_only=True, detokenise=False)
    assert both == " ".join(transfer([first, second], label, retrieve_only=True, detokenise=False))


def test_reranking_without_an_index_does_not_need_one(tmp_path: Path) -> None:
    bare = make_run(tmp_path / "run")
    (make_scorers(bare) / FILE).unlink()
    transfer = StyleTransfer.from_pretrained(bare, device="cpu")
    assert transfer("it was bad .", "positive", rerank=True)
    with pytest.raises(UserError, match="textvae fit-scorers"):
        transfer("it was bad .", "positive", rerank=True, retrieve=2)
    assert (bare / "best" / FOLDER / "reranking.json").is_file()
