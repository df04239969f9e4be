"""Pretrained networks as parts of the style-content autoencoder: found by name or folder, checked, read.

Only safetensors are read and no code of a checkpoint is run. What a saved model needs (the networks' configuration, its
weights, its tokenizer) is stored with it: these functions are used once, when a training begins.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    PreTrainedConfig,
    PreTrainedTokenizerFast,
)
from transformers.modeling_outputs import BaseModelOutput
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
)

from textvae.errors import UserError
from textvae.models.configuration import ModelConfig
from textvae.models.saved import silent
from textvae.models.sentence_configuration import SentenceModelConfig
from textvae.models.sentence_model import SentenceModel
from textvae.modules.config import DecoderConfig, EncoderConfig
from textvae.modules.pretrained import ADAPTER_NAMES, Half, half_of
from textvae.pretrained_names import find_source
from textvae.tokenization.config import SPECIAL, SPECIAL_TOKENS
from textvae.tokenization.pretrained import raw_tokens
from textvae.tokenization.training import SourceVocabulary, source_vocabulary

NEVER_WRITTEN = -30.0
"""Added to the logits of <pad>, <s> and <mask>. Their rows may be copies of others (GPT-2's `<s>` is its `</s>`), which
would take a share of those words' probability; e^-30 takes none."""


Networks = TypeVar("Networks", ModelConfig, SentenceModelConfig)


# ---------------------------------------------------------------------------------------------- what it is
def describe(config: Networks) -> Networks:
    """The configuration with its pretrained parts described, and word vectors of their width."""
    encoder, decoder = config.encoder, config.decoder
    if decoder.kind == "pretrained":
        source = named(decoder, "decoder")
        network = read_config(source)
        check_decoder(network, source)
        decoder = replace(decoder, network={"network": plain(network), "base": source})
        if config.output != "full":
            raise UserError(f"model.output {config.output} needs words in the order of their frequency; use full")
        config = replace(config, embedding_size=word_width(network, "decoder"))
    if encoder.kind == "pretrained":
        source = named(encoder, "encoder")
        network = read_config(source)
        check_encoder(network, source)
        begins = source_vocabulary(source).begins
        encoder = replace(encoder, network={"network": plain(network), "begins": begins, "base": source})
        apart = decoder.kind == "pretrained" and decoder.pretrained != encoder.pretrained
        own = config.embedding_size if apart else None
        config = replace(config, embedding_size=word_width(network, "encoder"), decoder_embedding_size=own)
    return replace(config, encoder=encoder, decoder=decoder)


def named(config: EncoderConfig | DecoderConfig, owner: str) -> str:
    """The name or folder of a pretrained part."""
    if config.pretrained is None:
        raise UserError(
            f"model.{owner}.kind is pretrained: give model.{owner}.pretrained, a name on the hub or a folder"
        )
    return config.pretrained


def read_config(source: str) -> PreTrainedConfig:
    """The transformers configuration of a hub name or folder."""
    return attempt(
        lambda: AutoConfig.from_pretrained(find_source(source), trust_remote_code=False), source, "configuration"
    )


def attempt(read: Callable[[], Any], source: str, what: str) -> Any:
    """What `read` gives; what goes wrong (no such name, no network, pickled weights, foreign code) is told."""
    try:
        with silent():
            return read()
    except UserError:
        raise
    except Exception as error:  # OSError, ValueError, KeyError, errors of hub client and safetensors
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"{source}: no {what} can be read ({reason}). Give the name of a model on the hub (and be online once) or "
            "a folder with config.json, tokenizer.json and *.safetensors; other formats and own code are never loaded"
        ) from error


def plain(config: PreTrainedConfig) -> dict[str, Any]:
    """A configuration as JSON has it, without the paths and versions of where it came from."""
    values = config.to_dict()
    left_out = ("_name_or_path", "transformers_version", "architectures", "auto_map", "dtype", "torch_dtype")
    return {name: value for name, value in values.items() if name not in left_out}


def check_encoder(config: PreTrainedConfig, source: str) -> None:
    """Refuse what does not read a sentence both ways."""
    kind, whole = config.model_type, config.is_encoder_decoder
    if kind not in (MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES if whole else MODEL_FOR_MASKED_LM_MAPPING_NAMES):
        raise UserError(
            f"model.encoder.pretrained: {source} is a {kind}, which is no text encoder; "
            "give one like BERT or RoBERTa, or an encoder-decoder like BART or T5"
        )


def check_decoder(config: PreTrainedConfig, source: str) -> None:
    """Refuse what does not write a sentence word by word."""
    kind = config.model_type
    causal = kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and kind not in MODEL_FOR_MASKED_LM_MAPPING_NAMES
    if kind not in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES if config.is_encoder_decoder else not causal:
        raise UserError(
            f"model.decoder.pretrained: {source} is a {kind}, which does not write text from left to right; "
            "give a causal language model like GPT-2, or an encoder-decoder like BART or T5"
        )


