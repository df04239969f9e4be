"""Pretrained parts compute what their sources compute, in our numbering, and obey the laws of every other part."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    PreTrainedTokenizerFast,
)
from transformers.modeling_outputs import BaseModelOutput

from tests.laws import assert_close, assert_same_bits
from tests.pretrained_parts import DECODER_SOURCES, ENCODER_SOURCES, SENTENCES, WIDTH, save_source
from textvae.data.batch import Batch, Collator
from textvae.data.noise import NoiseConfig
from textvae.data.tokenized import TokenizedCorpus
from textvae.errors import UserError
from textvae.inference.config import DecodingConfig
from textvae.inference.decoding import decode
from textvae.inference.loading import read_model
from textvae.models.configuration import ModelConfig, pretrained_config
from textvae.models.pretrained import compute_base_in, describe, load_weights
from textvae.models.style_content_vae import StyleContentVAE
from textvae.models.transfer import Plan, read_back
from textvae.modules.config import DecoderConfig, EncoderConfig, LatentConfig, MemoryConfig
from textvae.modules.noise import NoiseKey
from textvae.tokenization.config import SPECIAL
from textvae.tokenization.pretrained import token_ids
from textvae.tokenization.training import adopt_tokenizer
from textvae.training.config import TrainingConfig
from textvae.training.optimizers import model_optimizer

TEXTS = [SENTENCES[i] for i in (0, 101, 333, 520, 731, 900)]
PAIRS = [("bert", "gru"), ("gru", "gpt2"), ("bart", "bart"), ("t5", "t5"), ("roberta", "gpt2"), ("bart", "gpt2")]
"""Encoder and decoder; `gru` is our own. The last two have one vocabulary in two orders."""
every_pair = pytest.mark.parametrize(("encoder", "decoder"), PAIRS)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("sources")
    return {kind: save_source(folder / kind, kind) for kind in sorted({*ENCODER_SOURCES, *DECODER_SOURCES})}


def shape(sources: dict[str, Path], encoder: str, decoder: str, tuning: str = "full", **options: Any) -> ModelConfig:
    def part(kind: str) -> dict[str, Any]:
        own = {"kind": kind, "size": 10}
        return own if kind == "gru" else {"kind": "pretrained", "pretrained": str(sources[kind]), "tuning": tuning}

    return ModelConfig(
        encoder=EncoderConfig(**part(encoder)),
        decoder=DecoderConfig(**part(decoder)),
        style=LatentConfig(size=3, prior="class_conditional"),
        content=LatentConfig(size=5),
        embedding_size=6,
        **options,
    )


def vocabulary(sources: dict[str, Path], encoder: str, decoder: str) -> PreTrainedTokenizerFast:
    return adopt_tokenizer(str(sources[decoder if encoder == "gru" else encoder]))


def build(
    sources: dict[str, Path], encoder: str, decoder: str, tuning: str = "full", **options: Any
) -> tuple[StyleContentVAE, PreTrainedTokenizerFast]:
    """A model in eval mode and its tokenizer."""
    torch.manual_seed(0)
    tokenizer = vocabulary(sources, encoder, decoder)
    config = describe(shape(sources, encoder, decoder, tuning, **options))
    model = StyleContentVAE(pretrained_config(config, len(tokenizer), 7, ("bad", "good"), 40))
    load_weights(model, tokenizer)
    return model.eval(), tokenizer


def batch_of(tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> Batch:
    corpus = TokenizedCorpus.from_lists(token_ids(tokenizer, texts), [i % 2 for i in range(len(texts))])
    rows = torch.full((len(tokenizer),), -1).numpy()
    rows[-7:] = range(7)
    batch = Collator(rows, NoiseConfig())(corpus, torch.arange(len(texts)).numpy())
    return replace(batch, key=NoiseKey(11, 0, len(texts)))


# ---------------------------------------------------------------------------------------------- the same as the source
@pytest.mark.parametrize(("kind", "decoder"), [*((k, "gru") for k in ENCODER_SOURCES), ("bart", "bart"), ("t5", "t5")])
def test_the_encoder_reads_as_its_source_does(kind: str, decoder: str, sources: dict[str, Path]) -> None:
    model, tokenizer = build(sources, kind, decoder)
    assert model.decoder_embedding is None, "one source, one table"
    source = AutoModel.from_pretrained(sources[kind], dtype=torch.float32).eval()
    source = source.get_encoder() if source.config.is_encoder_decoder else source
    theirs = AutoTokenizer.from_pretrained(sources[kind])
    for text in TEXTS:
        # a space first: ours reads the first word like any other word
        given = theirs((" " if kind in ("roberta", "bart") else "") + text, return_tensors="pt")
        states = source(input_ids=given["input_ids"], attention_mask=given["attention_mask"]).last_hidden_state
        ours = batch_of(tokenizer, [text])
        encoded, _ = model.read(ours.input_ids, ours.attention_mask)
        begins = states.shape[1] - ours.input_ids.shape[1]
        assert begins == (kind != "t5")
        assert_close(encoded.states, states[:, begins:], 1e-4, text)


@pytest.mark.parametrize("kind", DECODER_SOURCES)
def test_the_decoder_writes_as_its_source_does(kind: str, sources: dict[str, Path]) -> None:
    """Its logits, but for the tokens that are never written, given the rows that the memory becomes."""
    model, tokenizer = build(sources, "gru", kind)
    batch, memory = batch_of(tokenizer, TEXTS[:1]), torch.randn(1, 1, 8)
    with torch.no_grad():
        hidden = model.decoder(memory, model.target_embedding(batch.decoder_input_ids))
        ours = model.output.logits(hidden)[0]
        rows, _ = model.decoder.translate(memory)
    theirs = AutoTokenizer.from_pretrained(sources[kind])
    words = theirs.convert_tokens_to_ids(tokenizer.convert_ids_to_tokens(batch.decoder_input_ids[0, 1:].tolist()))
    with torch.no_grad():
        if kind == "gpt2":
            source = AutoModelForCausalLM.from_pretrained(sources[kind], dtype=torch.float32).eval()
            ids = torch.tensor([[theirs.bos_token_id, *words]])
            embedded = torch.cat((rows, source.get_input_embeddings()(ids)), dim=1)
            logits = source(inputs_embeds=embedded).logits[0, rows.shape[1] :]
        else:
            source = AutoModelForSeq2SeqLM.from_pretrained(sources[kind], dtype=torch.float32).eval()
            ids = torch.tensor([[source.config.decoder_start_token_id, *words]])
            given = BaseModelOutput(last_hidden_state=rows)
            logits = source(encoder_outputs=given, decoder_input_ids=ids).logits[0]
    order = theirs.convert_tokens_to_ids(tokenizer.convert_ids_to_tokens(list(range(5, len(tokenizer)))))
    assert_close(ours[:, 5:], logits[:, order], 1e-4)
    assert_close(ours[:, SPECIAL.eos], logits[:, theirs.eos_token_id], 1e-4)
    written = ours.softmax(-1)[:, [SPECIAL.pad, SPECIAL.bos, SPECIAL.mask]]
    assert written.max() < 1e-6


def test_two_orders_of_one_vocabulary_are_one(sources: dict[str, Path]) -> None:
    """RoBERTa's words written by GPT-2's rows: the same logits as under GPT-2's own numbers."""
    mixed, theirs = build(sources, "roberta", "gpt2")
    model, own = build(sources, "gru", "gpt2")
    order = own.convert_tokens_to_ids(theirs.convert_ids_to_tokens(list(range(len(theirs)))))
    assert order != sorted(order) and sorted(order) == list(range(len(own)))
    assert_close(mixed.target_embedding.weight, model.target_embedding.weight[order], 1e-6)
    assert_close(mixed.output.linear.weight, model.output.linear.weight[order], 1e-6)


