"""A run's best model with its data, as the page needs them: sentences to points, points to sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from textvae.config import load_config
from textvae.data.corpus import Corpus
from textvae.data.sources import load_corpus
from textvae.data.tokenized import evenly_spaced
from textvae.errors import UserError
from textvae.experiment.runs import cache_folder, check_same_data
from textvae.inference.decoding import DecodingConfig, decode
from textvae.inference.loading import autocast
from textvae.inference.style_transfer import StyleTransfer
from textvae.tokenization.config import SPECIAL

BATCH = 256


@dataclass(frozen=True)
class Sentences:
    """N prepared sentences of one split with their labels and human rewritings (N lists).

    labels: (N,) the index of the label, or with several attributes (N, A) of each one's.
    """

    texts: list[str]
    labels: np.ndarray
    references: list[list[str]]


@dataclass(frozen=True)
class Encoded:
    """Posterior means of N sentences, and the KL of every unit averaged over them, by space ("z_s", "z_c").

    means: (N, Z). kl: (Z,) nats; the prior is the label's own where the space has one for each label.
    """

    means: dict[str, np.ndarray]
    kl: dict[str, np.ndarray]


class LatentPoints:
    """Sentences to points of a model's latent spaces, and points to sentences."""

    def __init__(self, transfer: StyleTransfer):
        self.transfer, self.labels = transfer, transfer.labels

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids, each sentence with a token and none longer than the model reads."""
        longest = self.transfer.model.config.max_length - 2
        return [(ids or [SPECIAL.unk])[:longest] for ids in self.transfer.reader.encode(list(texts))]

    def encode(self, texts: Sequence[str], labels: np.ndarray | None = None) -> Encoded:
        """Posterior means and mean KL of prepared sentences; labels (N,) or (N, A) choose the priors."""
        return self.encode_ids(self.ids(texts), labels)

    @torch.inference_mode()
    def encode_ids(self, ids: Sequence[Sequence[int]], labels: np.ndarray | None = None) -> Encoded:
        """The same of token ids as `ids` gives them."""
        model = self.transfer.model
        order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
        sizes = {"z_s": model.style_latent.size, "z_c": model.content_latent.size}
        means = {space: np.zeros((len(ids), size), dtype=np.float32) for space, size in sizes.items()}
        kl = {space: np.zeros(size) for space, size in sizes.items()}
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            batch = self.transfer.pad([tuple(ids[row]) for row in rows]).to(model.device)
            style = None if labels is None else torch.from_numpy(labels[rows]).to(model.device)
            latents = model.encode(batch, batch != SPECIAL.pad, style)
            for space, latent in (("z_s", latents.style), ("z_c", latents.content)):
                means[space][rows] = latent.mean.float().cpu().numpy()
                kl[space] += latent.penalty_units.double().sum(0).cpu().numpy() / len(ids)
        return Encoded(means, kl)

    @torch.inference_mode()
    def write(self, z_s: Any, z_c: Any) -> list[str]:
        """The sentence at each pair of points: (N, Zs), (N, Zc), greedily decoded."""
        transfer, model = self.transfer, self.transfer.model
        parts = model.decoder, model.output, model.target_embedding
        config = DecodingConfig(strategy="greedy", max_length=model.config.max_length)
        with autocast(model.device, transfer.precision):
            points: list[Tensor] = [torch.as_tensor(z, dtype=torch.float32, device=model.device) for z in (z_s, z_c)]
            found = decode(*parts, model.memory(*points), config, transfer.ids, scored=False)
        pairs = zip(found.tokens[:, 0].tolist(), found.lengths[:, 0].tolist(), strict=True)
        return transfer.reader.decode([tokens[: max(length - 1, 0)] for tokens, length in pairs])


class StyleModel(LatentPoints):
    """With the data of its run; opened once for a page."""

    def __init__(self, transfer: StyleTransfer, corpus: Corpus):
        super().__init__(transfer)
        self.corpus = corpus

    @classmethod
    def open(cls, folder: Path, data_path: str | None = None) -> StyleModel:
        """UserError where model or data are not there, or the data are not those of the run."""
        load_config(folder / "config.yaml")  # complain about these before the seconds that a model takes
        return cls.around(StyleTransfer.from_pretrained(folder), folder, data_path)

    @classmethod
    def around(cls, transfer: StyleTransfer, folder: Path, data_path: str | None = None) -> StyleModel:
        """A model that is open already, with the data of its run's folder."""
        config = load_config(folder / "config.yaml")
        if data_path is not None:
            config.data = replace(config.data, path=data_path)
        corpus = load_corpus(config.data, config.text, cache_folder(config))
        check_same_data(corpus.fingerprint, folder)
        if tuple(corpus.labels) != transfer.labels:
            raise UserError(f"{folder}: the labels of the model and of the data are not the same")
        return cls(transfer, corpus)

    def sentences(self, split: str, per_label: int) -> Sentences:
        """Up to `per_label` sentences of each label, evenly spaced over a split (dev where there is no such split).

        With several attributes of each combination of their labels.
        """
        data, groups = getattr(self.corpus, split) or self.corpus.dev, self.transfer.model.groups
        labels = np.asarray(data["label"])
        kinds = groups.combination(torch.from_numpy(labels)).numpy()
        rows: list[int] = []
        for kind in range(groups.combinations):
            found = np.flatnonzero(kinds == kind)
            places = evenly_spaced(len(found), per_label)
            rows += found[places].tolist()
        chosen = data.select(rows)
        return Sentences(list(chosen["text"]), labels[rows], [list(r) for r in chosen["references"]])
