"""Everything that decides a training of a grammar whose trees are latent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from textvae.config.base import RunConfig
from textvae.data.config import DataConfig
from textvae.data.curriculum import CurriculumConfig
from textvae.errors import UserError
from textvae.extras.trees.evaluation_config import TreeEvaluationConfig
from textvae.extras.trees.model_config import TreeModelConfig
from textvae.extras.trees.objectives import TreeObjectives
from textvae.text import TextConfig
from textvae.tokenization.config import TokenizerConfig
from textvae.training.config import TrainingConfig


@dataclass
class TreeExperimentConfig(RunConfig):
    """Everything that decides a training: sentences, and a grammar that finds their trees."""

    task: Literal["tree"] = "tree"
    run: str = "runs/trees"
    data: DataConfig = field(
        default_factory=lambda: DataConfig(source="trees", path="data/sample-trees", max_tokens=40)
    )
    """Where the sentences come from. The trees of source `trees` are only compared with; any other source will do."""
    text: TextConfig = field(default_factory=TextConfig)
    """How raw text becomes words."""
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    """How words become ids: kind word, as a tree stands over words."""
    curriculum: CurriculumConfig = field(default_factory=CurriculumConfig)
    """Short sentences first (the paper: at most 30 words in the first epoch, one word more in each further one)."""
    model: TreeModelConfig = field(default_factory=TreeModelConfig)
    """The networks."""
    objectives: TreeObjectives = field(default_factory=TreeObjectives)
    """Weights and schedules of every J."""
    training: TrainingConfig = field(default_factory=lambda: TrainingConfig(clip_norm=3.0, precision="fp32"))
    """The loop. Gradients are those of nats per sentence; 3 is the paper's norm."""
    selection: TreeEvaluationConfig = field(default_factory=lambda: TreeEvaluationConfig(max_sentences=300, samples=1))
    """How the model is looked at during training; the best has the lowest weighted sum of objectives on dev."""

    def __post_init__(self) -> None:
        self.data.no_groups(self.task)
        if self.tokenizer.kind != "word":
            raise UserError(f"tokenizer.kind is {self.tokenizer.kind}, but a tree stands over words: set it to word")
        if self.model.latent.kind == "adversarial":
            raise UserError("an adversarial latent needs a critic, which a grammar does not train; use mmd here")
        if self.model.encoder.kind == "pretrained":
            raise UserError("model.encoder.kind pretrained serves the other tasks; a grammar has its own word vectors")