# ---------------------------------------------------------------------------------------------- laws
@every_pair
@pytest.mark.parametrize("memory", ["none", "full"])
def test_alone_is_as_in_a_padded_batch(encoder: str, decoder: str, memory: Any, sources: dict[str, Path]) -> None:
    model, tokenizer = build(sources, encoder, decoder, memory=MemoryConfig(kind=memory), hide_style_words=True)
    model.set_style_tokens(list(range(20, 60, 3)))
    model, batch = model.double(), batch_of(tokenizer, TEXTS)
    assert not batch.attention_mask.all(), "sentences of one length show nothing"
    together = model(batch=batch, sample=True)
    for row, text in enumerate(TEXTS):
        key, style = NoiseKey(11, row, len(TEXTS)), batch.style[row : row + 1]
        alone = model(batch=replace(batch_of(tokenizer, [text]), key=key, style=style))
        length = alone.token_nll.shape[1]
        assert_close(together.latents.content.value[row], alone.latents.content.value[0], 1e-9)
        assert_close(together.token_nll[row, :length], alone.token_nll[0], 1e-9)
        assert not together.token_nll[row, length:].any()


@pytest.mark.parametrize("kind", DECODER_SOURCES)
@pytest.mark.parametrize("memory", ["none", "full"])
def test_cached_steps_are_the_full_forward_pass_for_any_rows(kind: str, memory: Any, sources: dict[str, Path]) -> None:
    model, tokenizer = build(sources, "gru", kind, memory=MemoryConfig(kind=memory))
    model, ids = model.double(), batch_of(tokenizer, TEXTS).decoder_input_ids
    rows = torch.randn(len(TEXTS), 4 if memory == "full" else 1, 8, dtype=torch.float64)
    rows[::2, 2:] = 0.0
    full = model.decoder(rows, model.target_embedding(ids))
    assert_close(stepwise(model, rows, ids), full, 1e-9)
    padded = torch.cat((rows, torch.zeros_like(rows[:, :1])), dim=1) if memory == "full" else rows
    assert_close(model.decoder(padded, model.target_embedding(ids)), full, 1e-9, "rows of zeros are padding")
    picked = torch.tensor([3, 3, 0, 5])
    state = model.decoder.start(rows, model.target_embedding)
    for column in ids[:, :3].T:
        _, state = model.decoder.step(column, state, model.target_embedding)
    before = state
    rest, again = (stepwise(model, None, ids[picked, 3:], before.select(picked)) for _ in range(2))
    assert_close(rest, full[picked, 3:], 1e-9)
    assert torch.equal(rest, again), "beams branch from one state"


