"""Everything that decides the training of a hierarchical VAE of documents, and what is saved with its model."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from textvae.config.base import RunConfig
from textvae.data.config import LEFT_OUT
from textvae.data.noise import NoiseConfig
from textvae.errors import UserError
from textvae.models.saved import SavedConfig, known
from textvae.modules.config import DecoderConfig, EncoderConfig, LatentConfig
from textvae.objectives.config import Weight
from textvae.text import TextConfig
from textvae.tokenization.config import TokenizerConfig
from textvae.training.config import TrainingConfig

DocumentFormat = Literal["text", "jsonl"]


@dataclass
class DocumentDataConfig:
    """Documents, each a sequence of sentences."""

    source: DocumentFormat = "text"
    """`text`: train.txt, dev.txt and test.txt, one sentence a line, a blank line between documents. `jsonl`: one
    document a line, its sentences in `column`."""

    path: str = "data/sample-documents"
    """The folder of the files, or one single file (it becomes train, and dev is held out from it)."""

    train: str | None = None
    """Pattern of the training files below `path`, such as `shards/*.txt`. Default: train.txt or its shards."""

    dev: str | None = None
    """The same for dev. `none` leaves it out, and dev is held out from train."""

    test: str | None = None
    """The same for test. `none` leaves it out."""

    column: str = "sentences"
    """Column of a document (`jsonl`): a list of sentences, or a text, which is cut into sentences."""

    split: bool = False
    """Cut every line of text, and every item of a list, into sentences too (paragraphs, say)."""

    max_tokens: int = 32
    """Longest sentence, in words. Longer ones are left out of train; dev and test keep them, cut to this length."""

    min_sentences: int = 2
    """Fewest sentences of a document; shorter ones are left out and counted."""

    max_line_chars: int = 20_000
    """A sentence, or a line of text, with more characters than this is an error."""

    dev_fraction: float = 0.05
    """Share of the training documents held out when there is no dev split; always the same ones."""

    dev_max: int = 500
    """Most documents held out."""

    drop_leaked: bool = True
    """Take documents that also stand in dev or test out of train. They are counted either way."""

    def __post_init__(self) -> None:
        if self.source not in get_args(DocumentFormat):
            raise UserError(f"data.source is {self.source!r}: documents are read from {' or '.join(FORMATS)}")
        for name in ("max_tokens", "min_sentences", "max_line_chars", "dev_max"):
            if getattr(self, name) < 1:
                raise UserError(f"data.{name} is {getattr(self, name)}: it must be at least 1")
        if not 0 < self.dev_fraction < 1:
            raise UserError(f"data.dev_fraction is {self.dev_fraction}: it must lie between 0 and 1")
        if self.train == LEFT_OUT:
            raise UserError("data.train is `none`: there must be training documents")


FORMATS = get_args(DocumentFormat)


@dataclass(frozen=True)
class DocumentsConfig:
    """How a hierarchical VAE is looked at. Only numbers of equal settings can be compared."""

    max_documents: int = 300
    """At most so many documents, evenly spaced over the split. Their squared number of pairs is compared."""
    swaps: int = 5
    """Pairs of documents whose z2 are swapped and decoded, as samples."""

    def __post_init__(self) -> None:
        if self.max_documents < 2:
            raise UserError(f"max_documents is {self.max_documents}: verification needs at least two")
        if self.swaps < 0:
            raise UserError(f"swaps is {self.swaps}: it must not be negative")


@dataclass
class HierarchicalModelConfig:
    """The networks, as a user writes them down."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    """Networks that read the sentence: one for z2, one of the same shape for z1, which also reads z2 at every word."""
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    """Network that writes the sentence from [z1; z2]."""
    sentence: LatentConfig = field(default_factory=lambda: LatentConfig(size=32))
    """z1, what changes from sentence to sentence; p(z1) = N(0, 1). Gaussian, standard prior."""
    document: LatentConfig = field(default_factory=lambda: LatentConfig(size=32, initial_std=0.5))
    """z2, what a document keeps; p(z2 | mu2) = N(mu2, .25) with p(mu2) = N(0, 1). Gaussian, standard prior."""
    embedding_size: int = 300
    """Width of a word vector, shared by encoders and decoder."""
    embedding_dropout: float = 0.0
    """Dropout on word vectors."""
    output: Literal["full", "adaptive"] = "full"
    """Softmax over the vocabulary: exact, or adaptive with clusters of rare words (word tokenizer only)."""

    def __post_init__(self) -> None:
        for name in ("sentence", "document"):
            check_space(name, getattr(self, name))
        for name in ("encoder", "decoder"):
            if getattr(self, name).kind == "pretrained":
                raise UserError(f"model.{name}.kind pretrained: the hierarchical model has networks of its own only")
        if self.document.free_bits:
            raise UserError("model.document.free_bits: the bound of the hierarchical model has none; set it to 0")


def check_space(name: str, config: LatentConfig) -> None:
    """Raise UserError unless a space is what the paper's equations are written for."""
    if config.kind != "gaussian" or config.prior != "standard" or config.erase_labels:
        raise UserError(
            f"model.{name} must be gaussian with the standard prior, without erase_labels: the bound is written so"
        )


