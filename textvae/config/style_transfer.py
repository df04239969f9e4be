"""Everything that decides a training of the style-content autoencoder."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from textvae.config.base import RunConfig, with_tokenizer_of_parts
from textvae.data.config import UNLABELLED, DataConfig
from textvae.data.noise import NoiseConfig
from textvae.errors import UserError
from textvae.evaluation.config import SelectionConfig
from textvae.models.configuration import ModelConfig
from textvae.modules.config import POINTS, ClampingConfig
from textvae.objectives.config import ObjectivesConfig
from textvae.text import TextConfig
from textvae.tokenization.config import TokenizerConfig
from textvae.tokenization.style_words import StyleWordsConfig
from textvae.training.config import PriorGameConfig, TrainingConfig, TransferTrainingConfig


@dataclass
class ExperimentConfig(RunConfig):
    """Everything that decides a training. The defaults are the recommended settings for short reviews."""

    task: Literal["style_transfer"] = "style_transfer"
    run: str = "runs/yelp"
    data: DataConfig = field(default_factory=DataConfig)
    """Where the sentences come from."""
    text: TextConfig = field(default_factory=TextConfig)
    """How raw text becomes words."""
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    """How words become ids."""
    style_words: StyleWordsConfig = field(default_factory=StyleWordsConfig)
    """Which words tell the style and so are no content words."""
    stop_words: str | None = None
    """File of stop words, one a line. Default: an English list without its negations."""
    noise: NoiseConfig = field(default_factory=NoiseConfig)
    """What is done to the input in training."""
    model: ModelConfig = field(default_factory=ModelConfig)
    """The networks."""
    clamping: ClampingConfig = field(default_factory=ClampingConfig)
    """What sentences share that the data put into one group (`data.group_column`)."""
    adversarial: PriorGameConfig = field(default_factory=PriorGameConfig)
    """The critics of adversarial priors, where `model.style.kind` or `model.content.kind` is adversarial."""
    objectives: ObjectivesConfig = field(default_factory=ObjectivesConfig)
    """Weights and schedules of every J."""
    training: TrainingConfig = field(default_factory=TrainingConfig)
    """The loop."""
    transfer: TransferTrainingConfig = field(default_factory=TransferTrainingConfig)
    """How the model learns from its own transfers, where the terms that do have a weight."""
    selection: SelectionConfig = field(default_factory=SelectionConfig)
    """How the best model is chosen on dev."""

    def __post_init__(self) -> None:
        if self.data.source in UNLABELLED:
            raise UserError(f"data.source {self.data.source} has no labels, and a style is a label; use another source")
        if self.model.memory.translate and not self.objectives.J_cycle.weight:
            raise UserError(
                "model.memory.translate is learnt by J_cycle alone: give objectives.J_cycle a weight, or leave it out"
            )
        if self.transfer.stored and not self.objectives.J_cycle.weight:
            raise UserError(
                "transfer.stored is read by J_cycle alone: give objectives.J_cycle a weight, or leave it out"
            )
        if self.transfer.stored and self.clamping.shared is not None:
            raise UserError("transfer.stored: its sentences have no groups; leave out clamping.shared")
        self.check_clamping()
        self.tokenizer = with_tokenizer_of_parts(self.tokenizer, self.model.encoder, self.model.decoder, self.start)

    def check_clamping(self) -> None:
        """Raise UserError where groups and what they share do not go together."""
        shared, column = self.clamping.shared, self.data.group_column
        if shared is not None and column is None:
            raise UserError(
                f"clamping.shared {shared} needs to know who shares it: name the groups by data.group_column"
            )
        if shared is None and column is not None:
            raise UserError(f"data.group_column {column}: say what a group shares by clamping.shared content or style")
        if shared == "content" and self.model.memory.kind != "none":
            raise UserError(
                "clamping.shared content: with model.memory the decoder reads each sentence itself beside what its "
                "group shares; set model.memory.kind none"
            )
        if shared is not None and self.clamping.evidence == "product":
            kind = (self.model.style if shared == "style" else self.model.content).kind
            if kind in POINTS:
                raise UserError(
                    f"clamping.evidence product: a latent of kind {kind} is a point, which has no variance to weigh "
                    f"it by; set clamping.evidence mean, or another model.{shared}.kind"
                )