def stepwise(model: StyleContentVAE, rows: Tensor | None, ids: Tensor, state: Any = None) -> Tensor:
    if state is None:
        state = model.decoder.start(rows, model.target_embedding)
    hiddens = []
    for column in ids.T:
        hidden, state = model.decoder.step(column, state, model.target_embedding)
        hiddens.append(hidden)
    return torch.stack(hiddens, dim=1)


@pytest.mark.parametrize("kind", DECODER_SOURCES)
def test_cached_steps_have_the_gradients_of_the_full_pass(kind: str, sources: dict[str, Path]) -> None:
    model, tokenizer = build(sources, "gru", kind, memory=MemoryConfig(kind="full"))
    model, ids = model.double(), batch_of(tokenizer, TEXTS[:3]).decoder_input_ids
    rows = torch.randn(3, 4, 8, dtype=torch.float64, requires_grad=True)
    parameters = [rows, *model.decoder.parameters()]
    runs = (model.decoder(rows, model.target_embedding(ids)), stepwise(model, rows, ids))
    full, cached = (torch.autograd.grad(run.square().sum(), parameters) for run in runs)
    for first, second in zip(full, cached, strict=True):
        assert_close(second, first, 1e-8)


@pytest.mark.parametrize("kind", DECODER_SOURCES)
def test_cached_steps_follow_the_precision(kind: str, sources: dict[str, Path]) -> None:
    model, tokenizer = build(sources, "gru", kind, "adapters")
    ids, rows = batch_of(tokenizer, TEXTS).decoder_input_ids, torch.randn(len(TEXTS), 1, 8)
    exact = model.decoder(rows, model.target_embedding(ids))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        low = model.decoder(rows, model.target_embedding(ids))
        assert_close(stepwise(model, rows, ids), low, 0.1)
    assert_close(low, exact, 0.1)