def word_width(config: PreTrainedConfig, half: Half) -> int:
    """Width of the word vectors, which need not be that of the states (ELECTRA, OPT)."""
    with torch.device("meta"):
        network = half_of(AutoModel.from_config(config), half)
    return int(network.get_input_embeddings().embedding_dim)


# ---------------------------------------------------------------------------------------------- its weights
@torch.no_grad()
def load_weights(model: SentenceModel, tokenizer: PreTrainedTokenizerFast) -> None:
    """Give the pretrained parts of a model their weights; its other parts, adapters too, keep those they have.

    UserError where the model was saved without pretrained weights (`SentenceModel.find_base`) that are others than
    those found now.
    """
    encoder, decoder, *_ = model.config.parts()
    if decoder.kind == "pretrained":
        load_decoder(model, named(decoder, "decoder"), tokenizer)
    if encoder.kind == "pretrained":
        load_encoder(model, named(encoder, "encoder"), tokenizer)
    if model.base_names:
        digest = base_digest(model)
        if model.config.base_digest not in (None, digest):
            sources = {part.pretrained for part in (encoder, decoder) if part.kind == "pretrained"}
            raise UserError(
                f"the weights of {', '.join(sorted(map(str, sources)))} are not those that this model's adapters were "
                "trained on; restore them, or train again"
            )
        model.config.base_digest = digest


