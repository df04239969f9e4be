"""Phrases that stood between two words: the table against counting by hand, and its part in reranking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from math import log
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from textvae.errors import UserError
from textvae.inference.phrase_table import FILE, LEAST, LONGEST, SMOOTHING, PhraseTable
from textvae.inference.scorers import FOLDER, Reranking, RerankingWeights
from textvae.inference.style_transfer import StyleTransfer, TransferOptions
from textvae.modules.attributes import LabelGroups
from textvae.tokenization.config import SpecialIds

from .random_run import LABELS, SENTENCES, make_run
from .random_scorers import make_scorers

IDS = SpecialIds()
VOCABULARY = 12
ONE, TWO = LabelGroups((3,)), LabelGroups((2, 2))
Words = tuple[int, ...]
Corpus = list[tuple[list[int], int, int]]
"""Sentences, each with a label of two attributes."""
words = st.lists(
    st.integers(IDS.unk, VOCABULARY - 1).filter(lambda i: i not in (IDS.pad, IDS.bos, IDS.eos)), max_size=6
)
labelled = st.lists(st.tuples(words, st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=12)


def build(corpus: Corpus, groups: LabelGroups, least: int = 1) -> PhraseTable:
    labels = np.array([[a, b] for _, a, b in corpus])
    sentences = [sentence for sentence, _, _ in corpus]
    return PhraseTable.build(sentences, labels if len(groups) == 2 else labels[:, 0], groups, VOCABULARY, IDS, least)


def phrases(sentence: list[int]) -> Iterator[tuple[int, int, int, Words]]:
    """First word, left and right neighbour, and phrase, by hand."""
    framed = [IDS.bos, *sentence, IDS.eos]
    for length in range(LONGEST + 1):
        for begin in range(1, len(framed) - length):
            found = framed[begin - 1 : begin + length + 1]
            if IDS.unk not in found:
                yield begin - 1, found[0], found[-1], tuple(found[1:-1])


def counted(corpus: Corpus, groups: LabelGroups) -> dict[tuple[int, int, Words], list[int]]:
    """How often in sentences of each label, by hand, without what is said of no label."""
    counts: Counter[tuple[int, int, int, Words]] = Counter()
    for sentence, *labels in corpus:
        for attribute, label in enumerate(labels[: len(groups)]):
            for _, left, right, phrase in phrases(sentence):
                counts[groups.offsets[attribute] + label, left, right, phrase] += 1

    table = {key[1:]: [counts[(s, *key[1:])] for s in range(groups.total)] for key in counts}
    return {key: row for key, row in table.items() if max(odds(row, groups)) >= LEAST}


def odds(row: list[int], groups: LabelGroups) -> list[float]:
    found = []
    for first, size in zip(groups.offsets, groups.sizes, strict=True):
        part = row[first : first + size]
        found += [log(x + SMOOTHING) - log(sum(part) - x + SMOOTHING) for x in part]
    return found


def entries(table: PhraseTable) -> dict[tuple[int, int, Words], list[int]]:
    contexts = np.repeat(table.contexts, np.diff(table.first))
    rows = zip(contexts.tolist(), table.phrase.tolist(), table.counts.tolist(), strict=True)
    return {(*divmod(key, VOCABULARY), table.words(phrase)): counts for key, phrase, counts in rows}


@pytest.mark.parametrize("groups", [ONE, TWO], ids=["one", "two"])
@given(labelled)
def test_a_table_counts_what_stood_between_two_words(groups: LabelGroups, corpus: Corpus) -> None:
    assert entries(build(corpus, groups)) == counted(corpus, groups)
    few = {key: row for key, row in counted(corpus, groups).items() if max(row) >= 2}
    assert entries(build(corpus, groups, least=2)) == few


@pytest.mark.parametrize(("groups", "wanted"), [(ONE, {0: 1}), (TWO, {1: 1}), (TWO, {0: 0, 1: 1})], ids=str)
@given(labelled, st.lists(words, min_size=1, max_size=4))
@settings(max_examples=60)
def test_proposals_are_the_most_promising_changes(
    groups: LabelGroups, wanted: dict[int, int], corpus: Corpus, inputs: list[list[int]]
) -> None:
    known = counted(corpus, groups)
    columns = [groups.offsets[attribute] + label for attribute, label in wanted.items()]
    found = build(corpus, groups).proposals([tuple(x) for x in inputs], wanted, 4, IDS)
    everything = build(corpus, groups).proposals([tuple(x) for x in inputs], wanted, 10_000, IDS)
    for sentence, proposals, all_of_them in zip(inputs, found, everything, strict=True):
        promise: dict[Words, float] = {}
        for begin, left, right, old in phrases(sentence):
            lift = (
                sum(odds(known[left, right, old], groups)[s] for s in columns) if (left, right, old) in known else 0.0
            )
            for (a, b, new), row in known.items():
                gain = sum(odds(row, groups)[s] for s in columns)
                made = (*sentence[:begin], *new, *sentence[begin + len(old) :])
                if (a, b) == (left, right) and new != old and made and gain - lift > LEAST:
                    value = gain + log(min(row[s] for s in columns) + SMOOTHING) - lift
                    promise[made] = max(promise.get(made, value), value)
        promise.pop(tuple(sentence), None)
        assert set(all_of_them) == set(promise)
        best = sorted(promise.values(), reverse=True)[: len(proposals)]
        assert len(proposals) == min(4, len(promise))
        assert [promise[x] for x in proposals] == pytest.approx(best)


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    corpus = [([6, 7, 8], 0, 0), ([6, 9, 8], 1, 0), ([6, 8], 1, 1)]
    table = build(corpus, TWO)
    assert table.save(tmp_path) == (tmp_path / FILE).stat().st_size
    again = PhraseTable.load(tmp_path, VOCABULARY, TWO)
    assert entries(again) == entries(table)
    assert again.proposals([(6, 7, 8)], {0: 1}, 9, IDS) == table.proposals([(6, 7, 8)], {0: 1}, 9, IDS) != [[]]


def test_an_empty_table_proposes_nothing(tmp_path: Path) -> None:
    table = build([([IDS.unk], 0, 0)], ONE)
    table.save(tmp_path)
    assert PhraseTable.load(tmp_path, VOCABULARY, ONE).proposals([(6, 7)], {0: 1}, 3, IDS) == [[]]


def test_damaged_or_foreign_tables(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not there.*textvae fit-scorers"):
        PhraseTable.load(tmp_path, VOCABULARY, ONE)
    build([([6, 7], 0, 0)], ONE).save(tmp_path)
    for vocabulary, groups in ((VOCABULARY + 1, ONE), (VOCABULARY, TWO)):
        with pytest.raises(UserError, match="other words or labels"):
            PhraseTable.load(tmp_path, vocabulary, groups)
    (tmp_path / FILE).write_bytes(b"\x00" * 60)
    with pytest.raises(UserError, match="damaged"):
        PhraseTable.load(tmp_path, VOCABULARY, ONE)


# ---------------------------------------------------------------------- in reranking
@pytest.fixture
def transfer(tmp_path: Path) -> StyleTransfer:
    """A random model with a table of its sentences, sentence i having label i mod the number of labels."""
    torch.set_num_threads(1)
    run = make_run(tmp_path / "run")
    make_scorers(run)
    transfer = StyleTransfer.from_pretrained(run, device="cpu", precision="fp32")
    pieces = [line.pieces[0].ids for line in transfer.reader.read(SENTENCES)]
    labels, groups = np.arange(len(pieces)) % len(LABELS), transfer.model.groups
    table = PhraseTable.build(pieces, labels, groups, transfer.model.config.vocab_size, transfer.ids, least=1)
    table.save(run / "best" / FOLDER)
    transfer.model.double()
    transfer.scorers.double()
    transfer.scorers.reranking = Reranking(candidates=2, strengths=(1.0,), undo=False, phrases=40, rounds=1)
    return transfer


def found_by(transfer: StyleTransfer, lines: list[str], **changes: object) -> list[set[Words]]:
    transfer.scorers.reranking = replace(transfer.scorers.reranking, **changes)  # type: ignore[arg-type]
    ids = transfer.pad([line.pieces[0].ids for line in transfer.reader.read(lines)])
    with torch.inference_mode():
        ranked = transfer.writer(TransferOptions("positive", rerank=True))(ids).found
    rows = zip(ranked.tokens.tolist(), ranked.lengths.tolist(), strict=True)
    return [{tuple(x[: n - 1]) for x, n in zip(*row, strict=True) if n} for row in rows]


def test_changes_of_phrases_are_ranked_with_the_candidates(transfer: StyleTransfer) -> None:
    lines = SENTENCES[::97]
    none, once = (found_by(transfer, lines, rounds=rounds) for rounds in (0, 1))
    inputs = [line.pieces[0].ids for line in transfer.reader.read(lines)]
    proposals = transfer.phrases.proposals(inputs, {0: transfer.labels.index("positive")}, 40, transfer.ids)
    assert any(proposals)
    for plain, first, expected in zip(none, once, proposals, strict=True):
        new = {x for x in expected if transfer.ids.unk not in x and len(x) < transfer.model.config.max_length - 1}
        assert plain | new == first


def test_a_second_round_changes_a_second_phrase(transfer: StyleTransfer) -> None:
    first, second = "the staff is rude and my room is dirty .", "the staff is good and my room is clean ."
    old, new = (line.pieces[0].ids for line in transfer.reader.read([first, second]))
    label = np.array([transfer.labels.index("positive")])
    vocabulary, groups = transfer.model.config.vocab_size, transfer.model.groups
    transfer.__dict__["phrases"] = PhraseTable.build([new], label, groups, vocabulary, transfer.ids, least=1)
    near = RerankingWeights(kept=50.0)
    once, twice = (found_by(transfer, [first], rounds=rounds, weights=near)[0] for rounds in (1, 2))
    assert sum(a != b for a, b in zip(old, new, strict=True)) == 2
    assert new not in once and new in twice and once < twice


def test_a_sentence_is_rewritten_alone_as_among_others(transfer: StyleTransfer) -> None:
    transfer.scorers.reranking = replace(transfer.scorers.reranking, rounds=2)
    lines = SENTENCES[::53]
    together = transfer(lines, "positive", rerank=True)
    assert [transfer(line, "positive", rerank=True) for line in lines] == together


def test_log_probabilities_are_known_where_they_are_asked_for(transfer: StyleTransfer) -> None:
    """And where they weigh: otherwise the decoder's pass over all changes is spared."""
    line = SENTENCES[0]
    for found in transfer.candidates(line, "positive", rerank=True, num_candidates=6):
        assert found.log_prob < 0
    weights = RerankingWeights(**{**dict.fromkeys(vars(RerankingWeights()), 0.0), "model": 1.0})
    transfer.scorers.reranking = replace(transfer.scorers.reranking, weights=weights, diversity=0.0, candidates=6)
    row = transfer.candidates(line, "positive", rerank=True, num_candidates=6)
    assert transfer(line, "positive", rerank=True) == row[0].text
    assert [c.log_prob_per_token for c in row] == sorted((c.log_prob_per_token for c in row), reverse=True)


def test_a_model_without_its_table_says_what_makes_it(transfer: StyleTransfer) -> None:
    assert transfer.folder is not None
    (transfer.folder / FOLDER / FILE).unlink()
    with pytest.raises(UserError, match="textvae fit-scorers"):
        transfer(SENTENCES[0], "positive", rerank=True)