@every_pair
def test_one_beam_is_greedy_and_more_find_more(encoder: str, decoder: str, sources: dict[str, Path]) -> None:
    model, tokenizer = build(sources, encoder, decoder)
    batch = batch_of(tokenizer, TEXTS)
    with torch.no_grad():
        latents = model.encode(batch.input_ids, batch.attention_mask)
        memory = model.memory(latents.style.value, latents.content.value)
    parts = model.decoder, model.output, model.target_embedding
    greedy = decode(*parts, memory, DecodingConfig(max_length=12))
    one = decode(*parts, memory, DecodingConfig(strategy="beam", beam=1, max_length=12))
    assert torch.equal(greedy.tokens, one.tokens)
    wide = decode(*parts, memory, DecodingConfig(strategy="beam", beam=4, num_candidates=4, max_length=12))
    for row in range(len(TEXTS)):  # the score is that of a full pass
        tokens = wide.tokens[row, 0]
        tokens = tokens[tokens != SPECIAL.pad]
        inputs = torch.cat((torch.tensor([SPECIAL.bos]), tokens[:-1]))[None]
        with torch.no_grad():
            hidden = model.decoder(memory[row : row + 1], model.target_embedding(inputs))
            nll = model.token_nll(hidden, tokens[None]).sum()
        assert abs(float(nll) + float(wide.scores[row, 0])) < 1e-3


# ---------------------------------------------------------------------------------------------- learning
def train(model: StyleContentVAE, batch: Batch, steps: int) -> list[float]:
    optimizer = model_optimizer((p for p in model.parameters() if p.requires_grad), TrainingConfig(learning_rate=0.01))
    model.train()
    losses = []
    for _ in range(steps):
        output = model(batch=batch, sample=False)
        loss = output.token_nll.sum() / batch.num_tokens
        heads = output.style_logits[0].square().mean() + output.bag_logits.square().mean()
        (loss + 0.01 * heads).backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    return losses


@every_pair
@pytest.mark.parametrize("tuning", ["frozen", "adapters", "full"])
def test_what_is_frozen_stays_and_the_rest_learns(
    encoder: str, decoder: str, tuning: str, sources: dict[str, Path]
) -> None:
    model, tokenizer = build(sources, encoder, decoder, tuning)
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    model(batch=batch_of(tokenizer, TEXTS)).token_nll.sum().backward()
    heads = {n for n, p in model.named_parameters() if p.requires_grad and p.grad is None}
    assert all("head" in n or "prior" in n for n in heads), "data-parallel wrappers wait for every gradient"
    losses = train(model, batch_of(tokenizer, TEXTS), 25)
    moved = {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}
    bodies = {n for n in before if ".body." in n}
    adapters = {n for n in bodies if n.endswith((".down", ".up"))}
    assert bool(adapters) == (tuning == "adapters")
    assert moved & bodies == {"frozen": set(), "adapters": adapters, "full": moved & bodies}[tuning]
    if tuning == "full":
        assert len(moved & bodies) > 0.8 * len(bodies)
        assert "embedding.weight" in moved
    elif encoder != "gru":
        assert not moved & {"embedding.weight", "sentence_encoder.first"}
    assert any("content_latent" in n for n in moved)
    assert losses[-1] < losses[0] - (0.02 if tuning == "frozen" else 0.1), "what is left around frozen parts learns"


