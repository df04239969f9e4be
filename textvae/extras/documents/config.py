"""Everything that decides a training of the hierarchical VAE."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from textvae.config.base import RunConfig
from textvae.data.noise import NoiseConfig
from textvae.errors import UserError
from textvae.extras.documents.data_config import DocumentDataConfig
from textvae.extras.documents.evaluation_config import DocumentsConfig
from textvae.extras.documents.model_config import HierarchicalModelConfig
from textvae.extras.documents.objectives import HierarchicalObjectives
from textvae.text import TextConfig
from textvae.tokenization.config import TokenizerConfig
from textvae.training.config import TrainingConfig


@dataclass
class TableConfig:
    """The table of μ2, one row a document."""

    documents: int | None = 2000
    """K: documents whose means are in memory at a time, dealt anew in every epoch and inferred when their turn comes
    (Hsu & Glass 2018). null: a row for every document, for the whole training (Hsu et al. 2017)."""
    learning_rate: float = 0.01
    """Peak rate of the table's Adam."""

    def __post_init__(self) -> None:
        if self.documents is not None and self.documents < 2:
            raise UserError(f"table.documents is {self.documents}: J_doc needs at least two to tell apart")
        if not self.learning_rate > 0:
            raise UserError(f"table.learning_rate must be positive, not {self.learning_rate}")


@dataclass
class DocumentExperimentConfig(RunConfig):
    """Everything that decides a training: documents, a space for each sentence and one around each document's mean."""

    task: Literal["document_vae"] = "document_vae"
    run: str = "runs/document_vae"
    data: DocumentDataConfig = field(default_factory=DocumentDataConfig)
    """Where the documents come from."""
    text: TextConfig = field(default_factory=TextConfig)
    """How raw text becomes words."""
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    """How words become ids."""
    noise: NoiseConfig = field(default_factory=NoiseConfig)
    """What is done to the input in training."""
    model: HierarchicalModelConfig = field(default_factory=HierarchicalModelConfig)
    """The networks."""
    table: TableConfig = field(default_factory=TableConfig)
    """The table of document means."""
    objectives: HierarchicalObjectives = field(default_factory=HierarchicalObjectives)
    """Weights and schedules of every J."""
    training: TrainingConfig = field(default_factory=lambda: TrainingConfig(clip_norm=50.0))
    """The loop. Gradients are those of nats per sentence, so the norm they are clipped to is larger than elsewhere."""
    selection: DocumentsConfig = field(default_factory=DocumentsConfig)
    """How the model is looked at during training; the best has the lowest weighted sum of objectives on dev."""
