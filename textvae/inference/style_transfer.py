"""Style transfer of people's own sentences: raw text in, raw text out."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, NamedTuple, overload

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from textvae.errors import UserError
from textvae.inference.config import DecodingConfig
from textvae.inference.decoding import decode
from textvae.inference.loading import find_device, load
from textvae.inference.pieces import Detokenise, Line, LineReader
from textvae.inference.precision import Precision, autocast
from textvae.inference.sampling import row_keys
from textvae.inference.streaming import WINDOW_LINES, windows
from textvae.models.style_content_vae import StyleContentVAE
from textvae.text import TextConfig
from textvae.tokenization.config import SpecialIds

SAMPLING = {"temperature": 1.0, "top_k": 0, "top_p": 1.0}
"""Options without effect unless `sample` is set, and their usual values."""


@dataclass(frozen=True)
class TransferOptions:
    """What to write."""

    target: str
    """Label of the style wanted."""
    strength: float | None = None
    """0 is a neutral style, 1 the target's own, above 1 an exaggeration. Default: as chosen on dev by the training."""
    beam: int | None = None
    """Beam width; 1 is greedy. Default: `num_candidates`."""
    num_candidates: int = 1
    """Candidates per line, best first."""
    sample: bool = False
    """Draw the candidates from the model instead of searching for the likeliest."""
    temperature: float = 1.0
    """Below 1 samples are more cautious (`sample` only)."""
    top_k: int = 0
    """Sample among the k likeliest tokens; 0 means all."""
    top_p: float = 1.0
    """Sample among the fewest tokens of this total probability."""
    seed: int = 0
    """Seed of the samples. Equal for a line alone, in a file, and in a file split over processes."""
    length_penalty: float = 1.0
    """Candidates are ranked by log-probability / length ** penalty."""
    no_repeat_ngram: int = 0
    """No n-gram of this many tokens occurs twice; 0 means no such rule."""
    min_length: int = 1
    """Fewest tokens of a sentence."""
    allow_unk: bool = False
    """Let `<unk>` stand in the output."""
    detokenise: Detokenise = "auto"
    """auto: as people write, unless the line came as the model reads it (tokenised, often lower-cased)."""
    batch_size: int = 384
    """Rows decoded at once, where a sentence has as many rows as its beam is wide or as it has samples."""

    def __post_init__(self) -> None:
        if self.strength is not None and not math.isfinite(self.strength):
            raise UserError(f"strength must be a number, not {self.strength}")
        if self.batch_size < 1:
            raise UserError(f"batch_size must be at least 1, not {self.batch_size}")
        if self.detokenise not in ("auto", True, False):
            raise UserError(f"detokenise is 'auto', True or False, not {self.detokenise!r}")
        if self.sample and self.beam is not None:
            raise UserError("beam and sample exclude each other")
        changed = [n for n, usual in SAMPLING.items() if getattr(self, n) != usual]
        if changed and not self.sample:
            raise UserError(f"{', '.join(changed)}: only for samples; add sample=True (--sample)")
        self.decoding(max_length=max(self.min_length, 1))  # complain now rather than at the first sentence

    def decoding(self, max_length: int) -> DecodingConfig:
        """The search these options ask for."""
        beam = self.num_candidates if self.beam is None else self.beam
        strategy: Literal["greedy", "sample", "beam"]
        strategy = "sample" if self.sample else "beam" if max(beam, self.num_candidates) > 1 else "greedy"
        shared = {f.name for f in fields(DecodingConfig)} & {f.name for f in fields(self)} - {"beam"}
        options: dict[str, Any] = {name: getattr(self, name) for name in shared}
        return DecodingConfig(strategy=strategy, beam=beam, max_length=max_length, **options)


@dataclass(frozen=True)
class Candidate:
    """One rewriting of a line.

    log_prob: nats, given the input's content and the target style, summed over the line's sentences.
    log_prob_per_token: the same over the number of tokens, each sentence's end included.
    style_probability: of the target, by the model's own style head on the rewriting (mean over sentences).
        The head was trained with the model, so this ranks candidates; it does not judge the system.
    """

    text: str
    log_prob: float
    log_prob_per_token: float
    style_probability: float | None = None


class Written(NamedTuple):
    """A candidate for a piece: prepared string, log-probability, tokens with `</s>`, style probability."""

    text: str
    score: float
    length: int
    style: float | None


