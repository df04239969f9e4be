"""The recipe of the style-content autoencoder that also learns from its own transfers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from textvae.data.batch import Batch
from textvae.models import transfer as passes
from textvae.models.adversaries import Adversaries
from textvae.models.style_content_vae import Latents, StyleContentVAE
from textvae.models.transfer import Plan
from textvae.modules.attributes import columns
from textvae.modules.language_model import RecurrentLanguageModel
from textvae.modules.noise import NoiseKey, exact, shifted, until_end
from textvae.modules.roll_out import without_dropout
from textvae.modules.style_guide import StyleGuide
from textvae.objectives.config import ObjectivesConfig
from textvae.objectives.multitask import attribute_cross_entropy
from textvae.objectives.style_content import Outputs
from textvae.objectives.transfer import TRANSFER_OBJECTIVES, Sample, TransferOutput, against_generated, transfer_term
from textvae.tokenization.config import SPECIAL
from textvae.training.config import PriorGameConfig, TrainingConfig, TransferTrainingConfig
from textvae.training.perception import PERCEPTUAL_TERMS, Perception
from textvae.training.recipe import Phase
from textvae.training.style_content import StyleContentRecipe

SOFT_TERMS = frozenset(TRANSFER_OBJECTIVES) - {"J_cycle"}
"""Terms that need the decoder's distribution over the words of x̂."""
READ_TERMS = frozenset({"J_content", "J_match"})
"""Terms that need the encoder's view of x̂."""


def planned(config: TransferTrainingConfig) -> Plan:
    """How transfers are written."""
    return Plan(config.strength, config.tau, config.drop, config.blank, config.through, config.translated)


def learns_from_transfers(objectives: ObjectivesConfig) -> bool:
    """Whether any term on the model's own transfers has a weight."""
    return any(getattr(objectives, name).weight for name in TRANSFER_OBJECTIVES)


@dataclass(frozen=True)
class TransferOutputs(Outputs):
    """Outputs with what was transferred, and the terms of the networks that watch: values[J] (B,) or (B, L)."""

    transfer: TransferOutput | None = None
    values: dict[str, Tensor] = field(default_factory=dict)


def _transferred(name: str) -> Callable[[TransferOutputs], Tensor]:
    def objective(outputs: TransferOutputs) -> Tensor:
        assert outputs.transfer is not None, "no transfer in this phase"
        return transfer_term(name, outputs.transfer)

    return objective


def _watched(name: str) -> Callable[[TransferOutputs], Tensor]:
    return lambda outputs: outputs.values[name]


