"""Everything that decides a training of the summarizer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from textvae.config.base import RunConfig
from textvae.data.unpaired.config import SummaryNoiseConfig, UnpairedDataConfig
from textvae.errors import UserError
from textvae.evaluation.summaries.config import AlarmLimits, SummarySelectionConfig
from textvae.inference.config import SummaryDecodingConfig
from textvae.models.seq2seq2seq_configuration import Seq2Seq2SeqModelConfig
from textvae.objectives.config import SummarizationObjectives
from textvae.text import TextConfig
from textvae.tokenization.config import TokenizerConfig
from textvae.training.config import AdversarialConfig, StageConfig, TrainingConfig, default_stages


@dataclass
class SummarizationConfig(RunConfig):
    """Everything that decides the training of a seq2seq2seq autoencoder. The stages decide its length, not epochs."""

    task: Literal["summarization"] = "summarization"
    run: str = "runs/news"
    data: UnpairedDataConfig = field(default_factory=UnpairedDataConfig)
    """Documents, and texts that people wrote about other documents."""
    text: TextConfig = field(default_factory=TextConfig)
    """How raw text becomes words."""
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    """How words become ids."""
    noise: SummaryNoiseConfig = field(default_factory=SummaryNoiseConfig)
    """What makes a human text look like a document whose summary it is."""
    model: Seq2Seq2SeqModelConfig = field(default_factory=Seq2Seq2SeqModelConfig)
    """Generator and reconstructor."""
    stages: list[StageConfig] = field(default_factory=default_stages)
    """The parts of the training, in order."""
    adversarial: AdversarialConfig = field(default_factory=AdversarialConfig)
    """Critic, estimator and language model."""
    objectives: SummarizationObjectives = field(default_factory=SummarizationObjectives)
    """Weights and schedules of every J."""
    decoding: SummaryDecodingConfig = field(default_factory=SummaryDecodingConfig)
    """How the model writes where nobody says otherwise."""
    training: TrainingConfig = field(default_factory=TrainingConfig)
    """The loop."""
    selection: SummarySelectionConfig = field(default_factory=SummarySelectionConfig)
    """How the best model is chosen on documents without summaries."""
    alarms: AlarmLimits = field(default_factory=AlarmLimits)
    """When a warning is given that the networks invent a code."""

    def __post_init__(self) -> None:
        if self.tokenizer.kind == "pretrained":
            raise UserError("tokenizer.kind pretrained serves style transfer; a summarizer learns its own vocabulary")