class HierarchicalVAEConfig(SavedConfig):
    """All that rebuilds the networks of a saved model: `config.json` beside the weights.

    Sub-configurations are dictionaries of `EncoderConfig`, `DecoderConfig`, `LatentConfig`; unknown keys are refused.
    """

    model_type = "textvae_hierarchical_vae"
    is_encoder_decoder: bool = True

    sentence_encoder: dict[str, Any] | None = None
    sentence_decoder: dict[str, Any] | None = None
    sentence_space: dict[str, Any] | None = None
    document_space: dict[str, Any] | None = None
    embedding_size: int = 300
    decoder_embedding_size: int | None = None
    embedding_dropout: float = 0.0
    output: str = "full"
    decoder_start_token_id: int = 1
    max_length: int = 30

    def parts(self) -> tuple[EncoderConfig, DecoderConfig, LatentConfig, LatentConfig]:
        """The four sub-configurations, checked."""
        return (
            known(EncoderConfig, self.sentence_encoder or {}, "encoder"),
            known(DecoderConfig, self.sentence_decoder or {}, "decoder"),
            known(LatentConfig, self.sentence_space or {}, "sentence"),
            known(LatentConfig, self.document_space or {}, "document"),
        )


def hierarchical_config(config: HierarchicalModelConfig, vocab_size: int, max_length: int) -> HierarchicalVAEConfig:
    """Join what the user wrote with what the data decided."""
    names = {
        "encoder": "sentence_encoder",
        "decoder": "sentence_decoder",
        "sentence": "sentence_space",
        "document": "document_space",
    }
    values = {names.get(name, name): value for name, value in asdict(config).items()}
    return HierarchicalVAEConfig(**values, vocab_size=vocab_size, max_length=max_length)


@dataclass
class HierarchicalObjectives:
    """J = λ J_rec + λ J_kl_1 + λ J_kl_2 + λ J_mu (weights of 1: the paper's bound) + α J_doc, in nats per sentence."""

    J_rec: Weight = field(default_factory=Weight)
    """Reconstruction."""
    J_kl_1: Weight = field(default_factory=Weight)
    """z1 against N(0, 1)."""
    J_kl_2: Weight = field(default_factory=Weight)
    """z2 against its document's N(μ2, .25)."""
    J_mu: Weight = field(default_factory=Weight)
    """μ2 against N(0, 1), once a document."""
    J_doc: Weight = field(default_factory=lambda: Weight(10.0))
    """The discriminative objective: z2 tells its document. The weight is α, the paper's 10."""

    def at(self, step: int) -> dict[str, float]:
        """Every weight in force at `step`."""
        return {f.name: getattr(self, f.name).at(step) for f in fields(self)}


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
