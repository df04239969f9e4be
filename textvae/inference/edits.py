"""Sentences between an input and its rewritings: with one of the changes undone, or with one of them alone.

A rewriting often changes more than the style asks for. What lies between it and the input costs no search, and the
scores of reranking tell whether the style is still there. Edits are runs of tokens, so among the pieces of subwords a
word can come out half changed; it then has the fluency of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

import torch
from torch import Tensor

from textvae.inference.decoding import Decoded
from textvae.tokenization.config import SpecialIds


class Edit(NamedTuple):
    """Tokens `begin` to `end` of the input become `words`."""

    begin: int
    end: int
    words: tuple[int, ...]


def edits(source: Sequence[int], rewriting: Sequence[int]) -> list[Edit]:
    """What makes `rewriting` of `source`, from left to right; between two edits at least one token stays."""
    codes = SequenceMatcher(None, source, rewriting, autojunk=False).get_opcodes()
    return [Edit(a, b, tuple(rewriting[c:d])) for kind, a, b, c, d in codes if kind != "equal"]


def applied(source: Sequence[int], chosen: Sequence[Edit]) -> tuple[int, ...]:
    """`source` after edits, which do not overlap and go from left to right."""
    words: list[int] = []
    place = 0
    for edit in chosen:
        words += [*source[place : edit.begin], *edit.words]
        place = edit.end
    return (*words, *source[place:])


def between(source: Sequence[int], rewriting: Sequence[int]) -> list[tuple[int, ...]]:
    """`rewriting` with each edit undone, then with each alone; nothing where there are fewer than two."""
    found = edits(source, rewriting)
    if len(found) < 2:
        return []
    without = [applied(source, [*found[:i], *found[i + 1 :]]) for i in range(len(found))]
    alone = [applied(source, [edit]) for edit in found] if len(found) > 2 else []
    return without + alone


def partly_undone(sources: Tensor, found: Decoded, ids: SpecialIds, puts_back: bool = False) -> Tensor:
    """(B, V, T) all that lies `between` inputs (B, L) and their candidates, each once and none of the two themselves.

    puts_back: also what keeps every `<unk>` of the input, since the words that it stands for can be put back; without
    it and with some of them nobody would know which.
    Sentences end in `</s>`, then padding; a row has padding alone where it has fewer than V. Cost: about 50 µs a
    candidate, on the CPU.
    """
    places = zip(sources.tolist(), found.tokens.tolist(), found.lengths.tolist(), strict=True)
    rows = [new_ones(source, candidates, lengths, ids) for source, candidates, lengths in places]
    return stacked(known_alone(rows, sources.tolist(), ids, puts_back), ids).to(sources.device)


def known_alone(
    rows: Sequence[Sequence[tuple[int, ...]]], sources: Sequence[Sequence[int]], ids: SpecialIds, puts_back: bool
) -> list[list[tuple[int, ...]]]:
    """Of the sentences of each row those without `<unk>` and, with `puts_back`, those with every one of the source."""
    fine = [{0, source.count(ids.unk)} if puts_back else {0} for source in sources]
    return [[new for new in row if new.count(ids.unk) in counts] for row, counts in zip(rows, fine, strict=True)]


def sentences_of(tokens: Tensor, ids: SpecialIds) -> list[tuple[int, ...]]:
    """The words of sentences (N, T) that end in `</s>`, then padding; none for padding alone."""
    return [tuple(word for word in row if word not in (ids.pad, ids.eos)) for row in tokens.tolist()]


def new_ones(
    padded: list[int], candidates: list[list[int]], lengths: list[int], ids: SpecialIds
) -> list[tuple[int, ...]]:
    """What lies between one input and its candidates of so many tokens (0: none), in their order."""
    source = tuple(token for token in padded if token not in (ids.pad, ids.eos))
    written = {tuple(tokens[: n - 1]): None for tokens, n in zip(candidates, lengths, strict=True) if n}
    found = dict.fromkeys(new for tokens in written for new in between(source, tokens))
    return [new for new in found if new not in written and new and new != source]


def stacked(rows: Sequence[Sequence[Sequence[int]]], ids: SpecialIds) -> Tensor:
    """Any number of sentences for each of B rows as (B, C, T): each with its `</s>`, then padding."""
    count = max(map(len, rows), default=0)
    width = max((len(sentence) for row in rows for sentence in row), default=0) + 1
    tokens = torch.full((len(rows), count, width), ids.pad)
    for place, row in enumerate(rows):
        for number, sentence in enumerate(row):
            tokens[place, number, : len(sentence) + 1] = torch.tensor([*sentence, ids.eos])
    return tokens
