"""A prior fitted to the codes of a finished run: frozen codes of its training sentences, a flow, what it is worth."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from textvae.config.sentence_vae import SentenceExperimentConfig
from textvae.config.style_transfer import ExperimentConfig
from textvae.data.tokenized import TokenizedCorpus
from textvae.errors import UserError
from textvae.experiment.latents import every_so_often
from textvae.experiment.preparation import PreparedSentences, max_length, prepare, prepare_sentences
from textvae.experiment.runs import check_same_data
from textvae.inference.latents.fitted import Fitted
from textvae.inference.latents.model import LatentModel
from textvae.inference.pieces import pad
from textvae.modules.attributes import LabelGroups, Sizes
from textvae.modules.fitted_prior import FittedPrior, FittedPriorShape
from textvae.modules.latents import Latent
from textvae.modules.noise import mix

ROWS = 512
"""Sentences encoded at once."""


@dataclass(frozen=True)
class PriorSettings:
    """Size and schedule of the fit."""

    transforms: int = 4
    """Coupling layers."""
    hidden: int = 64
    """Hidden units of each of them."""
    epochs: int = 30
    """Passes over the codes at most; the best on held-out codes is kept."""
    patience: int = 3
    """Stop after so many epochs without a better one."""
    batch_size: int = 256
    """Codes in a step."""
    learning_rate: float = 1e-3
    """Rate of Adam."""
    sentences: int = 100_000
    """At most so many training sentences, evenly spaced."""
    seed: int = 0
    """Of initial weights, order and draws."""

    def __post_init__(self) -> None:
        for name in ("transforms", "hidden", "epochs", "patience", "batch_size", "sentences"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not self.learning_rate > 0:
            raise UserError(f"learning_rate must be above 0, not {self.learning_rate}")


@dataclass(frozen=True)
class Codes:
    """Posteriors of N sentences in one space: mean, std (N, Z), std 0 for points; label: (N,) or (N, A)."""

    mean: Tensor
    std: Tensor
    label: Tensor

    def __len__(self) -> int:
        return len(self.mean)

    def __getitem__(self, rows: Tensor | slice) -> Codes:
        return Codes(self.mean[rows], self.std[rows], self.label[rows])

    def draws(self, *seed: int) -> Tensor:
        """One draw of every posterior, (N, Z): together a sample of the aggregate posterior."""
        noise = torch.randn(self.mean.shape, generator=torch.Generator().manual_seed(mix(*seed)))
        return self.mean + self.std * noise

    def spread(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (Z,) of the aggregate posterior."""
        variance = self.mean.var(0, correction=0) + self.std.square().mean(0)
        return self.mean.mean(0), variance.sqrt()


@torch.inference_mode()
def codes_of(model: LatentModel, part: str, corpus: TokenizedCorpus) -> Codes:
    """Posteriors of all sentences of a corpus, on the CPU."""
    place = model.parts[part]
    size = place.stop - place.start
    mean, std = torch.zeros(len(corpus), size), torch.zeros(len(corpus), size)
    order = corpus.lengths.argsort(kind="stable")
    for start in range(0, len(order), ROWS):
        rows = order[start : start + ROWS]
        ids = pad([tuple(corpus.sentence(int(row)).tolist()) for row in rows]).to(model.device)
        found = model.posterior(ids)
        mean[rows] = found.mean[:, place].float().cpu()
        if found.std is not None:
            std[rows] = found.std[:, place].float().cpu()
    return Codes(mean, std, torch.from_numpy(corpus.labels.astype("int64")))


def fit(train: Codes, held_out: Codes, labels: Sizes, settings: PriorSettings) -> tuple[FittedPrior, int]:
    """A flow over the training codes, and its epoch: the one with the lowest −log p of draws of the held-out ones.

    labels: how many the one attribute has that the flow is told, or each of several; 0 for none.
    """
    groups = LabelGroups.of(labels)
    several = groups.sizes if len(groups) > 1 else ()
    shape = FittedPriorShape(train.mean.shape[1], groups.total, settings.transforms, settings.hidden, several)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        prior = FittedPrior(shape)
    prior.standardise(*train.spread())
    optimizer = torch.optim.Adam(prior.parameters(), lr=settings.learning_rate)
    best, best_state, best_epoch = nll(prior.log_prob, held_out), copy.deepcopy(prior.state_dict()), 0
    for epoch in range(1, settings.epochs + 1):
        for z, label in batches(train, settings, epoch):
            optimizer.zero_grad()
            (-prior.log_prob(z, label).mean()).backward()
            torch.nn.utils.clip_grad_norm_(prior.parameters(), 5.0)
            optimizer.step()
        found = nll(prior.log_prob, held_out)
        if found < best:
            best, best_state, best_epoch = found, copy.deepcopy(prior.state_dict()), epoch
        elif epoch - best_epoch >= settings.patience:
            break
    prior.load_state_dict(best_state)
    return prior.eval(), best_epoch


