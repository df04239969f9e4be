"""From sentences to their ranked candidates: search, retrieval, revision and reranking, as the options ask."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from textvae.errors import UserError
from textvae.inference.config import DecodingConfig
from textvae.inference.decoding import Decoded, decode, row_keys
from textvae.inference.options import TransferOptions
from textvae.inference.phrase_table import PhraseTable
from textvae.inference.reranking import PARTS, Reranker, Source, distinct, joined
from textvae.inference.scorers import Scorers
from textvae.inference.search import NEVER
from textvae.inference.targets import StyleTarget, own_labels, own_style
from textvae.models.style_content_vae import BOTH, StyleContentVAE, ViewName
from textvae.modules.noise import shifted
from textvae.tokenization.config import SpecialIds

if TYPE_CHECKING:  # an index is loaded where sentences are retrieved
    from textvae.inference.retrieval import ContentIndex


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


HAS_STYLE = 0.9
"""Probability, by the style guide, from which on a sentence has the style wanted."""

SPARE = 8
"""Sentences that are retrieved for each that is wanted, since few keep the names and numbers of another one."""

BEST = 3
"""Sentences of which phrases are changed again."""


@dataclass(frozen=True)
class Ranked:
    """Candidates, best first; ranks (B, C) where the model's own log-probability does not order them; and parts.

    parts: (B, C, P) what the ranks are the sums of (see `reranking.PARTS`), if they were reranked.
    """

    found: Decoded
    ranks: Tensor | None = None
    parts: Tensor | None = None


@dataclass(frozen=True)
class CandidateWriter:
    """Writes sentences in one style under one set of options, the model in eval mode."""

    model: StyleContentVAE
    ids: SpecialIds
    options: TransferOptions
    target: StyleTarget
    scorers: Scorers | None = None
    index: ContentIndex | None = None
    phrases: PhraseTable | None = None
    puts_back: bool = False
    """Whether unknown words of the input can be put back, see `LineReader.puts_back`."""
    bare: bool = False
    """Whether the parts of scores come without their weights, which then have yet to be found."""

    @property
    def strengths(self) -> tuple[float, ...]:
        """Multiples of the strength at which candidates are written."""
        return self.scorers.reranking.strengths if self.options.rerank and self.scorers else (1.0,)

    @cached_property
    def config(self) -> DecodingConfig:
        """The search at each strength."""
        options, longest = self.options, self.model.config.max_length
        if not (options.rerank and self.scorers):
            spare = options.beam if options.contract and not options.sample else None  # to choose from
            return options.decoding(longest, candidates=max(spare, options.num_candidates) if spare else None)
        wanted = options.rerank_candidates or self.scorers.reranking.candidates
        each = -(-max(wanted, options.num_candidates) // (len(self.strengths) * len(self.views)))
        return options.decoding(longest, candidates=each)

    @property
    def views(self) -> tuple[ViewName, ...]:
        """What the decoder looks back at in turn: the sentence, and where candidates are also made by filling the
        blanks of the sentence without its style words, that."""
        fills = self.options.rerank and self.scorers and self.scorers.reranking.blanks and self.model.translates
        return BOTH if fills else ("whole",)

    @property
    def width(self) -> int:
        """Rows decoded for a sentence."""
        config = self.config
        each = {"sample": config.num_candidates, "beam": config.beam, "greedy": 1}[config.strategy]
        return each * len(self.strengths)

    def __call__(self, ids: Tensor, keys: Tensor | None = None, scored: bool = True) -> Ranked:
        """Candidates of sentences (B, L) that end in `</s>`; keys (B,): their numbers, for samples.

        scored: whether log p(y | z) must be known where the options do not need it.
        """
        options, latents = self.options, self.model.encode(ids, ids != self.ids.pad)
        kept = self.target.kept is not None
        labels = own_labels(self.model, latents.style.value) if kept else None
        own = own_style(self.model, latents.style.value, options.keep, labels) if kept else None
        source = Source(ids, latents.content.value, latents.source, own, latents.memory, labels)
        if options.retrieve_only:
            spare = SPARE if options.contract else 1
            found, cosines = self.retrieved(source, options.num_candidates * spare)
            return Ranked(found, cosines)
        sources = [source if view == "whole" else replace(source, rows=source.blanks) for view in self.views]
        found = joined([self.search(x, keys, scored or bool(options.rerank)) for x in sources], self.ids.pad)
        if not options.rerank:
            return Ranked(found)
        assert self.scorers is not None
        scored = scored or self.scorers.reranking.weights.model != 0
        if self.scorers.reranking.undo:
            between = partly_undone(source.ids, found, self.ids, self.puts_back)
            found = joined((found, self.given(source, between, scored)), self.ids.pad)
        if options.retrieve:
            found = joined((found, self.retrieved(source, options.retrieve)[0]), self.ids.pad)
        return self.ranked(source, found, scored)

    def ranked(self, source: Source, found: Decoded, scored: bool) -> Ranked:
        """Candidates, and what changes of phrases make of them, by the score of the scorers."""
        assert self.scorers is not None
        rerank, settings = Reranker(self.model, self.scorers), self.scorers.reranking
        wanted, penalty = self.shares(source), self.options.length_penalty
        found = distinct(found)
        parts = rerank.parts(source, found, wanted, penalty)
        for number in range(settings.rounds if self.phrases is not None and settings.phrases else 0):
            new = self.given(source, self.changed(source, found, parts, number), scored)
            more = rerank.parts(source, new, wanted, penalty)
            found, parts = joined((found, new), self.ids.pad), torch.cat((parts, more), dim=1)
        if self.options.contract:
            found, parts = self.with_inputs(source, found, parts, scored)
        found, weighted, parts = rerank.sorted(found, parts, settings.weights)
        return Ranked(found, weighted.sum(-1), parts if self.bare else weighted)

    def with_inputs(self, source: Source, found: Decoded, parts: Tensor, scored: bool) -> tuple[Decoded, Tensor]:
        """Candidates and their parts, with each input that has the style wanted among them, without penalty."""
        assert self.scorers is not None
        ids, wanted = source.ids, self.shares(source)
        has_style = (self.scorers.style(ids, ids != self.ids.pad) * wanted).sum(-1) >= math.log(HAS_STYLE)
        if not bool(has_style.any()):
            return found, parts
        inputs = self.given(source, ids.masked_fill(~has_style[:, None], self.ids.pad)[:, None], scored)
        more = Reranker(self.model, self.scorers).parts(source, inputs, wanted, self.options.length_penalty)
        parts = torch.cat((more, parts), dim=1)
        copy = PARTS.index("copy")
        parts[:, :, copy] = parts[:, :, copy].masked_fill(has_style[:, None], 0.0)
        return joined((inputs, found), self.ids.pad), parts

    def changed(self, source: Source, found: Decoded, parts: Tensor, number: int) -> Tensor:
        """(B, C, T) what round `number` of changes of phrases makes: of the inputs first, then of the best so far."""
        assert self.phrases is not None and self.scorers is not None
        settings, inputs = self.scorers.reranking, sentences_of(source.ids, self.ids)
        bases, count = [[words] for words in inputs], settings.phrases
        if number:
            order = Reranker.totals(found, parts, settings.weights).topk(min(BEST, parts.shape[1]), dim=1)[1]
            bases = [sentences_of(x[places], self.ids) for x, places in zip(found.tokens, order, strict=True)]
            count = -(-count // 2)
        known = [{x, *sentences_of(row, self.ids)} for x, row in zip(inputs, found.tokens, strict=True)]
        rows = self.phrases.changes(bases, known, self.labels, count, self.ids, self.model.config.max_length - 1)
        return stacked(known_alone(rows, inputs, self.ids, self.puts_back), self.ids).to(source.ids.device)

    @property
    def labels(self) -> Mapping[int, int]:
        """{attribute: label} wanted; of exemplars the likeliest of each attribute."""
        if self.target.named:
            return self.target.labels
        return dict(enumerate(self.model.groups.likeliest(self.target.shares).tolist()))

    def shares(self, source: Source) -> Tensor:
        """(S,) of the labels wanted, or (B, S) of each sentence, on the model's device."""
        return self.target.wanted(self.model.groups, source.labels).to(self.model.device)

    def style(self, multiple: float = 1.0) -> Tensor:
        """z_s (Zs,) of the target at a multiple of the strength asked for."""
        strength = self.model.config.transfer_strength if self.options.strength is None else self.options.strength
        return self.target.at(self.model, strength * multiple)

    def latents(self, source: Source) -> Tensor:
        """[z_s; z_c] (B · strengths, Zs + Zc) to be decoded, those of a sentence one after the other."""
        count, content = len(self.strengths), source.content
        styles = torch.stack([self.style(multiple) for multiple in self.strengths]).to(content.dtype)
        own = None if source.style is None else source.style.to(content.dtype)
        styles = self.target.of_sentences(styles, own, len(content))
        return torch.cat((styles, content.repeat_interleave(count, dim=0)), dim=1)

    def memory(self, latent: Tensor, rows: Tensor | None) -> Tensor:
        """What the decoder reads of [z_s; z_c] (N, Zs + Zc) and of rows (N, M, D_mem)."""
        if rows is not None and torch.is_grad_enabled():
            rows = rows.clone()  # a tensor of inference mode cannot take part in a gradient
        z_s, z_c = latent.split((self.model.style_latent.size, self.model.content_latent.size), dim=1)
        return self.model.memory(z_s, z_c, rows)

    def greedy(self, memory: Tensor) -> Tensor:
        """The likeliest words (N, T) of memories."""
        config = DecodingConfig(max_length=self.model.config.max_length, allow_unk=self.options.allow_unk)
        parts = self.model.decoder, self.model.output, self.model.target_embedding
        return decode(*parts, memory, config, self.ids, scored=False).tokens[:, 0]

    def revised(self, latent: Tensor, rows: Tensor | None, style: Tensor) -> Tensor:
        """Better latents (N, Zs + Zc), found by gradient; style: (S,) or (N, S) shares of the labels wanted."""
        from textvae.inference.revision import RevisionConfig, revise

        assert self.scorers is not None
        config = RevisionConfig(steps=self.options.revise_steps, threshold=self.options.revise_threshold)

        def memory(z: Tensor, places: Tensor) -> Tensor:
            return self.memory(z, None if rows is None else rows[places])

        return revise(self.model, self.scorers, latent, style, memory, self.greedy, config).latent

    def search(self, source: Source, keys: Tensor | None, scored: bool) -> Decoded:
        """Candidates of each sentence, those of all strengths."""
        count, latent, rows = len(self.strengths), self.latents(source), source.rows
        if count > 1 and rows is not None:
            rows = rows.repeat_interleave(count, dim=0)
        if count > 1 and keys is not None:
            keys = row_keys(0, keys.repeat_interleave(count), torch.arange(count).repeat(len(keys)))
        if self.options.revise:
            style = self.shares(source)
            latent = self.revised(latent, rows, style.repeat_interleave(count, dim=0) if style.dim() == 2 else style)
        parts = self.model.decoder, self.model.output, self.model.target_embedding
        found = decode(*parts, self.memory(latent, rows), self.config, self.ids, keys, scored=scored)
        return Decoded(*(x.unflatten(0, (-1, count)).flatten(1, 2) for x in vars(found).values()))

    def retrieved(self, source: Source, count: int) -> tuple[Decoded, Tensor]:
        """The nearest sentences of the target style, with their log-probability under the model, and cosines.

        With several attributes those that have all the labels wanted; a row has fewer where there are fewer.
        """
        assert self.index is not None
        wanted = self.model.groups.likeliest(self.shares(source)).expand(len(source.content), -1)
        found, cosines = self.index.nearest_of(source.content, self.model.groups.combination(wanted), count)
        if not cosines.shape[1] or (self.options.retrieve_only and not all(found)):
            missing = wanted[next(row for row, sentences in enumerate(found) if not sentences)].tolist()
            style = self.model.attributes.named(missing)
            raise UserError(f"the index has no sentence of the style wanted to retrieve ({style})")
        return self.given(source, stacked(found, self.ids).to(source.content.device)), cosines

    def given(self, source: Source, tokens: Tensor, scored: bool = True) -> Decoded:
        """Sentences (B, C, T) that no search found, padding alone where there is none, as its candidates.

        scored: whether log p(y | z) must be known, which costs a pass of the decoder; 0 otherwise.
        """
        lengths = (tokens != self.ids.pad).sum(2)
        return Decoded(tokens, self.log_probs(source, tokens) if scored else 0.0 * lengths, lengths)

    def log_probs(self, source: Source, tokens: Tensor) -> Tensor:
        """log p(y | z) in nats, (B, C), of sentences (B, C, T), z_s being the target's; -inf where there is none."""
        content, real = source.content, (tokens != self.ids.pad).any(2)
        rows, flat = real.nonzero()[:, 0], tokens[real]
        own = None if source.style is None else source.style.to(content.dtype)
        style = self.target.of_sentences(self.style()[None].to(content.dtype), own, len(content))
        latent = torch.cat((style, content), dim=1)
        memory = self.memory(latent[rows], None if source.rows is None else source.rows[rows])
        hidden = self.model.decoder(memory, self.model.target_embedding(shifted(flat, self.ids.bos)))
        nll = self.model.token_nll(hidden, flat.masked_fill(flat == self.ids.pad, -100))
        return torch.full(real.shape, NEVER, dtype=nll.dtype, device=nll.device).masked_scatter(real, -nll.sum(1))
