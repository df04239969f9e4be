"""A discrete latent: slots of a vector, each replaced by the nearest entry of one codebook."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F

from textvae.errors import UserError
from textvae.modules.attributes import Sizes
from textvae.modules.config import LatentConfig
from textvae.modules.latents.base import PRIOR_STREAM, Evidence, Latent, LatentOutput, at_least_fp32
from textvae.modules.noise import NoiseKey, mix, uniform

PRIOR_WIDTH = 64
"""Width of the prior over codes."""


class SlotPrior(nn.Module):
    """p(c | y) = Π_m p(c_m | c_<m, y), a GRU over the slots (van den Oord et al. 2017, sec. 3.3, for M codes).

    Conditional on the label where `classes` is above 0.
    """

    def __init__(self, codebook: int, classes: int):
        super().__init__()
        self.first = nn.Parameter(torch.zeros(max(classes, 1), PRIOR_WIDTH))
        self.entries = nn.Embedding(codebook, PRIOR_WIDTH)
        self.cell = nn.GRU(PRIOR_WIDTH, PRIOR_WIDTH, batch_first=True)
        self.output = nn.Linear(PRIOR_WIDTH, codebook)
        self.classes = classes

    def start(self, label: Tensor | None, rows: int) -> Tensor:
        """What stands before the first code, (B, D): of the label, or their mean where none is given."""
        if label is None or not self.classes:
            return self.first.mean(0).expand(rows, -1)
        return self.first[label]

    def nll(self, codes: Tensor, label: Tensor | None) -> Tensor:
        """−log p(c_m | c_<m, y): (B, M) → (B, M) nats."""
        before = self.start(label, len(codes))[:, None]
        states, _ = self.cell(torch.cat((before, self.entries(codes[:, :-1]).to(before.dtype)), dim=1))
        logits = at_least_fp32(self.output(states))
        return F.cross_entropy(logits.flatten(0, 1), codes.flatten(), reduction="none").view(codes.shape)

    def sample(self, label: Tensor, slots: int, key: NoiseKey | None, stream: int) -> Tensor:
        """Codes (B, M), one slot after the other, by inverting the distribution function."""
        draws = uniform(self.first.new_empty(len(label), slots), key, stream)
        word, state, codes = self.start(label, len(label))[:, None], None, []
        for slot in range(slots):
            hidden, state = self.cell(word, state)
            mass = at_least_fp32(self.output(hidden[:, 0])).softmax(1).cumsum(1)
            place = torch.searchsorted(mass, draws[:, slot, None].to(mass) * mass[:, -1:], right=True)
            codes.append(place.clamp(max=mass.shape[1] - 1))
            word = self.entries(codes[-1]).to(word.dtype)
        return torch.cat(codes, dim=1)


class VQLatent(Latent):
    """z = [e_c1; …; e_cM], c_m = argmin_k ‖h_m − e_k‖, h = W summary + b cut into M = `slots` (decomposed VQ).

    van den Oord et al. 2017 (arXiv 1711.00937), eq. 1 to 3 and app. A.1; slots: Kaiser et al. 2018, sec. 3. The
    gradient goes straight through to h. Penalty: −log p(c) under an autoregressive prior, which only moves the prior,
    and .25 ‖h − sg(e)‖² (`commitment`). The codebook is an exponential average of the h assigned to it, updated once a
    step by `observe`; an entry with fewer than `revival` of them (as an average) becomes one of the step's h (Łańcucki
    et al. 2020); the first step's h are the first codebook. The posterior is a point: rate = −log p(c), and rate +
    distortion bounds −log p(x).

    penalty_units: (B, M) nats a slot. unerased: h. mean is value: without the codebook z means nothing.
    """

    entries: Tensor
    counts: Tensor
    sums: Tensor
    updates: Tensor

    def __init__(self, config: LatentConfig, input_size: int, num_classes: Sizes, stream: int, blocks: int = 1):
        if config.size % config.slots:
            raise UserError(f"latent.size {config.size} is not a multiple of latent.slots {config.slots}")
        if config.erase_labels:
            raise UserError("latent.erase_labels works on a continuous mean; codes have none")
        super().__init__(config, input_size, num_classes, stream, blocks)
        if blocks > 1:
            raise UserError("a style of several attributes cannot be codes; use another latent.kind for model.style")
        self.codebook_size, self.width = config.codebook, config.size // config.slots
        self.register_buffer("entries", torch.zeros(config.codebook, self.width))
        self.register_buffer("counts", torch.zeros(config.codebook))
        self.register_buffer("sums", torch.zeros(config.codebook, self.width))
        self.register_buffer("updates", torch.zeros((), dtype=torch.long))
        self.prior = SlotPrior(config.codebook, self.told_labels())
        self.reset()

    def reset_prior(self) -> None:
        """The label enters through the prior over codes; the class means have no part."""
        if isinstance(getattr(self, "prior_means", None), nn.Parameter):
            del self.prior_means

    def reset(self) -> None:
        super().reset()
        if hasattr(self, "prior"):  # the base class calls this before it is there
            nn.init.normal_(self.entries)
            nn.init.normal_(self.prior.first, std=0.1)
            for buffer in (self.counts, self.sums, self.updates):
                buffer.zero_()

    def around(
        self,
        evidence: Evidence,
        label: Tensor | None = None,
        sample: bool = False,
        key: NoiseKey | None = None,
        tokens: tuple[Tensor, Tensor] | None = None,
    ) -> LatentOutput:
        h = evidence.mean
        codes = self.nearest(h)
        chosen = self.vectors(codes).to(h.dtype)
        value = h + (chosen - h).detach()
        units = self.prior.nll(codes, label)
        penalty = self.charge(units) + self.config.commitment * (h - chosen).square().sum(1)
        return LatentOutput(value, value, None, units, penalty, h, codes)

    def nearest(self, h: Tensor) -> Tensor:
        """Codes (B, M) of vectors (B, Z)."""
        slots = h.detach().unflatten(1, (-1, self.width))
        entries = self.entries.to(h.dtype)
        # ‖e‖² − 2 h · e: the distance up to ‖h‖², which is the same for all entries
        return (entries.square().sum(1) - 2 * slots @ entries.T).argmin(-1)

    def vectors(self, codes: Tensor) -> Tensor:
        """z (B, Z) of codes (B, M)."""
        return self.entries[codes].flatten(1)

    def sample_prior(self, label: Tensor, key: NoiseKey | None = None) -> Tensor:
        return self.vectors(self.prior.sample(label, self.config.slots, key, PRIOR_STREAM + self.stream))

    def log_ratio(self, output: LatentOutput, z: Tensor, label: Tensor | None = None) -> Tensor:
        """log p(c): the posterior is one point."""
        return -output.penalty_units.sum(1)

    @torch.no_grad()
    def observe(self, outputs: list[LatentOutput], label: Tensor) -> None:
        h = torch.cat([output.unerased for output in outputs]).unflatten(1, (-1, self.width)).flatten(0, 1)
        h = h.to(self.entries.dtype)
        if not self.updates:
            self.entries.copy_(self.picked(h, len(self.entries)))
            self.counts.fill_(1.0)
            self.sums.copy_(self.entries)
        codes = torch.cat([output.codes for output in outputs if output.codes is not None]).flatten()
        if not self.updates:  # the first codebook was not the one they were chosen from
            codes = self.nearest(h)[:, 0]
        one_hot = F.one_hot(codes, len(self.entries)).to(h.dtype)
        counts, sums = one_hot.sum(0), one_hot.T @ h
        if dist.is_available() and dist.is_initialized():
            for part in (counts, sums):
                dist.all_reduce(part)
        decay = self.config.codebook_decay
        self.counts.mul_(decay).add_(counts, alpha=1 - decay)
        self.sums.mul_(decay).add_(sums, alpha=1 - decay)
        self.entries.copy_(self.sums / self.counts.clamp(min=1e-5)[:, None])
        self.updates.add_(1)
        self.revive(h)

    def revive(self, h: Tensor) -> None:
        """Entries that too few vectors choose become vectors of the step (N, D)."""
        dead = self.counts < self.config.revival
        if self.config.revival > 0 and bool(dead.any()):
            self.entries[dead] = self.picked(h, len(dead))[dead]
            self.sums[dead] = self.entries[dead] * self.config.revival
            self.counts[dead] = self.config.revival

    def picked(self, h: Tensor, number: int) -> Tensor:
        """`number` of the vectors (N, D) at random, the same in every process and in a resumed run."""
        generator = torch.Generator().manual_seed(mix(self.stream, int(self.updates)))
        rows = torch.randint(len(h), (number,), generator=generator).to(h.device)
        found = h[rows].clone()
        if dist.is_available() and dist.is_initialized():
            dist.broadcast(found, 0)
        return found