def test_adapters_begin_as_no_change(sources: dict[str, Path]) -> None:
    adapted, tokenizer = build(sources, "bart", "bart", "adapters")
    plain, _ = build(sources, "bart", "bart", "frozen")
    plain.load_state_dict({n: t for n, t in adapted.state_dict().items() if n in plain.state_dict()})
    batch = batch_of(tokenizer, TEXTS)
    assert_close(adapted(batch=batch).token_nll, plain(batch=batch).token_nll, 1e-6)


def test_a_frozen_body_has_no_dropout_in_training(sources: dict[str, Path]) -> None:
    model, tokenizer = build(sources, "bert", "gru", "frozen")
    model.train()
    batch = batch_of(tokenizer, TEXTS)
    states = [model.read(batch.input_ids, batch.attention_mask)[0].states for _ in range(2)]
    assert torch.equal(*states)
    tuned, _ = build(sources, "bert", "gru", "full")
    tuned.train()
    states = [tuned.read(batch.input_ids, batch.attention_mask)[0].states for _ in range(2)]
    assert not torch.equal(*states)


@pytest.mark.parametrize("encoder", ENCODER_SOURCES)
def test_a_gradient_reaches_points_through_a_frozen_encoder(encoder: str, sources: dict[str, Path]) -> None:
    model, tokenizer = build(sources, encoder, "gru", "frozen")
    batch = batch_of(tokenizer, TEXTS)
    points = torch.nn.functional.one_hot(batch.input_ids, len(tokenizer)).float().requires_grad_()
    read, _ = model.read(batch.input_ids, batch.attention_mask, points)
    assert_close(read.summary, model.read(batch.input_ids, batch.attention_mask)[0].summary, 1e-4)
    (gradient,) = torch.autograd.grad(read.summary.square().sum(), points)
    assert gradient[batch.attention_mask].abs().sum(-1).min() > 0


