"""Blocks of documents: every sentence once, beside its document's row; a pure function of seed and epoch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.document_laws import DOCUMENTS, document_loader, tiny_documents
from textvae.data.noise import NoiseConfig
from textvae.extras.documents.loader import DocumentBatch, DocumentLoader

NOISE = NoiseConfig(drop=0.2, word_dropout=0.3)
blocks = pytest.mark.parametrize("block_size", [None, 1, 2, 3, 100])


def same(a: DocumentBatch, b: DocumentBatch) -> bool:
    return a.key == b.key and all(torch.equal(t, b.tensors()[n]) for n, t in a.tensors().items())


def words(batch: DocumentBatch) -> list[tuple[int, tuple[int, ...]]]:
    """(document, words) of every row."""
    return [(int(d), tuple(x for x in r if x > 2)) for d, r in zip(batch.style, batch.labels.tolist(), strict=True)]


@blocks
def test_every_sentence_comes_once_with_its_document(block_size: int | None) -> None:
    loader, corpus = document_loader(block_size), tiny_documents()
    for epoch in (0, 1):
        found = sorted(row for batch in loader.epoch(epoch) for row in words(batch))
        expected = [(int(d), tuple(corpus.sentence(i).tolist())) for i, d in enumerate(corpus.labels)]
        assert found == sorted(expected)


@blocks
def test_a_batch_is_of_one_block_and_its_rows_are_those_of_the_block(block_size: int | None) -> None:
    loader = document_loader(block_size)
    counts = np.bincount(loader.corpus.labels)
    for epoch in (0, 1):
        order = []
        for batch in loader.epoch(epoch):
            (block,) = set(batch.block.tolist())
            members = loader.members(block)
            assert members[batch.row.numpy()].tolist() == batch.style.tolist()
            assert batch.count.tolist() == counts[batch.style.numpy()].tolist()
            assert len(members) <= loader.rows <= (block_size or DOCUMENTS)
            order.append(block)
        assert order == sorted(order) and sorted(set(order)) == list(loader.numbers(epoch))


def test_blocks_are_dealt_anew_in_every_epoch_but_a_full_table_stays() -> None:
    loader = document_loader(3)
    dealt = [[tuple(loader.members(b)) for b in loader.numbers(epoch)] for epoch in range(4)]
    assert all(sorted(d for block in blocks for d in block) == list(range(DOCUMENTS)) for blocks in dealt)
    assert len({tuple(blocks) for blocks in dealt}) > 1
    whole = document_loader(None)
    assert whole.blocks == 1 and whole.numbers(3) == range(1) and whole.rows == DOCUMENTS


@blocks
def test_an_epoch_can_be_entered_anywhere(block_size: int | None) -> None:
    whole = list(document_loader(block_size, NOISE).epoch(2))
    for first in range(len(whole) + 1):
        rest = list(document_loader(block_size, NOISE).epoch(2, first=first))
        assert len(rest) == len(whole) - first and all(same(a, b) for a, b in zip(whole[first:], rest, strict=True))


@blocks
def test_steps_of_the_first_epoch(block_size: int | None) -> None:
    loader = document_loader(block_size)
    assert loader.steps_per_epoch == len(list(loader.epoch(0)))


@pytest.mark.parametrize("world_size", [2, 3])
def test_processes_share_the_batches_of_one(world_size: int) -> None:
    whole = [b for b in document_loader(3, NOISE).epoch(1) if len(b) >= world_size]
    shares = [list(document_loader(3, NOISE, rank=r, world_size=world_size).epoch(1)) for r in range(world_size)]
    for batch, *parts in zip(whole, *shares, strict=True):
        joined = [row for part in parts for row in words(part)]
        assert joined == words(batch)
        assert torch.cat([part.row for part in parts]).tolist() == batch.row.tolist()


@blocks
def test_reading_a_block_gives_all_its_sentences_without_noise(block_size: int | None) -> None:
    loader, clean = document_loader(block_size, NOISE), tiny_documents()
    for block in loader.numbers(1):
        members = loader.members(block)
        found = sorted(row for batch in loader.reading(block) for row in words(batch))
        rows = np.flatnonzero(np.isin(clean.labels, members))
        assert found == sorted((int(clean.labels[i]), tuple(clean.sentence(int(i)).tolist())) for i in rows)
        for batch in loader.reading(block):
            assert members[batch.row.numpy()].tolist() == batch.style.tolist()
            assert torch.equal(batch.input_ids == batch.labels, batch.labels >= 0)


def test_slices_and_orders_keep_rows_with_their_sentences() -> None:
    batch = next(document_loader().epoch(0))
    part = batch.rows(1, 3)
    assert isinstance(part, DocumentBatch) and part.row.tolist() == batch.row.tolist()[1:3]
    turned = batch.permuted(torch.arange(len(batch)).flip(0))
    assert isinstance(turned, DocumentBatch) and words(turned) == words(batch)[::-1]
    assert turned.row.tolist() == batch.row.tolist()[::-1] and isinstance(batch.to("cpu"), DocumentBatch)


def test_documents_that_lost_all_sentences_have_no_row() -> None:
    corpus = tiny_documents()
    corpus.labels[corpus.labels == 3] = 4
    loader: DocumentLoader = document_loader(None, corpus=corpus)
    assert loader.rows == DOCUMENTS - 1 and 3 not in loader.members(0)
