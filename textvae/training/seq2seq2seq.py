"""The recipe of the summarizer: four stages of phases over generator, reconstructor, critic and language model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from textvae.data.unpaired.batch import Sequences, UnpairedBatch
from textvae.models.seq2seq2seq import Seq2Seq2Seq
from textvae.modules.critics import Critic, RecurrentCritic, build_critic
from textvae.modules.language_model import RecurrentLanguageModel
from textvae.modules.noise import NoiseKey, shifted, soft_gumbel, straight_through, uniform
from textvae.modules.roll_out import SAMPLING_STREAM, roll_out
from textvae.modules.seq2seq import ANY_LENGTH, Written
from textvae.objectives.config import SummarizationObjectives
from textvae.objectives.policy_gradient import batch_centred, discounted, prefix_rewards, reinforce, self_critical
from textvae.objectives.prior import LANGUAGE_PRIORS, coverage, length_penalty, topic_cosine
from textvae.objectives.summarization import OBJECTIVES, Outputs, per_word
from textvae.objectives.wgan_gp import CRITIC_LOSSES, GENERATOR_LOSSES, Compared, compare
from textvae.tokenization.config import SPECIAL
from textvae.training.config import AdversarialConfig, StageConfig, TrainingConfig
from textvae.training.optimizers import model_optimizer
from textvae.training.recipe import Phase, Recipe

LENGTH_STREAM = 800
"""Number of the noise stream that says which texts are written without a length."""

PENALTY_STREAM = 900
"""Number of the noise stream of the points at which the gradient penalty is taken."""

STAGES: dict[str, tuple[str, ...]] = {
    "denoise": ("language", "denoise"),
    "reconstructor": ("reader",),
    "back_translation": ("denoise", "back", "reader"),
    "adversarial": ("critic", "denoise", "reader", "generator"),
}
"""Phases of every stage, in order."""

TERMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "language": ("language_model", ("J_language",)),
    "denoise": ("generator", ("J_denoise", "J_cov")),
    "back": ("generator", ("J_back", "J_cov")),
    "reader": ("reconstructor", ("J_rec",)),
    "critic": ("critic", ("J_critic", "J_gp")),
    "generator": ("generator", ("J_gen", "J_rec_g", "J_pg", "J_lm", "J_topic", "J_len", "J_cov")),
}
"""Phase → the module that it moves and the terms that this module descends."""


class Comparison(nn.Module):
    """The critic as phase `critic` calls it: in one forward pass, so that data-parallel wrappers see all of it."""

    def __init__(self, critic: Critic):
        super().__init__()
        self.critic = critic

    def forward(self, real: Tensor, real_mask: Tensor, fake: Tensor, fake_mask: Tensor, eps: Tensor) -> Compared:
        return compare(self.critic, real, real_mask, fake, fake_mask, eps)


class Seq2Seq2SeqRecipe(Recipe):
    """Wang & Lee 2018, with the stable core of later work: denoise, read, translate back, then refine adversarially.

    idf: (V',) inverse document frequency of every word in the training documents, for J_topic.
    """

    def __init__(
        self,
        model: Seq2Seq2Seq,
        objectives: SummarizationObjectives,
        stages: Sequence[StageConfig],
        adversarial: AdversarialConfig,
        idf: Tensor,
    ):
        vocabulary = model.config.vocab_size
        self.model, self.config, self.stages, self.adversarial = model, objectives, list(stages), adversarial
        self.generator, self.reconstructor = model.generator, model.reconstructor
        self.language_model = RecurrentLanguageModel(adversarial.language_model, vocabulary)
        self.critic = build_critic(adversarial.critic, vocabulary)
        self.modules = {
            "generator": self.generator,
            "reconstructor": self.reconstructor,
            "language_model": self.language_model,
            "critic": Comparison(self.critic),
        }
        self.objectives, self.idf = OBJECTIVES, idf
        self.steps = sum(stage.steps for stage in stages)
        self.phases = tuple(self.phase(name, StageConfig("adversarial")) for name in TERMS)

    # ------------------------------------------------------------------------------------------ who moves, and when
    def phase(self, name: str, stage: StageConfig) -> Phase:
        """A phase of TERMS, as its stage wants it."""
        moves, terms = TERMS[name]
        rate = stage.rate if moves in ("generator", "reconstructor") else 1.0
        updates = self.adversarial.critic_updates if name == "critic" else 1
        options = {"sampled": stage.sampled} if name == "back" else {}
        return Phase(name, moves, terms, updates, rate=rate, options=options)

    def stage_at(self, step: int) -> StageConfig:
        """The stage that step belongs to (the last one, beyond the end)."""
        for stage in self.stages:
            if step < stage.steps:
                return stage
            step -= stage.steps
        return self.stages[-1]

    def first_step_of(self, module: str) -> int:
        """The first step that moves this module; the end of the training if none does."""
        before = 0
        for stage in self.stages:
            if any(TERMS[name][0] == module for name in STAGES[stage.name]):
                return before
            before += stage.steps
        return before

    def phases_at(self, step: int) -> tuple[Phase, ...]:
        stage = self.stage_at(step)
        return tuple(self.phase(name, stage) for name in STAGES[stage.name])

    def weights(self, step: int) -> dict[str, float]:
        return self.config.at(step)

    def optimizers(self, config: TrainingConfig) -> dict[str, torch.optim.Optimizer]:
        critic = self.modules["critic"].parameters()
        return {
            "generator": model_optimizer(self.generator.parameters(), config),
            "reconstructor": model_optimizer(self.reconstructor.parameters(), config),
            "language_model": model_optimizer(self.language_model.parameters(), config),
            "critic": torch.optim.Adam(critic, lr=self.adversarial.critic_learning_rate, betas=(0.5, 0.9)),
        }

    def run(self, phase: Phase, wrapped: dict[str, nn.Module], batch: UnpairedBatch, previous: Any) -> Outputs:
        return Outputs(getattr(self, f"run_{phase.name}")(wrapped[phase.moves], batch, **phase.options))

    def carry(self, outputs: Outputs) -> Outputs:
        return Outputs({name: value.detach() for name, value in outputs.values.items()})

    # ------------------------------------------------------------------------------------------ from human text
    def run_language(self, language_model: nn.Module, batch: UnpairedBatch) -> dict[str, Tensor]:
        """−log p(text)."""
        texts = batch.texts
        return {"J_language": per_word(language_model(texts.decoder_input_ids, texts.labels), texts.mask)}

    def run_denoise(self, generator: nn.Module, batch: UnpairedBatch) -> dict[str, Tensor]:
        """−log p(text | noise(text))."""
        nll, written = self.rewrite(generator, batch.noised.ids, batch.noised.mask, self.asked(batch), batch.key)
        return {"J_denoise": nll, "J_cov": covered(written, batch.texts.mask)}

    def run_back(self, generator: nn.Module, batch: UnpairedBatch, sampled: bool) -> dict[str, Tensor]:
        """−log p(text | the document that the reconstructor writes for it); rows of both sides share only a length.

        sampled: the document is drawn from the reconstructor, else it is the likeliest.
        """
        texts = batch.texts
        memory = self.reconstructor.read(texts.ids, texts.mask)
        key = batch.key if sampled else None
        ids = roll_out(self.reconstructor, memory, batch.documents.lengths, self.model.config.max_source, key)
        nll, written = self.rewrite(generator, ids, ids != SPECIAL.pad, self.asked(batch), batch.key)
        return {"J_back": nll, "J_cov": covered(written, texts.mask)}

    # ------------------------------------------------------------------------------------------ from documents
    def run_reader(self, reconstructor: nn.Module, batch: UnpairedBatch) -> dict[str, Tensor]:
        """−log p(document | the generator's likeliest summary)."""
        summary = self.summarise(batch)
        nll, _ = self.rewrite(reconstructor, summary, summary != SPECIAL.pad, batch.documents, batch.key)
        return {"J_rec": nll}

    def run_critic(self, comparison: nn.Module, batch: UnpairedBatch) -> dict[str, Tensor]:
        """Human texts against summaries."""
        summary, fake = self.shown(batch)
        eps = uniform(batch.texts.lengths.float()[:, None, None], batch.key, PENALTY_STREAM)
        found = comparison(batch.texts.ids, batch.texts.mask, fake, summary != SPECIAL.pad, eps)
        return {"J_critic": CRITIC_LOSSES[self.adversarial.loss](found.real, found.fake), "J_gp": found.penalty}

    def run_generator(self, generator: nn.Module, batch: UnpairedBatch) -> dict[str, Tensor]:
        """Critic and reconstruction, felt through the words of the summary by the estimator of the configuration."""
        summary = self.summarise(batch, batch.key if self.samples else None)
        mask = summary != SPECIAL.pad
        nll, written = self.reread(generator, batch, summary)
        log_probs = self.generator.log_probs(written)
        values = self.priors(batch, summary, log_probs) | {"J_cov": covered(written, mask)}
        if self.adversarial.estimator == "reinforce":
            return values | self.rewards(batch, summary, nll)
        points = self.points(log_probs, summary, batch.key)
        scores = self.critic.score(self.critic.embed(points), mask)
        words = straight_through(points, summary)
        reconstructed, _ = self.rewrite(self.reconstructor, words, mask, batch.documents, batch.key)
        values["J_gen"] = GENERATOR_LOSSES[self.adversarial.loss](scores)
        return values | {"J_rec_g": reconstructed, "J_pg": torch.zeros_like(reconstructed)}

    # ------------------------------------------------------------------------------------------ parts of the above
    @property
    def samples(self) -> bool:
        """Whether the estimator draws words (else it takes the likeliest)."""
        return self.adversarial.estimator != "soft"

    def asked(self, batch: UnpairedBatch) -> Sequences:
        """The human texts as the generator learns to write them: some without a length (`length_dropout`)."""
        texts, rate = batch.texts, self.generator.config.length_dropout
        if not rate:
            return texts
        untold = uniform(texts.lengths.float(), batch.key, LENGTH_STREAM) < rate
        return replace(texts, lengths=texts.lengths.masked_fill(untold, ANY_LENGTH))

    def rewrite(
        self, network: nn.Module, source: Tensor, mask: Tensor, target: Sequences, key: NoiseKey | None
    ) -> tuple[Tensor, Written]:
        """Nats per word (B,) of the target given the source, and what was written."""
        nll, written = network(source, mask, target.decoder_input_ids, target.labels, target.lengths, key)
        return per_word(nll, target.mask), written

    def summarise(self, batch: UnpairedBatch, key: NoiseKey | None = None) -> Tensor:
        """The generator's summaries (B, L), as long as the batch's human texts but no longer than the document."""
        documents = batch.documents
        memory = self.generator.read(documents.ids, documents.mask)
        lengths = torch.minimum(batch.texts.lengths, documents.lengths)
        return roll_out(self.generator, memory, lengths, self.model.config.max_target, key)

    @torch.no_grad()
    def shown(self, batch: UnpairedBatch) -> tuple[Tensor, Tensor]:
        """Summaries (B, L), and the form in which the estimator shows them to the critic: those ids, or points."""
        summary = self.summarise(batch, batch.key if self.samples else None)
        if self.adversarial.estimator != "soft":
            return summary, summary
        return summary, self.generator.log_probs(self.reread(self.generator, batch, summary)[1]).exp()

    def reread(self, generator: nn.Module, batch: UnpairedBatch, summary: Tensor) -> tuple[Tensor, Written]:
        """Token nll (B, L), with its graph, of a summary that the generator has just written."""
        mask = summary != SPECIAL.pad
        inputs = shifted(summary).masked_fill(~mask, SPECIAL.pad)
        labels = summary.masked_fill(~mask, -100)
        lengths = torch.minimum(batch.texts.lengths, batch.documents.lengths)
        return generator(batch.documents.ids, batch.documents.mask, inputs, labels, lengths, batch.key)

    def points(self, log_probs: Tensor, summary: Tensor, key: NoiseKey | None) -> Tensor:
        """What critic and reconstructor read in place of words: (B, L, V') on the simplex, with the gradient."""
        if self.adversarial.estimator == "soft":
            return log_probs.exp()
        draws = [uniform(log_probs[:, t], key, SAMPLING_STREAM + t) for t in range(summary.shape[1])]
        return soft_gumbel(log_probs, self.adversarial.tau, torch.stack(draws, dim=1))

    def priors(self, batch: UnpairedBatch, summary: Tensor, log_probs: Tensor) -> dict[str, Tensor]:
        """J_lm, J_topic and J_len: what keeps the summary readable, on its topic and short."""
        mask, documents = summary != SPECIAL.pad, batch.documents
        with torch.no_grad():
            expected = self.language_model.next_word(summary)
        vectors = self.generator.embedding.weight.detach()
        idf = self.idf.to(vectors.device)[documents.ids] * documents.mask
        wanted = torch.minimum(batch.texts.lengths, documents.lengths)
        words = mask & (summary != SPECIAL.eos)
        return {
            "J_lm": per_word(LANGUAGE_PRIORS[self.adversarial.language_prior](log_probs, expected, mask), mask),
            "J_topic": topic_cosine(vectors[documents.ids], idf, log_probs.exp() @ vectors, words),
            "J_len": per_word(length_penalty(log_probs, wanted, SPECIAL.eos), mask),
        }

    def rewards(self, batch: UnpairedBatch, summary: Tensor, nll: Tensor) -> dict[str, Tensor]:
        """J_pg by prefix rewards and self-critical reconstruction; J_gen and J_rec_g have no gradient here."""
        mask, settings = summary != SPECIAL.pad, self.adversarial
        assert isinstance(self.critic, RecurrentCritic)
        with torch.no_grad():
            gained = discounted(prefix_rewards(self.critic.prefix_scores(summary, mask)), settings.discount, mask)
            sampled, likeliest = (self.restored(batch, y) for y in (summary, self.summarise(batch)))
            advantage = settings.reconstruction_reward * self_critical(-sampled, -likeliest)
            scores = self.critic.score(self.critic.embed(summary), mask)
        learnt = reinforce(-nll, batch_centred(gained, mask) + advantage[:, None], mask)
        seen = {"J_gen": GENERATOR_LOSSES[settings.loss](scores), "J_rec_g": sampled}
        return {"J_pg": per_word(learnt, mask)} | seen

    def restored(self, batch: UnpairedBatch, summary: Tensor) -> Tensor:
        """Nats per word (B,) of the documents given these summaries."""
        return self.rewrite(self.reconstructor, summary, summary != SPECIAL.pad, batch.documents, batch.key)[0]


def covered(written: Written, mask: Tensor) -> Tensor:
    """J_cov, mean over the words of each text (B,)."""
    return per_word(coverage(written.coverage_penalty, mask), mask)
