"""A trained autoencoder as a space of sentences: raw text in, vectors out, and the other way round."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch

from textvae.errors import UserError
from textvae.inference.latents.draws import GaussianSum, normal
from textvae.inference.latents.fitted import load_fitted
from textvae.inference.latents.loading import load_latent_model
from textvae.inference.latents.model import Target
from textvae.inference.latents.paths import between
from textvae.inference.latents.writing import Drawn, VectorWriter, writing_options
from textvae.inference.loading import Precision, find_device
from textvae.modules.fitted_prior import FittedPrior

PriorName = Literal["own", "fitted"]

DRAWN_ROWS = 256
"""Sentences drawn at once."""


class LatentSpace(VectorWriter):
    """Vectors of sentences and sentences of vectors, for any autoencoder of the family.

    >>> space = LatentSpace.from_pretrained("runs/yelp")
    >>> space.interpolate("The food was awful!", "I love this place.", steps=5)
    >>> list(space.generate(3, label="positive", seed=1))

    A line of several sentences has the mean of their vectors; what is written from a vector is one sentence. An empty
    line has the vector of the empty sentence.
    """

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

    def generate(
        self,
        count: int = 1,
        label: Target | None = None,
        like: str | None = None,
        noise: float = 0.3,
        corpus: Iterable[str] | None = None,
        prior: PriorName = "own",
        **options: Any,
    ) -> Iterator[str]:
        """`count` sentences: of the prior, of a label's prior, near a sentence (`like`), or of a corpus's Gaussian.

        label: of the one attribute, or labels of some of several; the others are drawn for every sentence.
        prior: the model's own, or the one that `textvae fit-prior` has fitted to its codes.
        """
        for drawn in self.draw(count, label, like, noise, corpus, prior, **options):
            yield drawn[0].text

    def draw(
        self,
        count: int = 1,
        label: Target | None = None,
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
        for first in range(start, start + count, DRAWN_ROWS):
            rows = min(DRAWN_ROWS, start + count - first)
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
