"""Everything that decides the training of a grammar, and what is saved with its model."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from textvae.config.base import RunConfig
from textvae.data.config import CurriculumConfig, DataConfig
from textvae.errors import UserError
from textvae.models.saved import SavedConfig, known
from textvae.modules.config import EncoderConfig, LatentConfig
from textvae.objectives.config import Weight
from textvae.text import TextConfig
from textvae.tokenization.config import TokenizerConfig
from textvae.training.config import TrainingConfig


@dataclass(frozen=True)
class TreeEvaluationConfig:
    """How a grammar is looked at."""

    max_sentences: int = 1000
    """At most so many sentences, evenly spaced over the split."""
    samples: int = 10
    """K of the importance-weighted NLL of a grammar with z (Burda et al. 2016). Without z the NLL is exact."""
    order: int = 3
    """Order of the n-gram model beside it (interpolated modified Kneser-Ney, trained on the same sentences)."""
    seed: int = 1
    """Seed of the draws."""

    def __post_init__(self) -> None:
        if min(self.max_sentences, self.samples, self.order) < 1:
            raise UserError("max_sentences, samples and order of the evaluation of trees must be at least 1")


@dataclass
class GrammarConfig:
    """Size of the grammar."""

    nonterminals: int = 30
    """Symbols that branch, N. Time and memory of a sentence grow with N (N + T)²."""
    preterminals: int = 60
    """Symbols that write a word, T."""
    size: int = 256
    """Width of a symbol's vector, D."""

    def __post_init__(self) -> None:
        if min(self.nonterminals, self.preterminals, self.size) < 1:
            raise UserError("grammar.nonterminals, .preterminals and .size must be at least 1")


@dataclass
class TreeModelConfig:
    """The networks, as a user writes them down."""

    kind: Literal["compound", "neural"] = "compound"
    """compound: the rules' probabilities depend on a vector z of the sentence. neural: one grammar for all sentences,
    whose likelihood is exact; encoder and latent are not made."""
    grammar: GrammarConfig = field(default_factory=GrammarConfig)
    """Symbols, and the networks that give the rules their probabilities."""
    encoder: EncoderConfig = field(default_factory=lambda: EncoderConfig(kind="lstm", size=256))
    """Network that reads the sentence for q(z | x)."""
    latent: LatentConfig = field(default_factory=lambda: LatentConfig(size=64))
    """The vector z of a sentence."""
    embedding_size: int = 256
    """Width of a word vector of the encoder."""


class CompoundPCFGConfig(SavedConfig):
    """All that rebuilds the networks of a saved grammar: `config.json` beside the weights. Unknown keys are refused."""

    model_type = "textvae_tree"

    kind: str = "compound"
    grammar: dict[str, Any] | None = None
    sentence_encoder: dict[str, Any] | None = None
    latent_space: dict[str, Any] | None = None
    embedding_size: int = 256
    labels: list[str] | None = None
    max_length: int = 42

    def parts(self) -> tuple[GrammarConfig, EncoderConfig, LatentConfig]:
        """The three sub-configurations, checked."""
        return (
            known(GrammarConfig, self.grammar or {}, "grammar"),
            known(EncoderConfig, self.sentence_encoder or {}, "encoder"),
            known(LatentConfig, self.latent_space or {}, "latent"),
        )


def saved_tree_config(
    config: TreeModelConfig, vocab_size: int, labels: tuple[str, ...], max_length: int
) -> CompoundPCFGConfig:
    """Join what the user wrote with what the data decided."""
    networks = {"encoder": "sentence_encoder", "latent": "latent_space"}
    values = {networks.get(name, name): value for name, value in asdict(config).items()}
    return CompoundPCFGConfig(**values, vocab_size=vocab_size, labels=list(labels), max_length=max_length)


@dataclass
class TreeObjectives:
    """J = λ_rec J_rec + λ_kl J_kl, both in nats per sentence."""

    J_rec: Weight = field(default_factory=Weight)
    """The words of the sentence, over all its trees."""
    J_kl: Weight = field(default_factory=Weight)
    """The penalty of z, for a Gaussian its KL."""

    def at(self, step: int) -> dict[str, float]:
        """Every weight in force at `step`."""
        return {f.name: getattr(self, f.name).at(step) for f in fields(self)}


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