def base_digest(model: SentenceModel) -> str:
    """A checksum over 1,000 evenly spaced numbers of each weight that a model's files leave out."""
    found = hashlib.sha256()
    for name, parameter in model.named_parameters():
        if name in model.base_names:
            flat = parameter.detach().flatten()
            found.update(flat[:: max(1, len(flat) // 1000)].bfloat16().float().cpu().numpy().tobytes())
    return found.hexdigest()


def compute_base_in(model: SentenceModel, dtype: torch.dtype) -> None:
    """Hold what a frozen pretrained decoder reads and writes by in `dtype`: half the memory in 16 bits, and no casts.

    The word vectors, which an encoder of ours shares, and pretrained encoders stay as they are.
    """
    for name, parameter in model.named_parameters():
        if name in model.base_names and name.startswith(("decoder.", "output.")):
            parameter.data = parameter.data.to(dtype)


def load_encoder(model: SentenceModel, source: str, tokenizer: PreTrainedTokenizerFast) -> None:
    """Body, vector of the first token, and the word vectors unless a decoder from the same source has given them."""
    network = read_network(AutoModel, source, "encoder")
    half = half_of(network, "encoder")
    room(model, network.config, source, model.config.max_length)
    encoder: Any = model.sentence_encoder
    copy_body(half, encoder.body, source)
    vocabulary = source_vocabulary(source)
    vectors = Rows(vocabulary, tokenizer, source, vocabulary.roles.get("bos"))
    table = word_vectors(half)
    if encoder.first is not None:
        encoder.first.copy_(table[vocabulary.roles["bos"]])
    shared = model.decoder_embedding is None and model.config.parts()[1].kind == "pretrained"
    if not shared:
        fill(model.embedding, vectors(table))


def load_decoder(model: SentenceModel, source: str, tokenizer: PreTrainedTokenizerFast) -> None:
    """Body, word vectors and output layer."""
    config = read_config(source)
    factory = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    network = read_network(factory, source, "decoder")
    half = network.get_decoder() if config.is_encoder_decoder else network.base_model
    prefix = 0 if config.is_encoder_decoder else model.config.parts()[1].prefix
    rows = model.config.max_length if prefix and model.sentence_memory is not None else 0
    room(model, config, source, model.config.max_length + prefix + rows)
    decoder: Any = model.decoder
    copy_body(half, decoder.body, source)
    vocabulary = source_vocabulary(source)
    start = getattr(config, "decoder_start_token_id", None) if config.is_encoder_decoder else None
    if start is None:
        start = vocabulary.roles.get("bos", vocabulary.roles.get("eos"))
    rows_of = Rows(vocabulary, tokenizer, source, start)
    fill(model.target_embedding, rows_of(word_vectors(half)))
    weight, bias = output_layer(network, half, source)
    linear = model.output.linear
    linear.weight.copy_(rows_of(weight))
    linear.bias.copy_(rows_of(bias[:, None])[:, 0])
    linear.bias[[SPECIAL.pad, SPECIAL.bos, SPECIAL.mask]] += NEVER_WRITTEN


def read_network(factory: Any, source: str, half: Half) -> Any:
    """A whole network in fp32, in eval mode; UserError where weights of the half that is wanted are missing."""
    network, report = attempt(
        lambda: factory.from_pretrained(
            find_source(source),
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        ),
        source,
        "weights",
    )
    wanted = {id(p) for p in half_of(network, half).parameters()}
    names = {name for name, p in network.named_parameters() if id(p) in wanted and "pooler" not in name}
    missing = sorted(names & set(report["missing_keys"]))
    if missing:
        raise UserError(f"{source}: {len(missing)} weights of its {half} are missing, {missing[0]} first; restore it")
    return network.eval()


def copy_body(source: nn.Module, body: nn.Module, name: str) -> None:
    """The weights of a body; adapters, which the source has not, stay as they are: no change at first."""
    given, wanted = source.state_dict(), set(body.state_dict())
    needed = {n for n in wanted if n.rsplit(".", 1)[-1] not in ADAPTER_NAMES}
    if needed - set(given):
        raise UserError(
            f"{name}: the network lacks {sorted(needed - set(given))[:3]}; this architecture is not supported"
        )
    body.load_state_dict({n: t for n, t in given.items() if n in wanted}, strict=False)


def word_vectors(half: Any) -> Tensor:
    """(V', E) as the body would be given them: some architectures scale what the table holds."""
    embedding = half.get_input_embeddings()
    return embedding(torch.arange(embedding.num_embeddings))


def fill(embedding: nn.Embedding, rows: Tensor) -> None:
    """Set a table of word vectors; `<pad>` is zero."""
    embedding.weight.copy_(rows)
    embedding.weight[SPECIAL.pad] = 0.0


def room(model: SentenceModel, config: PreTrainedConfig, source: str, needed: int) -> None:
    """Refuse sentences longer than the position embeddings; 4 places are for tokens around them."""
    most = getattr(config, "max_position_embeddings", None)
    if most is not None and needed + 4 > most:
        raise UserError(f"{source} has {most} positions, but {needed + 4} are needed; lower data.max_tokens")


class Rows:
    """Rows of a pretrained table in the order of a run's tokenizer (see `textvae.tokenization.training`).

    start: id of the token that `<s>` stands for. A role that the pretrained vocabulary lacks gets the mean of all
    words, the vector that says least.
    """

    def __init__(
        self, vocabulary: SourceVocabulary, tokenizer: PreTrainedTokenizerFast, source: str, start: int | None
    ):
        tokens = raw_tokens(tokenizer)[len(SPECIAL_TOKENS) :]
        found = [vocabulary.row(token) for token in tokens]
        unknown = [token for token, row in zip(tokens, found, strict=True) if row is None]
        if unknown:
            raise UserError(
                f"{source} does not know {len(unknown)} of the {len(tokens)} tokens of the vocabulary ({unknown[0]!r}, "
                "for one): pretrained parts need tokenizer.kind pretrained, and two of them must share their vocabulary"
            )
        roles = {**vocabulary.roles, "bos": start}
        self.special = [roles.get(role) for role in ("pad", "bos", "eos", "unk", "mask")]
        self.words, self.source = torch.tensor(found), source

    def __call__(self, table: Tensor) -> Tensor:
        """(V', N) to (V, N)."""
        if int(self.words.max()) >= len(table):
            raise UserError(f"{self.source}: its tokenizer has more tokens than its network has word vectors")
        words = table[self.words]
        special = [words.mean(0) if row is None else table[row] for row in self.special]
        return torch.cat((torch.stack(special), words))


def output_layer(network: Any, half: Any, source: str) -> tuple[Tensor, Tensor]:
    """Weight (V', D) and bias (V',) by which a network's logits follow from the states of its body.

    Architectures scale logits (T5), add a buffer to them (BART) or neither, so scale and bias are measured on a few
    words; UserError where the logits are no linear function of the states.
    """
    weight = network.get_output_embeddings().weight
    count = min(12, len(weight))
    ids = torch.linspace(0, len(weight) - 1, count, device=weight.device).long()[None]
    if network.config.is_encoder_decoder:
        memory = torch.randn(1, 3, network.config.hidden_size, generator=torch.Generator().manual_seed(0))
        states = half(input_ids=ids, encoder_hidden_states=memory).last_hidden_state[0]
        given = BaseModelOutput(last_hidden_state=memory)
        logits = network(encoder_outputs=given, decoder_input_ids=ids).logits[0]
    else:
        states = half(input_ids=ids).last_hidden_state[0]
        logits = network(input_ids=ids).logits[0]
    product = (states @ weight.T).double()
    centred, target = product - product.mean(0), logits.double() - logits.double().mean(0)
    scale = (centred * target).sum() / centred.square().sum()
    bias = (logits.double() - scale * product).mean(0)
    error = (scale * product + bias - logits).abs().max() / logits.abs().max()
    if not error < 1e-3:
        raise UserError(
            f"{source}: its logits are no linear function of its states; this architecture cannot decode here"
        )
    return weight * scale.float(), bias.float()
