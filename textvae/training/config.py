"""How long, how fast, how often; the stages of a summarizer; how a critic and own transfers teach."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from textvae.errors import UserError
from textvae.modules.config import CriticConfig, LanguageModelConfig, StyleGuideConfig
from textvae.objectives.config import GeneratorLossName, LanguagePriorName


@dataclass
class TrainingConfig:
    """The loop: optimizers, length, checkpoints, evaluation."""

    batch_size: int = 128
    """Sentences in a step, over all processes and micro-batches."""
    accumulation: int = 1
    """Micro-batches a step is split into on each process; the result does not change, memory does."""
    epochs: int | None = 10
    """Passes over the training sentences; null: as many as `max_steps` takes, so that small data train as long."""
    max_steps: int | None = None
    """Stop after this many steps, whatever `epochs` says."""
    learning_rate: float = 1e-3
    """Peak rate of the model's Adam."""
    adversary_learning_rate: float = 1e-3
    """Rate of the adversaries' RMSProp."""
    adversary_updates: int = 1
    """Updates of the adversaries in a step, all on the step's latents."""
    warmup_steps: int = 0
    """Steps over which both rates rise from 0."""
    decay: Literal["constant", "linear", "cosine"] = "linear"
    """What becomes of both rates after the warm-up: linear and cosine end at a tenth of the peak."""
    weight_decay: float = 0.0
    """Decoupled weight decay of the model (AdamW where above 0)."""
    clip_norm: float = 5.0
    """Largest gradient norm of each phase; 0 switches clipping off."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """auto: bf16 where the processor computes in it, else fp32."""
    seed: int = 0
    """Seed of everything random. Two runs with one seed on one machine are equal bit for bit."""
    checkpoint_every: int = 500
    """Steps between checkpoints; one is also written at the end of an epoch and when the run is stopped."""
    keep_checkpoints: int = 2
    """Newest checkpoints to keep."""
    evaluate_every: int | None = None
    """Steps between evaluations on dev. Default: once an epoch."""
    patience: int | None = None
    """Stop after this many evaluations without a better dev score. Default: never."""
    log_every: int = 20
    """Steps between log lines; also how often NaN is looked for."""
    trackers: tuple[Literal["jsonl", "tensorboard"], ...] = ("jsonl",)
    """Where metrics go: metrics.jsonl in the run directory, tensorboard (pip install textvae[track])."""

    def __post_init__(self) -> None:
        counts = ("batch_size", "accumulation", "adversary_updates", "checkpoint_every")
        for name in (*counts, "keep_checkpoints", "log_every"):
            if getattr(self, name) < 1:
                raise UserError(f"training.{name} must be at least 1, not {getattr(self, name)}")
        if self.epochs is None and self.max_steps is None:
            raise UserError("training.epochs and training.max_steps are both null: one of them must end the training")
        for name in ("epochs", "max_steps", "evaluate_every", "patience"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise UserError(f"training.{name} must be at least 1, not {getattr(self, name)}")
        for name in ("clip_norm", "weight_decay", "warmup_steps"):
            if not getattr(self, name) >= 0:
                raise UserError(f"training.{name} must not be negative, as {getattr(self, name)} is")
        if not (self.learning_rate > 0 and self.adversary_learning_rate > 0):
            raise UserError("learning rates must be positive")
        if self.batch_size % self.accumulation:
            raise UserError(f"batch_size {self.batch_size} is not a multiple of accumulation {self.accumulation}")

    def steps(self, steps_per_epoch: int, wanted: int | None = None) -> int:
        """Length of the training: `wanted` of the recipe or else that of the epochs, and at most `max_steps`."""
        if wanted is None and self.epochs is not None:
            wanted = self.epochs * steps_per_epoch
        return min(length for length in (wanted, self.max_steps) if length is not None)


StageName = Literal["denoise", "reconstructor", "back_translation", "adversarial"]
Estimator = Literal["soft", "reinforce", "straight_through"]


@dataclass
class StageConfig:
    """One part of the training.

    denoise: language model and denoising generator. reconstructor: the reconstructor learns to read the generator's
    summaries. back_translation: both learn from what the other writes, every target being real text. adversarial: the
    critic enters, and reconstruction is felt through the summary (Wang & Lee 2018, sec. 4).
    """

    name: StageName
    """Which phases run."""
    steps: int = 1000
    """How many."""
    rate: float = 1.0
    """Factor on the learning rates of generator and reconstructor."""
    sampled: bool = True
    """back_translation: read documents that are drawn from the reconstructor, not its likeliest ones, which are all
    alike (Edunov et al. 2018, sec. 5.1)."""

    def __post_init__(self) -> None:
        if self.steps < 1 or not self.rate > 0:
            raise UserError(f"stage {self.name}: steps must be at least 1 and rate above 0")


def default_stages() -> list[StageConfig]:
    """The whole path, at sizes for two CPU cores."""
    return [
        StageConfig("denoise", 3000),
        StageConfig("reconstructor", 1000),
        StageConfig("back_translation", 1500),
        StageConfig("adversarial", 500, rate=0.1),
    ]


@dataclass
class AdversarialConfig:
    """The adversarial stage, and the networks that only it needs."""

    estimator: Estimator = "soft"
    """How a gradient gets through the words: soft (points on the simplex, WGAN-GP's way), reinforce (rewards of sampled
    words, centred over the rows of a micro-batch) or straight_through (Gumbel samples, soft backwards; SEQ3's way)."""
    loss: GeneratorLossName = "wasserstein"
    """wasserstein, or the classic GAN's loss, saturating (its gradient vanishes) or not."""
    critic: CriticConfig = field(default_factory=CriticConfig)
    """The critic; reinforce needs kind recurrent, which scores every prefix."""
    critic_updates: int = 3
    """Updates of the critic in a step."""
    language_model: LanguageModelConfig = field(default_factory=LanguageModelConfig)
    """The prior of J_lm, trained on the human texts in stage denoise, frozen afterwards."""
    language_prior: LanguagePriorName = "forward"
    """Direction of J_lm: forward is SEQ3's KL(LM ‖ generator)."""
    tau: float = 0.5
    """Temperature of straight_through."""
    discount: float = 0.9
    """γ of the prefix rewards (reinforce)."""
    reconstruction_reward: float = 1.0
    """Weight of the self-critical reconstruction reward beside the critic's (reinforce)."""
    critic_learning_rate: float = 1e-4
    """Rate of the critic's Adam, whose β is (.5, .9) as in WGAN-GP."""

    def __post_init__(self) -> None:
        if self.estimator == "reinforce" and self.critic.kind != "recurrent":
            raise UserError("adversarial.estimator reinforce needs a score for every prefix: critic.kind recurrent")
        if self.critic_updates < 1 or not self.tau > 0 or not 0 <= self.discount <= 1:
            raise UserError("adversarial: critic_updates must be at least 1, tau above 0, discount between 0 and 1")
        if not self.critic_learning_rate > 0:
            raise UserError("adversarial.critic_learning_rate must be above 0")


@dataclass
class PriorGameConfig:
    """The critic of an adversarial prior (`model.latent.kind` adversarial), and how it learns."""

    loss: GeneratorLossName = "wasserstein"
    """wasserstein with gradient penalty, or the classic GAN's loss, saturating (its gradient vanishes) or not."""
    hidden: int = 128
    """Units of each of the critic's two hidden layers."""
    updates: int = 5
    """Updates of the critic in a step (Gulrajani et al. 2017: 5), all on the step's vectors."""
    learning_rate: float = 1e-3
    """Rate of the critic's Adam, whose beta is (.5, .9) as in WGAN-GP."""

    def __post_init__(self) -> None:
        if min(self.hidden, self.updates) < 1 or not self.learning_rate > 0:
            raise UserError("adversarial: hidden and updates must be at least 1, learning_rate above 0")


@dataclass
class TransferTrainingConfig:
    """How the model learns from its own transfers, by the terms of `objectives/transfer.py`."""

    start: int = 2000
    """Steps before the first transfer. Guide and language model learn until then and are frozen afterwards."""
    strength: float = 1.0
    """How far along the target vector x̂ is written."""
    tau: float | None = None
    """Temperature at which the words of x̂ are drawn. Default: the likeliest words."""
    drop: float = 0.1
    """Share of x̂'s words that back-translation leaves out."""
    blank: float = 0.1
    """Share of x̂'s words that back-translation blanks."""
    through: bool = False
    """Let the gradient of J_cycle pass through the words of x̂ instead of adding noise to them."""
    share: float = 1.0
    """Share of the sentences, drawn anew at every step, for which the terms other than J_cycle are computed. They need
    the distribution over all words at every place, which costs twice as much as the rest of a step."""
    translated: float = 0.5
    """Share of the x̂ that are written by looking at the sentence as it is, as a transfer is when training has ended
    (`model.memory.translate` only); the others are made by filling the blanks."""
    stored: str | None = None
    """File of transfers that a trained model has written and reranked (`textvae back-translate`): J_cycle reads x̂ from
    it instead of having it written in the step, and trusts it. The training sees the sentences of the file alone."""
    trust: bool = True
    """Weigh J_cycle by the guide's probability that x̂ has the style asked for: a copy teaches copying."""
    language_prior: LanguagePriorName = "reverse"
    """Direction of J_lm: reverse only forbids what the language model finds unlikely."""
    guide: StyleGuideConfig = field(default_factory=StyleGuideConfig)
    """Classifier that guides; also the size of the discriminator."""
    language_model: LanguageModelConfig = field(default_factory=lambda: LanguageModelConfig("gru", 128, 256))
    """Prior of J_lm."""
    learning_rate: float = 1e-3
    """Rate of guide, language model and discriminator (Adam)."""

    features: str | None = None
    """Run whose frozen encoder J_content_features and J_gram look through; it must read the same vocabulary. Default:
    the guide."""
    exemplars: int = 64
    """Sentences of each style whose mean Gram matrix J_gram aims at."""

    def __post_init__(self) -> None:
        if self.exemplars < 1:
            raise UserError(f"transfer.exemplars must be at least 1, not {self.exemplars}")
        if self.start < 1:
            raise UserError("transfer.start must be at least 1: the guide has to learn before it can guide")
        if self.tau is not None and not self.tau > 0:
            raise UserError(f"transfer.tau must be above 0, not {self.tau}")
        if not (0 <= self.drop < 1 and 0 <= self.blank < 1 and self.learning_rate > 0):
            raise UserError("transfer.drop and .blank must be in [0, 1), .learning_rate above 0")
        if not 0 < self.share <= 1:
            raise UserError(f"transfer.share is {self.share}; it must be above 0 and at most 1")
        if self.through and self.share < 1:
            raise UserError("transfer.through reads the points of every sentence, transfer.share only some: choose one")
        if self.through and self.stored:
            raise UserError("transfer.through wants x̂ to be written in the step, transfer.stored before it: choose one")
        if not 0 <= self.translated <= 1:
            raise UserError(f"transfer.translated is {self.translated}; it is a share, in [0, 1]")
