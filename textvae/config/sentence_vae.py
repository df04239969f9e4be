"""Everything that decides a training of the sentence autoencoder."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from textvae.config.base import RunConfig, with_tokenizer_of_parts
from textvae.data.config import DataConfig
from textvae.data.noise import NoiseConfig
from textvae.errors import UserError
from textvae.evaluation.diagnostics.config import DiagnosticsConfig
from textvae.models.sentence_configuration import SentenceModelConfig
from textvae.objectives.config import SentenceObjectives
from textvae.text import TextConfig
from textvae.tokenization.config import TokenizerConfig
from textvae.training.config import PriorGameConfig, TrainingConfig


@dataclass
class SentenceExperimentConfig(RunConfig):
    """Everything that decides a training: sentences, with or without labels, and one latent space of any kind."""

    task: Literal["sentence_vae"] = "sentence_vae"
    run: str = "runs/sentence_vae"
    data: DataConfig = field(default_factory=lambda: DataConfig(source="lines"))
    """Where the sentences come from. Labels count only for a class-conditional prior and for probes."""
    text: TextConfig = field(default_factory=TextConfig)
    """How raw text becomes words."""
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    """How words become ids."""
    noise: NoiseConfig = field(default_factory=NoiseConfig)
    """What is done to the input in training."""
    model: SentenceModelConfig = field(default_factory=SentenceModelConfig)
    """The networks."""
    objectives: SentenceObjectives = field(default_factory=SentenceObjectives)
    """Weights and schedules of every J."""
    training: TrainingConfig = field(default_factory=lambda: TrainingConfig(clip_norm=50.0))
    """The loop. Gradients are those of nats per sentence, so the norm they are clipped to is larger than elsewhere."""
    adversarial: PriorGameConfig = field(default_factory=PriorGameConfig)
    """The critic of an adversarial prior, where `model.latent.kind` is adversarial."""
    selection: DiagnosticsConfig = field(default_factory=DiagnosticsConfig)
    """How the model is looked at during training; the best has the lowest weighted sum of objectives on dev."""

    def __post_init__(self) -> None:
        self.data.no_groups(self.task)
        self.tokenizer = with_tokenizer_of_parts(self.tokenizer, self.model.encoder, self.model.decoder, self.start)
        if self.objectives.J_bow.weight and not self.model.bag_of_words:
            raise UserError("objectives.J_bow has a weight, but model.bag_of_words is off: switch both on, or both off")