class StyleTransfer:
    """Rewrite text in another style.

    >>> transfer = StyleTransfer.from_pretrained("runs/yelp")
    >>> transfer("The food was awful!", target="positive")
    'The food was amazing!'

    A line of several sentences is cut, transferred and rejoined, an over-long sentence at its clauses. An
    empty line stays empty. Words the model does not know are read as `<unk>`, which is not written unless
    `allow_unk` is set.
    """

    def __init__(
        self,
        model: StyleContentVAE,
        tokenizer: PreTrainedTokenizerFast,
        text: TextConfig | None = None,
        precision: Precision = "auto",
    ):
        self.model, self.precision = model.eval(), precision
        self.labels = tuple(model.config.labels or ())
        c = model.config
        self.ids = SpecialIds(c.pad_token_id, c.bos_token_id, c.eos_token_id, c.unk_token_id, c.mask_token_id)
        self.reader = LineReader(tokenizer, text or TextConfig(), c.max_length)

    @classmethod
    def from_pretrained(
        cls, run: str | Path, device: str | torch.device | None = None, precision: Precision = "auto"
    ) -> StyleTransfer:
        """Load a run directory (its best model) or a model folder inside one; a GPU is used if there is one.

        Only safetensors, JSON and YAML are read; nothing in the folder is executed.
        """
        loaded = load(run, find_device(device), StyleContentVAE)
        return cls(loaded.model, loaded.tokenizer, loaded.text, precision)

    # ------------------------------------------------------------------ what people call
    @overload
    def __call__(self, texts: str, target: str, **options: Any) -> str: ...
    @overload
    def __call__(self, texts: Iterable[str], target: str, **options: Any) -> list[str]: ...
    def __call__(self, texts: str | Iterable[str], target: str, **options: Any) -> str | list[str]:
        """The best rewriting of a text, or of each of several. Options: the fields of `TransferOptions`."""
        if isinstance(texts, str):
            return next(self.stream([texts], target, **options))
        return list(self.stream(texts, target, **options))

    @overload
    def candidates(self, texts: str, target: str, **options: Any) -> list[Candidate]: ...
    @overload
    def candidates(self, texts: Iterable[str], target: str, **options: Any) -> list[list[Candidate]]: ...
    def candidates(
        self, texts: str | Iterable[str], target: str, **options: Any
    ) -> list[Candidate] | list[list[Candidate]]:
        """Up to `num_candidates` rewritings of each text, best first, with scores."""
        settings = TransferOptions(target, **options)
        found: list[list[Candidate]] = []
        for window in windows([texts] if isinstance(texts, str) else texts):
            found += self.rewrite(window, settings, first=len(found), judge=True)
        return found[0] if isinstance(texts, str) else found

    def stream(self, lines: Iterable[str], target: str, window: int = WINDOW_LINES, **options: Any) -> Iterator[str]:
        """Rewritings in order, of any number of lines in bounded memory: at most `window` are read ahead."""
        settings, first = TransferOptions(target, **options), 0
        self.label(settings.target)  # an unknown label is told before the first line is read
        for block in windows(lines, window):
            yield from (candidates[0].text for candidates in self.rewrite(block, settings, first))
            first += len(block)

    # ------------------------------------------------------------------ how it is done
    def label(self, target: str) -> int:
        """Index of a label."""
        if target not in self.labels:
            raise UserError(f"unknown label {target!r}; this model knows: {', '.join(self.labels)}")
        return self.labels.index(target)

    @torch.inference_mode()
    def rewrite(
        self, lines: Sequence[str], options: TransferOptions, first: int = 0, judge: bool = False
    ) -> list[list[Candidate]]:
        """Candidates of each line. All pieces of all lines are sorted by length and decoded in batches.

        first: number of the first line (it seeds samples). judge: style probabilities too.
        Equal pieces are decoded once, unless they are sampled.
        """
        read = self.reader.read(lines)
        places: dict[tuple[object, ...], int] = {}
        wanted = [
            [
                places.setdefault((p.ids, *((n, i) if options.sample else ())), len(places))
                for i, p in enumerate(r.pieces)
            ]
            for n, r in enumerate(read, start=first)
        ]
        written = self.decode(list(places), self.label(options.target), options, judge)
        return [
            self.assemble(line, [written[place] for place in row], options)
            for line, row in zip(read, wanted, strict=True)
        ]

    def decode(
        self, pieces: list[tuple[Any, ...]], label: int, options: TransferOptions, judge: bool
    ) -> list[list[Written]]:
        """Candidates of each piece: (ids,), or (ids, line, place in the line) for samples."""
        config = options.decoding(self.model.config.max_length)
        width = options.num_candidates if options.sample else config.beam
        written: list[list[Written]] = [[] for _ in pieces]
        order = sorted(range(len(pieces)), key=lambda i: len(pieces[i][0]))
        with autocast(self.model.device, self.precision):
            style = self.model.style_vector(label, options.strength)
            for batch in batches(order, [len(p[0]) for p in pieces], max(1, options.batch_size // width)):
                chosen = [pieces[i] for i in batch]
                for i, candidates in zip(batch, self.step(chosen, style, label, config, judge), strict=True):
                    written[i] = candidates
        return written

    def step(
        self, pieces: list[tuple[Any, ...]], style: Tensor, label: int, config: DecodingConfig, judge: bool
    ) -> list[list[Written]]:
        """One batch: encode, set the style, decode."""
        device = self.model.device
        ids = self.pad([piece[0] for piece in pieces]).to(device)
        latents = self.model.encode(ids, ids != self.ids.pad)
        memory = self.model.memory(style.expand(len(pieces), -1), latents.content.value, latents.memory)
        keys = None
        if config.strategy == "sample":
            keys = row_keys(0, *torch.tensor([piece[1:] for piece in pieces]).unbind(1))
        parts = self.model.decoder, self.model.output, self.model.embedding
        decoded = decode(*parts, memory, config, self.ids, keys, scored=judge)
        styles = self.style_probability(decoded.tokens, label) if judge else decoded.scores
        flat = zip(*(x.flatten(0, 1).tolist() for x in (decoded.tokens, decoded.lengths)), strict=True)
        texts = self.reader.decode([tokens[: max(length - 1, 0)] for tokens, length in flat])
        columns = (x.flatten().tolist() for x in (decoded.scores, decoded.lengths, styles))
        found = [
            Written(text, score, length, style if judge else None)
            for text, score, length, style in zip(texts, *columns, strict=True)
        ]
        count = decoded.scores.shape[1]
        return [[w for w in found[i : i + count] if w.length] for i in range(0, len(found), count)]

    def pad(self, pieces: list[tuple[int, ...]]) -> Tensor:
        """Ids (B, L), each piece followed by `</s>`."""
        longest = max(map(len, pieces)) + 1
        return torch.tensor([[*p, self.ids.eos, *[self.ids.pad] * (longest - len(p) - 1)] for p in pieces])

    def style_probability(self, tokens: Tensor, label: int) -> Tensor:
        """p(label | z_s of the written sentence) by the model's style head: tokens (B, C, T) to (B, C)."""
        flat = tokens.flatten(0, 1).clone()
        flat[:, 0] = torch.where(flat[:, 0] == self.ids.pad, self.ids.eos, flat[:, 0])  # no candidate: any sentence
        logits = self.model.style_head(self.model.encode(flat, flat != self.ids.pad).style.value)
        return logits.float().softmax(-1)[:, label].view(tokens.shape[:2])

    def assemble(self, line: Line, pieces: list[list[Written]], options: TransferOptions) -> list[Candidate]:
        """Candidates of a line from those of its pieces."""
        if not pieces:
            return [Candidate("", 0.0, 0.0)]
        found = []
        for chosen in combine(pieces, options.num_candidates, options.length_penalty):
            text = self.reader.write([w.text for w in chosen], line, options.detokenise)
            total, tokens = sum(w.score for w in chosen), sum(w.length for w in chosen)
            styles = [w.style for w in chosen if w.style is not None]
            found.append(Candidate(text, total, total / tokens, sum(styles) / len(styles) if styles else None))
        return found


def batches(order: Sequence[int], lengths: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """Cut indices sorted by length into batches of at most `size`; a half full one ends with its length.

    Sentences of one length need no packing in the encoder, a third of its time.
    """
    begin = 0
    for end in range(1, len(order) + 1):
        full = end - begin == size
        turn = end == len(order) or 2 * (end - begin) >= size and lengths[order[end]] != lengths[order[end - 1]]
        if full or turn:
            yield order[begin:end]
            begin = end


def combine(pieces: Sequence[list[Written]], count: int, penalty: float) -> list[list[Written]]:
    """The `count` best choices of a candidate per piece, by the sum of score / length ** penalty."""
    best: list[tuple[float, Any]] = [
        (0.0, None)
    ]  # chains (choices before, this choice), so that long lines stay linear
    for options in pieces:
        grown = [(rank + w.score / w.length**penalty, (before, w)) for rank, before in best for w in options]
        best = heapq.nlargest(count, grown, key=lambda pair: pair[0])
    return [unchain(chain) for _, chain in best]


def unchain(chain: Any) -> list[Written]:
    """The choices of a chain in order."""
    found: list[Written] = []
    while chain is not None:
        chain, choice = chain
        found.append(choice)
    return found[::-1]
