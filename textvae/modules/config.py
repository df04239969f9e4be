"""Kinds and sizes of the networks, as a user writes them down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from textvae.errors import UserError


@dataclass
class EncoderConfig:
    """Size and kind of the encoder."""

    kind: Literal["gru", "lstm", "transformer", "pretrained"] = "gru"
    """Network that reads the sentence; pretrained: one of transformers, whose own size counts."""
    size: int = 256
    """Width of a state (per direction for recurrent encoders)."""
    layers: int = 1
    """Number of layers."""
    bidirectional: bool = True
    """Read the sentence both ways (recurrent encoders only)."""
    places: int = 0
    """gru and lstm: the first so many words each reach the sentence's summary by a way of their own
    (`textvae.modules.positions`), beside the last states. 0: only through the last states."""
    heads: int = 4
    """Attention heads (Transformer only)."""
    dropout: float = 0.0
    """Dropout between layers."""
    pretrained: str | None = None
    """pretrained only: name on the hub, or folder, of an encoder or encoder-decoder."""
    tuning: Literal["frozen", "full", "adapters"] = "frozen"
    """pretrained only. full: all of it learns; adapters: low-rank changes of its layers do; frozen: nothing does."""
    adapter_rank: int = 8
    """Rank of the adapters."""
    network: dict[str, Any] | None = None
    """pretrained only: what rebuilds the network. Found by the training, stored with the model; not for you to set."""

    def __post_init__(self) -> None:
        if self.kind == "transformer" and self.size % self.heads:
            raise UserError(f"encoder.size {self.size} is not a multiple of encoder.heads {self.heads}")
        if self.pretrained is not None and self.kind != "pretrained":
            raise UserError(f"encoder.pretrained is {self.pretrained!r}, but encoder.kind is {self.kind}")
        if self.places < 0 or (self.places and self.kind not in ("gru", "lstm")):
            raise UserError(f"encoder.places must be 0 or above, and 0 for {self.kind}: it is {self.places}")
        if self.adapter_rank < 1:
            raise UserError(f"encoder.adapter_rank must be at least 1, not {self.adapter_rank}")

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.pretrained} ({self.tuning})" if self.kind == "pretrained" else f"{self.kind} {self.size}"


@dataclass
class DecoderConfig:
    """Size and kind of the decoder."""

    kind: Literal["gru", "lstm", "transformer", "pretrained"] = "gru"
    """Network that writes the sentence; pretrained: one of transformers, whose own size counts."""
    size: int = 256
    """Width of a state."""
    layers: int = 1
    """Number of layers."""
    heads: int = 4
    """Attention heads (Transformer only)."""
    dropout: float = 0.0
    """Dropout between layers and before the output layer."""
    pretrained: str | None = None
    """pretrained only: name on the hub, or folder, of a causal language model or encoder-decoder."""
    tuning: Literal["frozen", "full", "adapters"] = "adapters"
    """pretrained only. full: all of it learns; adapters: low-rank changes of its layers do; frozen: nothing does."""
    adapter_rank: int = 8
    """Rank of the adapters."""
    nearness: float = 0.0
    """gru and lstm with `memory.kind: full`: what the score of a word to look at loses for each place that it is away,
    when training starts; it is learnt from there. 0: nothing of the kind; 1: the words are found at once."""
    places: int = 0
    """gru and lstm: the first so many words each have a reading of [z_s; z_c] of their own
    (`textvae.modules.positions`), so that a vector gives back what stood where. 0: all words read it alike."""
    prefix: int = 4
    """pretrained only: rows that [z_s; z_c] becomes: words before the first (causal) or to attend to (the others)."""
    network: dict[str, Any] | None = None
    """pretrained only: what rebuilds the network. Found by the training, stored with the model; not for you to set."""

    def __post_init__(self) -> None:
        if self.kind == "transformer" and self.size % self.heads:
            raise UserError(f"decoder.size {self.size} is not a multiple of decoder.heads {self.heads}")
        if self.pretrained is not None and self.kind != "pretrained":
            raise UserError(f"decoder.pretrained is {self.pretrained!r}, but decoder.kind is {self.kind}")
        if self.nearness < 0 or (self.nearness and self.kind not in ("gru", "lstm")):
            raise UserError(f"decoder.nearness must be 0 or above, and 0 for {self.kind}: it is {self.nearness}")
        if self.places < 0 or (self.places and self.kind not in ("gru", "lstm")):
            raise UserError(f"decoder.places must be 0 or above, and 0 for {self.kind}: it is {self.places}")
        if min(self.adapter_rank, self.prefix) < 1:
            raise UserError("decoder.adapter_rank and decoder.prefix must be at least 1")

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.pretrained} ({self.tuning})" if self.kind == "pretrained" else f"{self.kind} {self.size}"


LatentKind = Literal[
    "gaussian", "deterministic", "bottleneck", "mmd", "infomax", "batch_norm", "flow", "vq", "adversarial"
]


@dataclass
class LatentConfig:
    """Kind and size of one latent space."""

    kind: LatentKind = "gaussian"
    """gaussian: q(z|x) = N(mu, exp(log_var)); deterministic: z = mu, the paper's DAE; bottleneck: a Gaussian held at
    `target_rate`; mmd: InfoVAE; infomax: a Gaussian whose z must know its own words; batch_norm: a Gaussian that cannot
    collapse; flow: a Gaussian under a learnt RealNVP prior (pip install 'textvae[latents]'); vq: codes of a codebook;
    adversarial: a point whose distribution a critic draws to the prior."""
    size: int = 128
    """Number of latent dimensions, Z. With several attributes the style space has so many for each of them."""
    prior: Literal["standard", "class_conditional"] = "standard"
    """standard: N(0, I). class_conditional: N(m_y, I) with a learnt mean for each label y."""
    separation: float = 2.0
    """Initial length of each m_y (class_conditional only): orthogonal directions, in prior standard deviations."""
    initial_std: float = 1.0
    """Posterior standard deviation at the start (gaussian only). Below 1 the decoder hears z from the first step."""
    free_bits: float = 0.0
    """Nats per dimension and sentence below which the KL costs nothing (Kingma et al. 2016, app. C.8)."""
    erase_labels: bool = False
    """Project the means so that no linear reader can tell the label from them (LEACE, Belrose et al. 2023)."""

    target_rate: float = 8.0
    """C, nats per sentence at which the KL is held (bottleneck only)."""
    rate_control: Literal["lagrangian", "absolute"] = "lagrangian"
    """How (bottleneck only): by a multiplier that follows the rate, or by |KL - C| (Burgess et al. 2018)."""
    alpha: float = 0.5
    """Share of the KL that the MMD replaces (mmd only; InfoVAE's alpha)."""
    mmd_weight: float = 10.0
    """InfoVAE's lambda: the MMD weighs alpha + lambda - 1 (mmd only)."""
    nce_weight: float = 1.0
    """Weight of InfoNCE beside the KL (infomax only)."""
    norm_scale: float = 0.5
    """Standard deviation of each mean over the batch (batch_norm only; Zhu et al. 2020 take .5 to .7)."""
    transforms: int = 4
    """Coupling layers (flow only)."""
    flow_size: int = 64
    """Hidden units of each coupling layer (flow only)."""
    slots: int = 8
    """Codes of a sentence; `size` is divided among them (vq only)."""
    codebook: int = 512
    """Entries of the codebook (vq only)."""
    codebook_decay: float = 0.99
    """Decay of the average that the codebook is (vq only; van den Oord et al. 2017: .99)."""
    commitment: float = 0.25
    """Weight of the distance to the chosen entries (vq only; van den Oord et al. 2017: .25)."""
    revival: float = 1.0
    """Entries that fewer vectors of a step choose, on average, are replaced; 0 lets them die (vq only)."""

    def __post_init__(self) -> None:
        self._check_kinds()
        if self.size < 1:
            raise UserError(f"a latent needs at least one dimension, not size: {self.size}")
        if self.initial_std <= 0:
            raise UserError(f"initial_std must be above 0, not {self.initial_std}")

    def _check_kinds(self) -> None:
        for name in ("target_rate", "norm_scale"):
            if not getattr(self, name) > 0:
                raise UserError(f"latent.{name} must be above 0, not {getattr(self, name)}")
        for name in ("mmd_weight", "nce_weight", "commitment", "revival"):
            if not getattr(self, name) >= 0:
                raise UserError(f"latent.{name} must not be negative, as {getattr(self, name)} is")
        for name in ("transforms", "flow_size", "slots", "codebook"):
            if getattr(self, name) < 1:
                raise UserError(f"latent.{name} must be at least 1, not {getattr(self, name)}")
        if not 0 <= self.codebook_decay < 1:
            raise UserError(f"latent.codebook_decay is a share below 1, not {self.codebook_decay}")


@dataclass
class MemoryConfig:
    """How much of the sentence the decoder may look back at."""

    kind: Literal["none", "pooled", "full", "words"] = "none"
    """none: the pure vector bottleneck. pooled: means of `window` states. full: every state of the content view. words:
    in a transfer a pretrained causal decoder reads [z_s; z_c] and then the sentence itself, in its own word vectors,
    whose width style.size + content.size must be; a reconstruction reads the vectors alone."""
    window: int = 5
    """Words in a window (pooled only; CBD, Lai et al. 2021, pools about five)."""
    scrub: bool = False
    """Fade the states in which a classifier finds the style (reverse attention, RACoLN, Lee et al. 2021)."""
    translate: bool = False
    """In a transfer look back at the sentence as it is, style words and all. J_cycle teaches to rewrite them; a
    reconstruction, which would learn to copy them, still looks at the sentence without them."""

    def __post_init__(self) -> None:
        if self.window < 1:
            raise UserError(f"memory.window must be at least 1, not {self.window}")
        if self.translate and self.kind == "none":
            raise UserError("memory.translate looks back at the sentence: set memory.kind to pooled or full")
        if self.translate and self.kind == "words":
            raise UserError("memory.kind words always shows a transfer the whole sentence: leave memory.translate out")


@dataclass
class BlanksConfig:
    """What stands in the place of hidden words."""

    join: bool = False
    """One blank for a run of hidden words, so that any number of words can take its place; else one for each word."""
    widen: float = 0.0
    """Chance in training that a blank takes in the word before it, and as much the word after it (join only): what
    fills it may then be longer than what the style needs, as "watered down" is."""
    insert: float = 0.0
    """Chance in training, before every word, of a blank that has nothing behind it (join only): a blank may then be
    filled by nothing."""

    def __post_init__(self) -> None:
        for name in ("widen", "insert"):
            if not 0 <= getattr(self, name) < 1:
                raise UserError(f"model.blanks.{name} is {getattr(self, name)}; it must be in [0, 1)")
        if not self.join and (self.widen or self.insert):
            raise UserError("model.blanks.widen and .insert need blanks that stand for any number of words: set join")


SpaceName = Literal["style", "content"]
POINTS: tuple[LatentKind, ...] = ("deterministic", "vq", "adversarial")
"""Latents whose posterior has no variance, so that no sentence is surer than another of what a group shares."""


@dataclass
class ClampingConfig:
    """What the sentences of a group (`data.group_column`) share, and what a group trains."""

    shared: SpaceName | None = None
    """Space that holds what the sentences of a group share: content (versions of one sentence in several styles) or
    style (sentences of one author). Default: groups are not used."""
    trains: Literal["rest", "all"] = "rest"
    """What reconstruction trains in a batch of groups: rest, what the sentences do not share, since the shared space is
    clamped to its mean without a gradient (Kulkarni et al. 2015); or all, the shared space through the group's mean too
    (Bouchacourt et al. 2018)."""
    evidence: Literal["mean", "product"] = "mean"
    """What the sentences of a group say together: mean, the posterior at the mean of their summaries, so that each
    counts alike and a group is no surer than one of them; or product, the normalised product of their posteriors,
    surer the more they are, and led by the surest (Bouchacourt et al. 2018; not for a latent that is a point)."""
    members: int = 4
    """Most sentences of a group that stand together; a larger group is cut at random, anew in each epoch."""

    def __post_init__(self) -> None:
        if self.members < 2:
            raise UserError(f"clamping.members must be at least 2, not {self.members}: nobody shares anything alone")


AdversaryKind = Literal["linear", "mlp", "discriminant"]


OutputKind = Literal["full", "adaptive"]


@dataclass
class CriticConfig:
    """Kind and size of the critic."""

    kind: Literal["residual", "recurrent"] = "residual"
    """residual: one score a text, by 1-D convolutions (WGAN-GP); recurrent: one score a prefix, by an LSTM."""
    embedding_size: int = 128
    """Width E of the projection of a word, or of a point on the simplex."""
    size: int = 192
    """Channels of a convolution, or width of the LSTM's state."""
    blocks: int = 3
    """Residual blocks (residual only)."""
    kernel: int = 3
    """Words that a convolution sees (residual only); odd. A block adds 2 (kernel − 1) words to the view."""
    layers: int = 1
    """Layers of the LSTM (recurrent only)."""

    def __post_init__(self) -> None:
        if self.kernel % 2 == 0 or self.kernel < 1:
            raise UserError(f"critic.kernel is {self.kernel}; it must be odd, so that a word stands in its middle")
        if min(self.embedding_size, self.size, self.blocks, self.layers) < 1:
            raise UserError("critic.embedding_size, .size, .blocks and .layers must be at least 1")


@dataclass
class Seq2SeqConfig:
    """Size and kind of an encoder-decoder."""

    kind: Literal["gru", "lstm", "transformer"] = "lstm"
    """Network of both sides."""
    size: int = 256
    """Width of a state (per direction for recurrent encoders)."""
    layers: int = 1
    """Layers of each side."""
    heads: int = 4
    """Attention heads inside the layers (Transformer only); the pointer has one."""
    embedding_size: int = 256
    """Width of a word vector; the output layer uses the same vectors."""
    dropout: float = 0.0
    """Dropout on word vectors, between layers and on the decoder's states."""
    bidirectional: bool = True
    """Read the source both ways (recurrent encoders only)."""
    copy: bool = True
    """Mix copying from the source with the vocabulary (See et al. 2017)."""
    word_dropout: float = 0.0
    """Probability that the decoder is fed `<mask>` instead of its own last word (training only), so that it has to read
    the source (Bowman et al. 2016, sec. 3.2)."""
    length_dropout: float = 0.0
    """Probability that the generator learns to write a text without being told its length (training only), so that
    lengths can be left to it. Told n words it writes n good ones, whether or not its document asks for n."""

    def __post_init__(self) -> None:
        if self.kind not in ("gru", "lstm", "transformer"):
            raise UserError(f"seq2seq kind is {self.kind!r}; it must be gru, lstm or transformer")
        for name in ("size", "layers", "heads", "embedding_size"):
            if getattr(self, name) < 1:
                raise UserError(f"seq2seq {name} is {getattr(self, name)}; it must be at least 1")
        if self.kind == "transformer" and self.size % self.heads:
            raise UserError(f"seq2seq size {self.size} is not a multiple of its heads, {self.heads}")
        for name in ("dropout", "word_dropout", "length_dropout"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise UserError(f"seq2seq {name} is a probability below 1, not {getattr(self, name)}")


@dataclass
class StyleGuideConfig:
    """Size of the classifier that guides the training of transfers and ranks candidates."""

    embedding_size: int = 96
    """Width E of a word."""
    size: int = 96
    """Width of a state in each direction."""
    dropout: float = 0.3
    """Dropout of embeddings and of the pooled states."""
    word_dropout: float = 0.1
    """Share of the words that it does not see while it learns, so that it does not trust a single one."""

    def __post_init__(self) -> None:
        if min(self.embedding_size, self.size) < 1:
            raise UserError("guide.embedding_size and .size must be at least 1")
        if not (0 <= self.dropout < 1 and 0 <= self.word_dropout < 1):
            raise UserError("guide.dropout and .word_dropout must be in [0, 1)")


@dataclass
class LanguageModelConfig:
    """Kind and size of the language model."""

    kind: Literal["gru", "lstm"] = "lstm"
    """Network that reads the words so far."""
    embedding_size: int = 128
    """Width E of a word."""
    size: int = 256
    """Width D of a state."""
    layers: int = 1
    """Number of layers."""
    dropout: float = 0.2
    """Dropout of embeddings, between layers, and before the output layer."""
    output: OutputKind = "full"
    """full: softmax over all words. adaptive: rare words, which have high numbers, in clusters (Grave et al. 2017)."""

    def __post_init__(self) -> None:
        if min(self.embedding_size, self.size, self.layers) < 1:
            raise UserError("language_model.embedding_size, .size and .layers must be at least 1")
        if not 0 <= self.dropout < 1:
            raise UserError(f"language_model.dropout is {self.dropout}; it must be in [0, 1)")
