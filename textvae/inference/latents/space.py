"""A trained autoencoder as a space of sentences: raw text in, vectors out, and the other way round."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args, overload

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from textvae.errors import UserError
from textvae.inference.decoding import Decoded, decode
from textvae.inference.latents.fitted import load_fitted
from textvae.inference.latents.loading import load_latent_model
from textvae.inference.latents.model import LatentModel
from textvae.inference.latents.paths import between
from textvae.inference.loading import find_device
from textvae.inference.options import TransferOptions
from textvae.inference.pieces import Line, LineReader, Piece, pad
from textvae.inference.precision import Precision, autocast
from textvae.inference.sampling import row_keys
from textvae.inference.streaming import WINDOW_LINES, windows
from textvae.inference.style_transfer import batches
from textvae.modules.fitted_prior import FittedPrior
from textvae.text import TextConfig
from textvae.tokenization.config import SPECIAL

WRITING = (
    *("beam", "num_candidates", "sample", "temperature", "top_k", "top_p", "seed", "length_penalty"),
    *("no_repeat_ngram", "min_length", "allow_unk", "detokenise", "batch_size"),
)
"""Options of writing a sentence from a vector; they mean what they mean in a style transfer."""

PriorName = Literal["own", "fitted"]

ENCODED_ROWS = 256
"""Sentences encoded at once."""


@dataclass(frozen=True)
class Drawn:
    """A sentence written from a vector. log_prob: ln p(text | z) in nats, summed over its tokens and `</s>`."""

    text: str
    log_prob: float
    log_prob_per_token: float


@dataclass(frozen=True)
class Scored:
    """What the model thinks of N lines, all (N,) but mean (N, Z). Nats, summed over the sentences of a line.

    nll: −ln p(x | z) at z = μ(x). kl: of q(z | x) against the prior. bound: −ELBO = −ln p(x | z) + kl with one
    z ~ q(z | x); for a deterministic latent nll + kl, which bounds nothing. tokens: with one `</s>` a sentence, of
    which there are `sentences`. mean: of the sentences' μ. nll and bound are nan where the decoder reads more than z.
    """

    nll: np.ndarray
    kl: np.ndarray
    bound: np.ndarray
    tokens: np.ndarray
    sentences: np.ndarray
    mean: np.ndarray


def writing_options(options: dict[str, Any]) -> TransferOptions:
    """Options of writing; UserError names one that is none."""
    unknown = sorted(set(options) - set(WRITING))
    if unknown:
        raise UserError(f"no such option: {', '.join(unknown)}; there are {', '.join(WRITING)}")
    return TransferOptions(**options)


class LatentSpace:
    """Vectors of sentences and sentences of vectors, for any autoencoder of the family.

    >>> space = LatentSpace.from_pretrained("runs/yelp")
    >>> space.interpolate("The food was awful!", "I love this place.", steps=5)
    >>> list(space.generate(3, label="positive", seed=1))

    A line of several sentences has the mean of their vectors; what is written from a vector is one sentence. An empty
    line has the vector of the empty sentence.
    """

    def __init__(
        self,
        model: LatentModel,
        tokenizer: PreTrainedTokenizerFast,
        text: TextConfig | None = None,
        precision: Precision = "auto",
        folder: Path | None = None,
    ):
        self.model, self.precision, self.folder = model, precision, folder
        self.labels, self.size, self.parts = model.labels, model.size, model.parts
        self.max_length: int = model.network.config.max_length
        self.text = text or TextConfig()
        self.reader = LineReader(tokenizer, self.text, self.max_length)

    @classmethod
    def from_pretrained(
        cls, run: str | Path, device: str | torch.device | None = None, precision: Precision = "auto"
    ) -> LatentSpace:
        """Load a run directory (its best model) or a model folder inside one; a GPU is used if there is one."""
        loaded, model = load_latent_model(run, find_device(device))
        return cls(model, loaded.tokenizer, loaded.text, precision, loaded.folder)

    @cached_property
    def fingerprint(self) -> str:
        """64 hexadecimal digits that change with any weight, with the vocabulary and with how text is prepared."""
        digest = hashlib.sha256(self.reader.tokenizer.backend_tokenizer.to_str().encode())
        digest.update(repr((self.text, self.max_length, self.labels)).encode())
        for name, tensor in sorted(self.model.network.state_dict().items()):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(tensor.detach().cpu().numpy()).tobytes())
        return digest.hexdigest()

    @cached_property
    def fitted(self) -> dict[str, FittedPrior]:
        """The fitted prior of one of its spaces; UserError where there is none."""
        if self.folder is None:
            raise UserError("a fitted prior lies beside a model on disk: load the space by LatentSpace.from_pretrained")
        found = load_fitted(self.folder, self.model)
        return {found.part: found.prior}

    # ------------------------------------------------------------------ text to vectors
    @overload
    def encode(self, texts: str, part: str = "all") -> np.ndarray: ...
    @overload
    def encode(self, texts: Iterable[str], part: str = "all") -> np.ndarray: ...
    def encode(self, texts: str | Iterable[str], part: str = "all") -> np.ndarray:
        """Posterior means: (Z,) of a text, (N, Z) of several, float32. part: one of `parts` instead of all of z."""
        if isinstance(texts, str):
            return self.vectors([texts], part)[0]
        blocks = [vectors for _, vectors in self.encode_stream(texts, part)]
        return np.concatenate(blocks) if blocks else np.zeros((0, self.width(part)), np.float32)

    def encode_stream(
        self, lines: Iterable[str], part: str = "all", window: int = WINDOW_LINES
    ) -> Iterator[tuple[list[str], np.ndarray]]:
        """Lines with their vectors (n, Z), any number of them in bounded memory: `window` lines at a time."""
        self.width(part)
        for block in windows(lines, window):
            yield block, self.vectors(block, part)

    def width(self, part: str) -> int:
        """Numbers in a vector of a part; UserError where the model has no such part."""
        return self.size if part == "all" else len(range(*self.place(part).indices(self.size)))

    def place(self, part: str) -> slice:
        """Where a part stands in z."""
        if part == "all":
            return slice(0, self.size)
        if part not in self.parts:
            raise UserError(f"unknown part {part!r} of the latent; this model has: all, {', '.join(self.parts)}")
        return self.parts[part]

    @torch.inference_mode()
    def vectors(self, lines: Sequence[str], part: str = "all") -> np.ndarray:
        """(N, Z) of a window of lines."""
        pieces, owners = self.pieces(lines)
        means = np.zeros((len(pieces), self.size), np.float32)
        with self.reading():
            for rows, ids in self.padded(pieces):
                means[rows] = self.model.posterior(ids).mean.float().cpu().numpy()
        return averaged(means, owners, len(lines))[:, self.place(part)]

    def pieces(self, lines: Sequence[str]) -> tuple[list[tuple[int, ...]], np.ndarray]:
        """Token ids of all pieces of all lines, and the line (P,) that each belongs to."""
        found = [[piece.ids for piece in line.pieces] or [()] for line in self.reader.read(lines)]
        owners = [number for number, pieces in enumerate(found) for _ in pieces]
        return [ids for pieces in found for ids in pieces], np.array(owners, np.int64)

    def padded(self, pieces: Sequence[tuple[int, ...]]) -> Iterator[tuple[list[int], Tensor]]:
        """Batches of pieces of like length: their places, and ids (B, L)."""
        order = sorted(range(len(pieces)), key=lambda i: len(pieces[i]))
        for batch in batches(order, [len(p) for p in pieces], ENCODED_ROWS):
            yield list(batch), pad([pieces[i] for i in batch]).to(self.model.device)

    def reading(self) -> torch.autocast:
        """In which precision vectors and scores are computed: bf16 only where it was asked for by name."""
        return autocast(self.model.device, "bf16" if self.precision == "bf16" else "fp32")

    @torch.inference_mode()
    def score(self, lines: Sequence[str], seed: int = 0) -> Scored:
        """What the model thinks of lines (see `Scored`)."""
        pieces, owners = self.pieces(lines)
        sums = np.zeros((4, len(pieces)))
        means = np.zeros((len(pieces), self.size), np.float32)
        with self.reading():
            for rows, ids in self.padded(pieces):
                found = self.model.posterior(ids)
                means[rows] = found.mean.float().cpu().numpy()
                columns = (self.nll(found.mean, ids), found.kl, self.nll(found.draw(ids, seed), ids))
                for place, values in enumerate((*columns, (ids != SPECIAL.pad).sum(1))):
                    sums[place, rows] = values.double().cpu().numpy()
        sums[2] += sums[1]
        nll, kl, bound, tokens = (np.bincount(owners, row, len(lines)) for row in sums)
        sentences = np.bincount(owners, minlength=len(lines))
        return Scored(nll, kl, bound, tokens, sentences, averaged(means, owners, len(lines)))

    def nll(self, z: Tensor, ids: Tensor) -> Tensor:
        """−ln p(x | z) (B,); nan where the decoder reads more than z."""
        if self.model.looks_back() is not None:
            return torch.full((len(ids),), torch.nan)
        return -self.model.token_log_probs(z, ids).sum(1)

    # ------------------------------------------------------------------ vectors to text
    def decode(self, vectors: np.ndarray, **options: Any) -> list[str]:
        """The best sentence for each of the vectors (N, Z); options: the names in `WRITING`."""
        return [found[0].text for found in self.candidates(vectors, **options)]

    def candidates(self, vectors: np.ndarray, first: int = 0, **options: Any) -> list[list[Drawn]]:
        """Up to `num_candidates` sentences for each of the vectors (N, Z), best first; first: number of the first."""
        return self.write(vectors, writing_options(options), first)

    @torch.inference_mode()
    def write(
        self, vectors: np.ndarray, options: TransferOptions, first: int = 0, like: Line | None = None
    ) -> list[list[Drawn]]:
        """The same under checked options; like: a line whose form (tokenised, capitals) what is written takes on."""
        if vectors.ndim != 2 or vectors.shape[1] != self.size:
            raise UserError(f"vectors have the shape {vectors.shape}; this model decodes (N, {self.size})")
        config = options.decoding(self.max_length)
        form = like or Line("", (), prepared=False, truecase=self.text.lowercase)
        rows = {"sample": config.num_candidates, "beam": config.beam, "greedy": 1}[config.strategy]
        size, found = max(1, options.batch_size // rows), []
        network = self.model.network
        for begin in range(0, len(vectors), size):
            z = torch.from_numpy(np.ascontiguousarray(vectors[begin : begin + size])).to(self.model.device)
            keys = row_keys(0, torch.arange(first + begin, first + begin + len(z)))
            with autocast(self.model.device, self.precision):
                memory = self.model.memory(z)
                decoded = decode(network.decoder, network.output, network.target_embedding, memory, config, keys=keys)
            found += self.texts(decoded, form, options)
        return found

    def texts(self, decoded: Decoded, form: Line, options: TransferOptions) -> list[list[Drawn]]:
        """Decoded candidates as people write them."""
        found = []
        one = Line(form.text, (Piece(()),), form.prepared, form.truecase)
        columns = (x.tolist() for x in (decoded.tokens, decoded.scores, decoded.lengths))
        for tokens, scores, lengths in zip(*columns, strict=True):
            prepared = self.reader.decode([ids[: max(n - 1, 0)] for ids, n in zip(tokens, lengths, strict=True)])
            rows = zip(prepared, scores, lengths, strict=True)
            found.append([Drawn(self.reader.write([t], one, options.detokenise), s, s / n) for t, s, n in rows if n])
        return found

    # ------------------------------------------------------------------ uses
    def generate(
        self,
        count: int = 1,
        label: str | None = None,
        like: str | None = None,
        noise: float = 0.3,
        corpus: Iterable[str] | None = None,
        prior: PriorName = "own",
        **options: Any,
    ) -> Iterator[str]:
        """`count` sentences: of the prior, of a label's prior, near a sentence (`like`), or of a corpus's Gaussian.

        prior: the model's own, or the one that `textvae fit-prior` has fitted to its codes.
        """
        for drawn in self.draw(count, label, like, noise, corpus, prior, **options):
            yield drawn[0].text

    def draw(
        self,
        count: int = 1,
        label: str | None = None,
        like: str | None = None,
        noise: float = 0.3,
        corpus: Iterable[str] | None = None,
        prior: PriorName = "own",
        start: int = 0,
        **options: Any,
    ) -> Iterator[list[Drawn]]:
        """The same with all candidates and their scores; the first is draw number `start` of its seed."""
        settings = writing_options(options)
        if sum(x is not None for x in (label, like, corpus)) > 1:
            raise UserError("label, like and corpus exclude each other: each says where z is drawn")
        if count < 0 or not (np.isfinite(noise) and noise >= 0):
            raise UserError(f"count and noise may not be negative, they are {count} and {noise}")
        if prior not in get_args(PriorName) or (prior == "fitted" and not (like is None and corpus is None)):
            raise UserError(
                f"prior is {prior!r}: own or fitted, and not with like or corpus, which draw from elsewhere"
            )
        fitted = self.fitted if prior == "fitted" else None
        number, form = self.model.label(label), None if like is None else self.reader.read([like])[0]
        centre, spread = self.around(like, noise, corpus)
        self.model.memory(self.model.neutral()[None])  # complain before anything is written
        for first in range(start, start + count, ENCODED_ROWS):
            rows = min(ENCODED_ROWS, start + count - first)
            if centre is None:
                z = self.model.prior(first, rows, number, settings.seed, fitted).float().cpu().numpy()
            else:
                z = centre + normal(first, rows, self.size, settings.seed) @ spread
            yield from self.write(z.astype(np.float32), settings, first, form)

    def around(
        self, like: str | None, noise: float, corpus: Iterable[str] | None
    ) -> tuple[np.ndarray | None, np.ndarray]:
        """Centre (Z,) and factor (Z, Z) of the Gaussian to draw from; no centre: the prior.

        A corpus's Gaussian is fitted to its posterior means (Ghosh et al. 2020, "From variational to deterministic
        autoencoders", sec. 4: ex-post density estimation): where a weakly weighted KL left the means far from the
        prior, draws of the prior are no sentences, and these are.
        """
        if like is not None:
            return self.encode(like), noise * np.eye(self.size, dtype=np.float32)
        if corpus is None:
            return None, np.zeros((0, 0), np.float32)
        fitted = GaussianSum(self.size)
        for _, vectors in self.encode_stream(corpus):
            fitted.add(vectors)
        return fitted.mean, fitted.factor()

    def interpolate(self, a: str, b: str, steps: int = 7, way: str = "lerp", **options: Any) -> list[str]:
        """Sentences on the way from a to b: reconstructions of both, and of `steps` − 2 points between."""
        return [found[0].text for found in self.interpolation(a, b, steps, way, **options)]

    def interpolation(self, a: str, b: str, steps: int = 7, way: str = "lerp", **options: Any) -> list[list[Drawn]]:
        """The same with all candidates and their scores."""
        settings = writing_options(options)
        first, last = self.encode([a, b])
        return self.write(between(first, last, steps, way), settings, like=self.reader.read([a])[0])

    def arithmetic(
        self, text: str, plus: Sequence[str] = (), minus: Sequence[str] = (), scale: float = 1.0, **options: Any
    ) -> str:
        """The sentence at μ(text) + scale · (mean μ(plus) − mean μ(minus)), an analogy (Mikolov et al. 2013)."""
        return next(self.arithmetics([text], plus, minus, scale, **options))[0].text

    def arithmetics(
        self,
        texts: Iterable[str],
        plus: Sequence[str] = (),
        minus: Sequence[str] = (),
        scale: float = 1.0,
        **options: Any,
    ) -> Iterator[list[Drawn]]:
        """The same for every text, with all candidates and their scores."""
        settings = writing_options(options)
        if not (plus or minus) or not np.isfinite(scale):
            raise UserError("arithmetic needs sentences to add (plus) or take away (minus), and a finite scale")
        moves = [sign * self.encode(list(group)).mean(0) for sign, group in ((1, plus), (-1, minus)) if group]
        move, first = scale * np.sum(moves, axis=0), 0
        for block, vectors in self.encode_stream(texts):
            for line, vector in zip(self.reader.read(block), vectors, strict=True):
                yield from self.write((vector + move)[None].astype(np.float32), settings, first, line)
                first += 1


class GaussianSum:
    """Mean and covariance of vectors that come in blocks: the sums of x and x xᵀ in float64."""

    def __init__(self, size: int):
        self.count, self.total, self.square = 0, np.zeros(size), np.zeros((size, size))

    def add(self, vectors: np.ndarray) -> None:
        """Take in vectors (n, Z)."""
        wide = vectors.astype(np.float64)
        self.count += len(wide)
        self.total += wide.sum(0)
        self.square += wide.T @ wide

    @property
    def mean(self) -> np.ndarray:
        """(Z,)."""
        if self.count < 2:
            raise UserError(f"a distribution cannot be fitted to {self.count} sentences; give at least 2, better 1,000")
        return self.total / self.count

    def covariance(self) -> np.ndarray:
        """(Z, Z), of the sample (divided by n − 1)."""
        return (self.square - self.count * np.outer(self.mean, self.mean)) / (self.count - 1)

    def factor(self) -> np.ndarray:
        """(Z, Z) matrix F with Fᵀ F = the covariance, whatever its rank: ε F ~ N(0, covariance) for ε ~ N(0, I)."""
        values, vectors = np.linalg.eigh(self.covariance())
        found: np.ndarray = (vectors * np.sqrt(values.clip(min=0))).T
        return found


def averaged(rows: np.ndarray, owners: np.ndarray, count: int) -> np.ndarray:
    """Means (count, Z) of the rows (P, Z) of each owner (P,)."""
    if len(rows) == count:  # one each, the usual case, and exact
        return rows
    sums = np.zeros((count, rows.shape[1]), np.float64)
    np.add.at(sums, owners, rows)
    return (sums / np.bincount(owners, minlength=count)[:, None]).astype(np.float32)


def normal(first: int, count: int, size: int, seed: int) -> np.ndarray:
    """ε (count, size): draws number `first` and following, each from its own seed, so that no batch shows in them."""
    return np.stack([np.random.default_rng([seed, first + i]).standard_normal(size) for i in range(count)])
