"""How long each part of a summarizer's training takes, and how the generator learns from its critic."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from textvae.errors import UserError
from textvae.modules.critics import CriticConfig
from textvae.modules.language_model import LanguageModelConfig
from textvae.objectives.prior import LanguagePriorName
from textvae.objectives.wgan_gp import GeneratorLossName

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