# ---------------------------------------------------------------------------------------------- saving
@every_pair
def test_a_tuned_model_needs_its_source_no_more(
    encoder: str, decoder: str, sources: dict[str, Path], tmp_path: Path
) -> None:
    own = {k: tmp_path / k for k in {encoder, decoder} - {"gru"}}
    for kind, folder in own.items():
        shutil.copytree(sources[kind], folder)
    model, tokenizer = build(own, encoder, decoder, "full", memory=MemoryConfig(kind="full"))
    train(model, batch_of(tokenizer, TEXTS), 2)
    model.eval().save_pretrained(tmp_path / "model")
    for folder in own.values():
        shutil.rmtree(folder)
    names = {p.name for p in (tmp_path / "model").iterdir()}
    assert names == {"config.json", "generation_config.json", "model.safetensors"}
    loaded, report = StyleContentVAE.from_pretrained(tmp_path / "model", output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    assert_same_bits(loaded.state_dict(), model.state_dict())
    assert_same_model(model, loaded, batch_of(tokenizer, TEXTS))


@every_pair
@pytest.mark.parametrize("tuning", ["adapters", "frozen"])
def test_files_hold_what_learns_and_name_the_rest(
    encoder: str, decoder: str, tuning: str, sources: dict[str, Path], tmp_path: Path
) -> None:
    model, tokenizer = build(sources, encoder, decoder, tuning, memory=MemoryConfig(kind="full"))
    train(model, batch_of(tokenizer, TEXTS), 2)
    model.eval().save_pretrained(tmp_path)
    saved = set(load_file(tmp_path / "model.safetensors"))
    learn = {n for n, p in model.named_parameters() if p.requires_grad}
    assert learn <= saved and not saved & model.base_names
    assert model.base_names >= {n for n in dict(model.named_parameters()) if ".body." in n} - learn
    loaded = read_model(tmp_path, StyleContentVAE)
    load_weights(loaded, tokenizer)
    assert_same_model(model, loaded, batch_of(tokenizer, TEXTS))


def test_adapters_refuse_other_weights_than_their_own(sources: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(sources["gpt2"], tmp_path / "gpt2")
    model, tokenizer = build({"gpt2": tmp_path / "gpt2"}, "gru", "gpt2", "adapters")
    model.save_pretrained(tmp_path / "model")
    weights = load_file(tmp_path / "gpt2" / "model.safetensors")
    weights["transformer.h.0.mlp.c_fc.weight"] += 0.5
    save_file(weights, tmp_path / "gpt2" / "model.safetensors", metadata={"format": "pt"})
    loaded = read_model(tmp_path / "model", StyleContentVAE)
    with pytest.raises(UserError, match="not those that this model's adapters were trained on"):
        load_weights(loaded, tokenizer)
    shutil.rmtree(tmp_path / "gpt2")
    with pytest.raises(UserError, match="gpt2"):
        load_weights(loaded, tokenizer)


def assert_same_model(model: StyleContentVAE, loaded: StyleContentVAE, batch: Batch) -> None:
    for sample in (False, True):
        with torch.no_grad():
            first, second = (m(batch=batch, sample=sample) for m in (model, loaded))
        assert_close(second.token_nll, first.token_nll, 1e-5)
        assert_close(second.latents.content.value, first.latents.content.value, 1e-5)


# ---------------------------------------------------------------------------------------------- a sentence as words
def words_model(sources: dict[str, Path], **options: Any) -> tuple[StyleContentVAE, PreTrainedTokenizerFast]:
    torch.manual_seed(0)
    tokenizer = vocabulary(sources, "gru", "gpt2")
    config = shape(sources, "gru", "gpt2", "adapters", memory=MemoryConfig(kind="words"), **options)
    config = describe(replace(config, content=LatentConfig(size=WIDTH - 3)))
    model = StyleContentVAE(pretrained_config(config, len(tokenizer), 7, ("bad", "good"), 40))
    load_weights(model, tokenizer)
    return model.eval(), tokenizer


def test_a_transfer_reads_the_sentence_and_a_reconstruction_does_not(sources: dict[str, Path]) -> None:
    model, tokenizer = words_model(sources)
    batch = batch_of(tokenizer, TEXTS)
    latents = model.encode(batch.input_ids, batch.attention_mask)
    assert latents.memory is None and latents.source is not None
    ends = batch.input_ids == SPECIAL.eos
    there = batch.attention_mask & ~ends
    assert torch.equal(latents.source[there], model.target_embedding(batch.input_ids[there]))
    assert not latents.source[~there].any()
    nll = read_back(model, batch, batch.input_ids, Plan(drop=0, blank=0), None, batch.key)
    other = read_back(model, batch, batch.input_ids.roll(1, 0), Plan(drop=0, blank=0), None, batch.key)
    assert not torch.allclose(nll, other)


def test_words_alone_are_as_in_a_padded_batch(sources: dict[str, Path]) -> None:
    model, tokenizer = words_model(sources)
    model, batch, plan = model.double(), batch_of(tokenizer, TEXTS), Plan(drop=0, blank=0)
    together = read_back(model, batch, batch.input_ids, plan, None, batch.key)
    for row, text in enumerate(TEXTS):
        one = replace(batch_of(tokenizer, [text]), style=batch.style[row : row + 1])
        alone = read_back(model, one, one.input_ids, plan, None, NoiseKey(11, row, len(TEXTS)))
        assert_close(together[row, : alone.shape[1]], alone[0], 1e-9)


def test_a_step_can_spare_the_reconstruction(sources: dict[str, Path]) -> None:
    model, tokenizer = words_model(sources)
    batch = batch_of(tokenizer, TEXTS)
    assert model(batch=batch).token_nll.any()
    model.reconstructs = False
    assert not model(batch=batch).token_nll.any()


def test_sixteen_bits_for_what_does_not_learn(sources: dict[str, Path]) -> None:
    model, tokenizer = words_model(sources)
    batch, plan = batch_of(tokenizer, TEXTS), Plan(drop=0, blank=0)
    before = read_back(model, batch, batch.input_ids, plan, None, batch.key)
    compute_base_in(model, torch.bfloat16)
    learn = {n: p.dtype for n, p in model.named_parameters() if p.requires_grad}
    assert set(learn.values()) == {torch.float32} and model.output.linear.weight.dtype == torch.bfloat16
    with torch.autocast("cpu", dtype=torch.bfloat16):
        after = read_back(model, batch, batch.input_ids, plan, None, batch.key)
    assert_close(after.float(), before, 0.1)


@pytest.mark.parametrize(
    ("decoder", "size", "message"), [("gru", 9, "causal"), ("bart", 9, "causal"), ("gpt2", 5, "width")]
)
def test_words_need_a_decoder_that_reads_them(decoder: str, size: int, message: str, sources: dict[str, Path]) -> None:
    config = shape(sources, "gru", decoder, "adapters", memory=MemoryConfig(kind="words"))
    config = describe(replace(config, content=LatentConfig(size=size), embedding_size=WIDTH))
    with pytest.raises(UserError, match=message):
        StyleContentVAE(pretrained_config(config, 500, 7, ("bad", "good"), 40))


def test_sixteen_bit_weights_load(sources: dict[str, Path], tmp_path: Path) -> None:
    model, tokenizer = build(sources, "bart", "bart", "adapters")
    batch = batch_of(tokenizer, TEXTS)
    before = model(batch=batch, sample=False).token_nll
    model.half().save_pretrained(tmp_path)
    loaded = read_model(tmp_path, StyleContentVAE)
    load_weights(loaded, tokenizer)
    assert all(p.dtype == torch.float32 for p in loaded.parameters())
    assert_close(loaded(batch=batch, sample=False).token_nll, before, 0.02)


def test_a_model_that_names_foreign_code_is_refused(sources: dict[str, Path], tmp_path: Path) -> None:
    build(sources, "bert", "gru")[0].save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["sentence_encoder"]["network"]["network"]["model_type"] = "theirs"
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="encoder"):
        StyleContentVAE.from_pretrained(tmp_path)


# ---------------------------------------------------------------------------------------------- what is refused
def refused(message: str, sources: dict[str, Path], encoder: str, decoder: str, **options: Any) -> None:
    with pytest.raises(UserError, match=message):
        build(sources, encoder, decoder, **options)


def test_wrong_kinds_are_refused(sources: dict[str, Path]) -> None:
    refused("no text encoder.*BERT", sources, "gpt2", "gru")
    refused("left to right.*GPT-2", sources, "gru", "bert")
    refused("share their vocabulary", sources, "bert", "gpt2")
    refused("output adaptive", sources, "gru", "gpt2", output="adaptive")


def test_missing_and_pickled_weights_are_refused(sources: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="folder with config.json"):
        describe(shape({"bert": tmp_path / "nothing"}, "bert", "gru"))
    with pytest.raises(UserError, match="name on the hub"):
        describe(ModelConfig(encoder=EncoderConfig(kind="pretrained")))
    copy = {"bert": tmp_path / "bert"}
    shutil.copytree(sources["bert"], copy["bert"])
    weights = AutoModel.from_pretrained(copy["bert"]).state_dict()
    (copy["bert"] / "model.safetensors").unlink()
    torch.save(weights, copy["bert"] / "pytorch_model.bin")
    refused("no weights.*safetensors", copy, "bert", "gru")


def test_code_of_a_checkpoint_is_not_run(sources: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "bert"
    shutil.copytree(sources["bert"], folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "theirs", "auto_map": {"AutoConfig": "code.Config", "AutoModel": "code.Model"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').write('x')\n")
    refused("own code", {"bert": folder}, "bert", "gru")
    assert not (tmp_path / "ran").exists()


def test_too_few_positions_are_refused(sources: dict[str, Path]) -> None:
    tokenizer = adopt_tokenizer(str(sources["bert"]))
    config = pretrained_config(describe(shape(sources, "bert", "gru")), len(tokenizer), 7, ("a", "b"), 95)
    with pytest.raises(UserError, match="96 positions"):
        load_weights(StyleContentVAE(config), tokenizer)