def batches(train: Codes, settings: PriorSettings, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Codes drawn anew and in another order in every epoch."""
    z = train.draws(settings.seed, epoch)
    order = torch.randperm(len(z), generator=torch.Generator().manual_seed(mix(settings.seed, epoch, 1)))
    for rows in order.split(settings.batch_size):
        yield z[rows], train.label[rows]


@torch.no_grad()
def nll(log_prob: Callable[[Tensor, Tensor], Tensor], codes: Codes) -> float:
    """Mean −log p(z | y) of one draw for each sentence, nats."""
    return float(-log_prob(codes.draws(0), codes.label).double().mean())


def gaussian(train: Codes) -> Callable[[Tensor, Tensor], Tensor]:
    """log N(z; c, C) with the mean and covariance of the training codes: what a single Gaussian would do."""
    mean, _ = train.spread()
    away = (train.mean - mean).double()
    covariance = away.T @ away / len(train) + train.std.double().square().mean(0).diag()
    covariance += 1e-6 * torch.eye(len(mean), dtype=torch.float64)
    normal = torch.distributions.MultivariateNormal(mean.double(), covariance)
    return lambda z, _: normal.log_prob(z.double())


@dataclass(frozen=True)
class PriorFitting:
    """Fits a prior to one run; `part`: the space it is of, z of a sentence autoencoder, z_c of a style model."""

    config: SentenceExperimentConfig | ExperimentConfig
    folder: Path
    model: LatentModel
    settings: PriorSettings

    @property
    def part(self) -> str:
        """The space that the prior is of; UserError where it cannot have one."""
        name = "content" if "content" in self.model.spaces else "z"
        space = self.model.spaces[name]
        if space.codebook_size:
            raise UserError(
                f"{self.folder}: codes of a codebook (kind {space.config.kind}) have a learnt prior already"
            )
        self.model.memory(self.model.neutral()[None])  # UserError where a vector is not all that the decoder reads
        return name

    @cached_property
    def prepared(self) -> PreparedSentences:
        """Data and tokenizer; UserError if the data are not those it was trained on."""
        if isinstance(self.config, ExperimentConfig):
            prepared: PreparedSentences = prepare(self.config, self.folder)
        else:
            prepared = prepare_sentences(self.config, self.folder)
        check_same_data(prepared.fingerprint, self.folder)
        return prepared

    def dev(self) -> TokenizedCorpus:
        """The dev part as ids."""
        texts, longest = self.prepared.corpus.dev, max_length(self.config) - 2
        rows = zip(self.prepared.encode(list(texts["text"])), texts["label"], strict=True)
        kept = [(ids[:longest], label) for ids, label in rows if ids]
        return TokenizedCorpus.from_lists([ids for ids, _ in kept], [label for _, label in kept])

    def __call__(self) -> Fitted:
        """Fit it. One half of the dev sentences chooses the epoch, the other says what the prior is worth."""
        part = self.part
        labels = self.model.groups.sizes if self.model.tells_labels() else 0
        train = codes_of(self.model, part, every_so_often(self.prepared.train, self.settings.sentences))
        dev = codes_of(self.model, part, self.dev())
        if len(dev) < 2:
            raise UserError(
                f"{self.folder}: {len(dev)} dev sentence(s); a prior needs one half to be chosen by and one to test it"
            )
        prior, epoch = fit(train, dev[::2], labels, self.settings)
        told = {**asdict(self.settings), "epoch": epoch, "train_sentences": len(train), "dev_sentences": len(dev[1::2])}
        return Fitted(prior, part, {**told, "dev_nll": worth(prior, self.model.spaces[part], train, dev[1::2])})


@torch.no_grad()
def worth(prior: FittedPrior, space: Latent, train: Codes, test: Codes) -> dict[str, Any]:
    """−log p of held-out codes, nats a sentence: under the fitted prior, a single Gaussian, and the model's own."""
    device = space.mean.weight.device

    def own(z: Tensor, label: Tensor) -> Tensor:
        return space.log_prior(z.to(device), label.to(device)).cpu()

    return {"fitted": nll(prior.log_prob, test), "gaussian": nll(gaussian(train), test), "own": nll(own, test)}