class Discriminator(nn.Module):
    """Real and generated sentences in one forward pass, so that data-parallel wrappers see all of it."""

    def __init__(self, network: StyleGuide):
        super().__init__()
        self.network = network

    def forward(self, real: Tensor, real_mask: Tensor, fake: Tensor, fake_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, S + A) of each: of every attribute its labels, and "generated"."""
        return self.network(real, real_mask), self.network(fake, fake_mask)


class TransferRecipe(StyleContentRecipe):
    """`StyleContentRecipe`, and from step `start` on the model's own transfers are part of phase `vae`.

    guide, language: before `start` the guide, and where J_lm has a weight the language model, learn from the real
    sentences. Afterwards both are frozen.
    vae: beside the paper's terms, those on x̂. dis_x: the discriminator, where J_adv_x has a weight.
    With several attributes a random subset of them changes in each sentence, and x̂ is to have the labels of those that
    stay, too. Guide and discriminator have logits for each attribute.
    """

    def __init__(
        self,
        model: StyleContentVAE,
        adversaries: Adversaries,
        objectives: ObjectivesConfig,
        transfer: TransferTrainingConfig,
        adversary_updates: int = 1,
        perception: Perception | None = None,
        adversarial: PriorGameConfig | None = None,
    ):
        super().__init__(model, adversaries, objectives, adversary_updates, adversarial)
        self.transfer, self.plan, self.perception = transfer, planned(transfer), perception
        self.terms = tuple(name for name in TRANSFER_OBJECTIVES if getattr(objectives, name).weight)
        words, sizes = model.config.vocab_size, model.groups.sizes
        self.guide = StyleGuide(transfer.guide, words, sizes)
        self.language_model = RecurrentLanguageModel(transfer.language_model, words)
        self.discriminator = Discriminator(StyleGuide(transfer.guide, words, [size + 1 for size in sizes]))
        self.modules["guide"] = self.guide
        if "J_lm" in self.terms:
            self.modules["language_model"] = self.language_model
        if "J_adv_x" in self.terms:
            self.modules["discriminator"] = self.discriminator
        watched = {name: _watched(name) for name in ("J_guide", "J_language", "J_dis_x")}
        self.objectives = {**self.objectives, **{name: _transferred(name) for name in TRANSFER_OBJECTIVES}, **watched}

    # ------------------------------------------------------------------------------------------ who moves, and when
    def phases_at(self, step: int) -> tuple[Phase, ...]:
        vae, *others = self.phases
        if step < self.transfer.start:
            guide = Phase("guide", "guide", ("J_guide",))
            language = (Phase("language", "language_model", ("J_language",)),) if "J_lm" in self.terms else ()
            return (vae, *others, guide, *language)
        vae = replace(vae, terms=(*vae.terms, *self.terms))
        judged = (Phase("dis_x", "discriminator", ("J_dis_x",)),) if "J_adv_x" in self.terms else ()
        return (vae, *others, *judged)

    def optimizers(self, config: TrainingConfig) -> dict[str, torch.optim.Optimizer]:
        found, rate = super().optimizers(config), self.transfer.learning_rate
        return found | {
            name: torch.optim.Adam(module.parameters(), lr=rate, fused=True)
            for name, module in self.modules.items()
            if name not in found
        }

    # ------------------------------------------------------------------------------------------ what they do
    def run(self, phase: Phase, wrapped: dict[str, nn.Module], batch: Batch, previous: Outputs | None) -> Outputs:
        if phase.name in ("guide", "language", "dis_x"):
            assert isinstance(previous, TransferOutputs)
            return replace(previous, values=getattr(self, f"run_{phase.name}")(wrapped[phase.moves], batch, previous))
        transferring = any(name in TRANSFER_OBJECTIVES for name in phase.terms)
        if phase.name != "vae" or not transferring:
            found = super().run(phase, wrapped, batch, previous)
            return found if isinstance(found, TransferOutputs) else TransferOutputs(**vars(found))
        output, transferred = wrapped["model"](batch=batch, also=self.transferred)
        found = self.seen(batch, output)
        return TransferOutputs(**vars(found), transfer=self.judged(self.perceived(transferred, batch)))

    def run_guide(self, guide: nn.Module, batch: Batch, previous: Outputs) -> dict[str, Tensor]:
        """−log p(style | x)."""
        ids, mask = sentences(batch)
        return {"J_guide": attribute_cross_entropy(self.model.groups.split(guide(ids, mask)), batch.style)}

    def run_language(self, language_model: nn.Module, batch: Batch, previous: Outputs) -> dict[str, Tensor]:
        """−log p(x)."""
        ids, mask = sentences(batch)
        return {"J_language": language_model(shifted(ids), ids.masked_fill(~mask, -100))}

    def run_dis_x(self, discriminator: nn.Module, batch: Batch, previous: TransferOutputs) -> dict[str, Tensor]:
        """Real sentences against those that phase `vae` has just written."""
        assert previous.transfer is not None
        real, fake = discriminator(*sentences(batch), previous.transfer.ids, previous.transfer.mask)
        split = self.discriminator.network.groups.split
        return {"J_dis_x": against_generated(split(real), batch.style, split(fake))}

    def transferred(self, batch: Batch, latents: Latents) -> TransferOutput:
        """The batch in other styles, and what the terms in force need of the model itself.

        Where the batch has stored transfers J_cycle reads those, and the others read what the model writes now.
        """
        stored = batch.stored
        if stored is None or SOFT_TERMS & set(self.terms):
            found, read = self.written(batch, latents)
        else:
            found, read = TransferOutput(batch.style, stored, until_end(stored, SPECIAL.eos)), None
        if "J_cycle" not in self.terms:
            return found
        seen = found.ids if stored is None else stored
        nll = passes.read_back(self.model, batch, seen, self.plan, read if self.plan.through else None, batch.key)
        trust = None if stored is None else nll.new_ones(len(seen))
        return replace(found, cycle_nll=nll, trust=trust)

    def written(self, batch: Batch, latents: Latents) -> tuple[TransferOutput, Latents | None]:
        """What the model writes of the batch in other styles, and that as its encoder reads it, where a term asks."""
        model, plan, key = self.model, self.plan, batch.key
        target = passes.other_styles(batch.style, model.groups.sizes, key)
        wanted = model.style_vector(target, plan.strength)
        memory = model.memory(wanted, latents.content.value, passes.looked_at(latents, plan, key))
        ids = passes.write(model, memory, None if plan.tau is None else key)
        found = TransferOutput(target, ids, until_end(ids, SPECIAL.eos), prior=self.transfer.language_prior)
        content, read = latents.content.mean.detach(), None
        drawn = passes.drawn(ids, self.transfer.share, key) if self.transfer.share < 1 else None
        if drawn is None:
            found, read = self.softened(found, memory, content, key)
        elif SOFT_TERMS & set(self.terms):
            rows, weight = drawn
            part, _ = self.softened(found.of(rows), memory[rows], content[rows], key, rows)
            found = replace(found, sample=Sample(rows, weight, part))
        return found, read

    def softened(
        self, found: TransferOutput, memory: Tensor, content: Tensor, key: NoiseKey | None, rows: Tensor | None = None
    ) -> tuple[TransferOutput, Latents | None]:
        """The distributions behind the words of x̂, and x̂ as the encoder reads them, where a term asks for it.

        memory, content: what x̂ was written from, and z_c of x; rows: (N,) their places in the batch, None for all.
        """
        model, plan = self.model, self.plan
        if SOFT_TERMS & set(self.terms) or plan.through:
            log_probs = passes.written_log_probs(model, memory, found.ids)
            points = passes.points(log_probs, found.ids, plan, key, rows)
            found = replace(found, log_probs=log_probs, points=points)
        if not (READ_TERMS & set(self.terms) or plan.through):
            return found, None
        read = model.encode(found.ids, found.mask, points=found.points)
        found = replace(
            found,
            content=read.content.mean,
            wanted_content=content,
            style=read.style.mean,
            wanted_style=model.style_vector(found.target, 1.0).detach(),
        )
        return found, read

    def perceived(self, found: TransferOutput, batch: Batch) -> TransferOutput:
        """What a frozen encoder sees in x̂, where a term asks for it."""
        if not PERCEPTUAL_TERMS & set(self.terms):
            return found
        assert self.perception is not None, "J_content_features and J_gram need a perception"
        ids, mask = sentences(batch)
        if found.sample is None:
            return self.perception(found, (ids, mask), self.guide)
        rows = found.sample.rows
        seen = self.perception(found.sample.output, (ids[rows], mask[rows]), self.guide)
        return replace(found, sample=replace(found.sample, output=seen))

    def judged(self, found: TransferOutput) -> TransferOutput:
        """What the frozen networks say of x̂. The gradient passes through them, without their dropout."""
        if found.sample is None:
            found = self.watched(found)
        else:
            found = replace(found, sample=replace(found.sample, output=self.watched(found.sample.output)))
        if "J_cycle" in self.terms and found.trust is None:
            with torch.no_grad():
                found = replace(found, trust=self.trust(found))
        return found

    def watched(self, found: TransferOutput) -> TransferOutput:
        """The opinions of guide, discriminator and language model."""
        if "J_style" in self.terms:
            with without_dropout(self.guide):
                logits = self.guide(found.points, found.mask)
                found = replace(found, guide_logits=self.model.groups.split(logits))
        if "J_adv_x" in self.terms:
            with without_dropout(self.discriminator):
                network = self.discriminator.network
                found = replace(found, discriminator_logits=network.groups.split(network(found.points, found.mask)))
        if "J_lm" in self.terms:
            with torch.no_grad(), without_dropout(self.language_model):
                found = replace(found, expected=self.language_model.next_word(found.ids))
        return found

    def trust(self, found: TransferOutput) -> Tensor:
        """(B,) how far J_cycle believes in x̂: the guide's p(target | x̂), over attributes the product, or 1."""
        if not self.transfer.trust:
            return torch.ones(len(found.ids), device=found.ids.device)
        logits = found.guide_logits
        if logits is None:
            with without_dropout(self.guide):
                logits = self.model.groups.split(self.guide(found.ids, found.mask))
        parts = zip(logits, columns(found.target), strict=True)
        return torch.stack([exact(x).softmax(1).gather(1, t[:, None])[:, 0] for x, t in parts]).prod(0)

    def carry(self, outputs: Outputs) -> Outputs:
        """The latents, and the words of the transfers, outside the graph."""
        carried = super().carry(outputs)
        assert isinstance(carried, TransferOutputs)
        if carried.transfer is None:
            return carried
        kept = TransferOutput(carried.transfer.target, carried.transfer.ids, carried.transfer.mask)
        return replace(carried, transfer=kept, values={})


def sentences(batch: Batch) -> tuple[Tensor, Tensor]:
    """The clean sentences (B, L) with `</s>`, and their mask (B, L)."""
    mask = batch.labels >= 0
    return batch.labels.masked_fill(~mask, SPECIAL.pad), mask
