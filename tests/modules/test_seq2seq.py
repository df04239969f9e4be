"""Laws of the pointer-generator network, over every kind, with and without copying, with and without a countdown."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any, get_args, get_type_hints

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from tests.laws import BOS, EOS, MASK, OWN_ENCODERS, PAD, assert_close
from textvae.errors import UserError
from textvae.modules.attentive_decoders import ATTENTIVE_DECODERS
from textvae.modules.config import Seq2SeqConfig
from textvae.modules.noise import NoiseKey
from textvae.modules.seq2seq import ANY_LENGTH, MOST_WORDS_LEFT, Memory, Seq2Seq, Seq2SeqState, Written

KINDS = sorted(ATTENTIVE_DECODERS)
ROWS, LENGTH, SOURCE, VOCABULARY = 4, 6, 9, 23
SOURCE_LENGTHS, TARGET_LENGTHS = torch.tensor([9, 4, 1, 7]), torch.tensor([3, 6, 2, 1])
"""Words of each source, and of each target with its `</s>`."""

every_kind = pytest.mark.parametrize("kind", KINDS)
both_copy = pytest.mark.parametrize("copy", [False, True])
both_countdown = pytest.mark.parametrize("countdown", [False, True])


def build(kind: str = "lstm", copy: bool = True, seed: int = 0, **options: Any) -> Seq2Seq:
    """Two layers of a few units in float64 and eval mode; no weight at its initial 0, no two widths alike."""
    torch.manual_seed(seed)
    shape = {"size": 8, "layers": 2, "heads": 2, "embedding_size": 5, **options}
    network = Seq2Seq(Seq2SeqConfig(kind=kind, copy=copy, **shape), VOCABULARY)  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return network.double().eval()


class Case:
    """Sources with repeated words, targets with words that are in the source and words that are not."""

    def __init__(self, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.mask = torch.arange(SOURCE) < SOURCE_LENGTHS[:, None]
        source = torch.randint(5, 12, (ROWS, SOURCE), generator=generator)
        self.source = torch.where(self.mask, source, PAD)
        words = torch.randint(5, VOCABULARY, (ROWS, LENGTH), generator=generator)
        words[:, 0] = self.source[:, 0]
        places = torch.arange(LENGTH)
        self.lengths = TARGET_LENGTHS - 1
        self.labels = torch.where(places < self.lengths[:, None], words, -100)
        self.labels[range(ROWS), self.lengths.tolist()] = EOS
        before = torch.where(places < self.lengths[:, None], words, PAD)
        self.inputs = torch.cat((torch.full((ROWS, 1), BOS), before[:, :-1]), dim=1)

    @property
    def one_hot(self) -> Tensor:
        return F.one_hot(self.source, VOCABULARY).double()

    def written(self, network: Seq2Seq, countdown: bool = True, source: Tensor | None = None) -> Written:
        memory = network.read(self.source if source is None else source, self.mask)
        return network.write(memory, self.inputs, self.lengths if countdown else None)


def steps(network: Seq2Seq, inputs: Tensor, state: Seq2SeqState) -> tuple[Tensor, Seq2SeqState]:
    """log p (B, L, V) word by word, and the last state."""
    made = []
    for column in inputs.unbind(1):
        log_probs, state = network.step(column, state)
        made.append(log_probs)
    return torch.stack(made, dim=1), state


def stepwise(network: Seq2Seq, memory: Memory, case: Case, countdown: bool = True) -> Tensor:
    return steps(network, case.inputs, network.start(memory, case.lengths if countdown else None))[0]


# ---------------------------------------------------------------------------------------------- lengths
@every_kind
def test_any_length_is_no_countdown_row_by_row(kind: str) -> None:
    case, network = Case(), build(kind)
    memory = network.read(case.source, case.mask)
    some = case.lengths.clone()
    some[1:3] = ANY_LENGTH
    mixed = network.log_probs(network.write(memory, case.inputs, some))
    told, free = (network.log_probs(network.write(memory, case.inputs, n)) for n in (case.lengths, None))
    assert_close(mixed[[0, 3]], told[[0, 3]])
    assert_close(mixed[1:3], free[1:3])
    assert not torch.allclose(told[1:3], free[1:3])
    assert_close(steps(network, case.inputs, network.start(memory, some))[0], mixed)


# ---------------------------------------------------------------------------------------------- one family
def test_every_kind_has_an_encoder_a_decoder_and_an_option() -> None:
    assert set(ATTENTIVE_DECODERS) == set(OWN_ENCODERS) == set(get_args(get_type_hints(Seq2SeqConfig)["kind"]))


def test_every_choice_reaches_the_networks() -> None:
    network = build("transformer", layers=3, heads=4, size=12, dropout=0.25)
    assert len(network.encoder.blocks) == len(network.decoder.blocks) == 3  # type: ignore[arg-type]
    assert network.encoder.blocks[0].attention.heads == network.decoder.blocks[0].memory.heads == 4  # type: ignore
    assert {m.p for m in network.modules() if isinstance(m, nn.Dropout)} == {0.25}
    one_way, two_ways = build("gru", bidirectional=False), build("gru", bidirectional=True)
    assert (one_way.encoder.output_size, two_ways.encoder.output_size) == (8, 16)
    assert one_way.embedding.weight.shape == (VOCABULARY, 5)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"kind": "cnn"}, "lstm"),
        ({"kind": "transformer", "size": 10, "heads": 4}, "heads"),
        ({"size": 0}, "size"),
        ({"layers": 0}, "layers"),
        ({"embedding_size": -1}, "embedding_size"),
        ({"word_dropout": 1.0}, "word_dropout"),
        ({"length_dropout": 1.0}, "length_dropout"),
        ({"dropout": -0.1}, "dropout"),
        ({"dropout": math.nan}, "dropout"),
    ],
)
def test_contradictions_are_refused_and_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(UserError, match=named):
        Seq2SeqConfig(**options)


def test_a_configuration_is_written_down_completely() -> None:
    config = Seq2SeqConfig(kind="gru", copy=False, word_dropout=0.5)
    assert Seq2SeqConfig(**asdict(config)) == config


# ---------------------------------------------------------------------------------------------- probabilities
@every_kind
@both_copy
def test_probabilities_sum_to_one_and_nll_reads_one_of_them(kind: str, copy: bool) -> None:
    network, case = build(kind, copy), Case()
    written = case.written(network)
    log_probs, nll = network.log_probs(written), network.nll(written, case.labels)
    assert log_probs.shape == (ROWS, LENGTH, VOCABULARY) and log_probs.dtype == torch.float64
    assert_close(log_probs.exp().sum(-1), torch.ones(ROWS, LENGTH), 1e-12)
    valid = case.labels >= 0
    expected = -log_probs.gather(2, case.labels.clamp(min=0)[:, :, None])[:, :, 0]
    assert_close(nll, torch.where(valid, expected, 0.0), 1e-12)
    assert (nll[~valid] == 0.0).all() and (nll[valid] > 0.0).all()


@every_kind
def test_the_mixture_is_that_of_the_parts(kind: str) -> None:
    network, case = build(kind), Case()
    written = case.written(network)
    vocabulary = network.logits(written.hidden).softmax(-1)
    copied = torch.einsum("blm,bmv->blv", written.attention, case.one_hot)
    expected = written.p_gen * vocabulary + (1 - written.p_gen) * copied
    assert_close(network.log_probs(written).exp(), expected, 1e-12)
    assert written.p_gen.shape == (ROWS, LENGTH, 1) and (written.p_gen * (1 - written.p_gen) > 0).all()
    assert written.coverage_penalty.shape == (ROWS, LENGTH)


@every_kind
def test_without_copying_only_the_vocabulary_writes(kind: str) -> None:
    network, case = build(kind, copy=False), Case()
    written = case.written(network)
    assert torch.equal(written.p_gen, torch.ones(ROWS, LENGTH, 1).double()) and written.gate is None
    assert_close(network.log_probs(written), network.logits(written.hidden).log_softmax(-1), 1e-12)


@every_kind
@both_copy
def test_nll_and_log_probs_have_the_same_gradients(kind: str, copy: bool) -> None:
    network, case = build(kind, copy), Case()
    parameters = list(network.parameters())
    written = case.written(network)
    fast = torch.autograd.grad(network.nll(written, case.labels).sum(), parameters)
    written = case.written(network)
    picked = network.log_probs(written).gather(2, case.labels.clamp(min=0)[:, :, None])[:, :, 0]
    dense = torch.autograd.grad(-(picked * (case.labels >= 0)).sum(), parameters)
    for (name, _), a, b in zip(network.named_parameters(), fast, dense, strict=True):
        assert_close(a, b, 1e-10, name)


@every_kind
@both_copy
def test_every_parameter_gets_a_gradient(kind: str, copy: bool) -> None:
    """Data-parallel training waits for all of them."""
    network, case = build(kind, copy), Case()
    nll, _ = network(case.source, case.mask, case.inputs, case.labels, case.lengths)
    nll.sum().backward()
    assert [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_a_batch_without_targets_is_no_special_case() -> None:
    network, case = build(), Case()
    nll, _ = network(case.source, case.mask, case.inputs, torch.full((ROWS, LENGTH), -100))
    nll.sum().backward()
    assert (nll == 0.0).all() and network.output_bias.grad is not None


# ---------------------------------------------------------------------------------------------- word by word
@every_kind
@both_copy
@both_countdown
def test_steps_are_the_full_pass(kind: str, copy: bool, countdown: bool) -> None:
    network, case = build(kind, copy), Case()
    memory = network.read(case.source, case.mask)
    full = network.log_probs(case.written(network, countdown))
    assert_close(stepwise(network, memory, case, countdown), full, 1e-12)
    with torch.inference_mode():
        assert_close(stepwise(network, network.read(case.source, case.mask), case, countdown), full, 1e-12)


@every_kind
@both_copy
def test_steps_have_the_gradients_of_the_full_pass(kind: str, copy: bool) -> None:
    network, case, gradients = build(kind, copy), Case(), []
    weight = torch.randn(ROWS, LENGTH, VOCABULARY, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for run in (
        lambda: network.log_probs(case.written(network)),
        lambda: stepwise(network, network.read(case.source, case.mask), case),
    ):
        gradients.append(torch.autograd.grad((run() * weight).sum(), list(network.parameters())))
    for (name, _), full, cached in zip(network.named_parameters(), *gradients, strict=True):
        assert_close(cached, full, 1e-9, name)


@every_kind
@pytest.mark.parametrize("rows", [[2, 0, 3, 1], [1, 1, 1], [3], [0, 0, 2, 2, 3, 3, 1, 1]])
def test_a_state_reorders_repeats_and_drops_rows(kind: str, rows: list[int]) -> None:
    network, case, picked = build(kind), Case(), torch.tensor(rows)
    full = network.log_probs(case.written(network))
    _, state = steps(network, case.inputs[:, :3], network.start(network.read(case.source, case.mask), case.lengths))
    rest, _ = steps(network, case.inputs[picked, 3:], state.select(picked))
    assert_close(rest, full[picked, 3:], 1e-12)


@every_kind
@pytest.mark.parametrize("simplex", [False, True])
def test_a_memory_reorders_repeats_and_drops_rows(kind: str, simplex: bool) -> None:
    network, case, picked = build(kind), Case(), torch.tensor([3, 1, 1])
    memory = network.read(case.one_hot if simplex else case.source, case.mask).select(picked)
    assert len(memory) == 3 and all(len(getattr(memory, f.name)) == 3 for f in fields(memory))
    written = network.write(memory, case.inputs[picked], case.lengths[picked])
    assert_close(network.log_probs(written), network.log_probs(case.written(network))[picked], 1e-12)


@every_kind
def test_a_state_is_not_changed_by_a_step(kind: str) -> None:
    """Beams branch from one state."""
    network, case = build(kind), Case()
    start = network.start(network.read(case.source, case.mask), case.lengths)
    first, _ = steps(network, case.inputs, start)
    first[:] = 0.0  # constraints edit log-probabilities in place
    expected, _ = steps(network, case.inputs, start)
    steps(network, case.inputs.flip(1), start)
    assert torch.equal(steps(network, case.inputs, start)[0], expected)


@every_kind
def test_every_tensor_of_a_state_has_its_rows_first(kind: str) -> None:
    network, case = build(kind), Case()
    _, state = steps(network, case.inputs[:, :2], network.start(network.read(case.source, case.mask), case.lengths))
    tensors = [getattr(part, f.name) for part in (state, state.decoder) for f in fields(part)]
    assert all(t.shape[0] == ROWS for t in tensors if isinstance(t, Tensor))


@every_kind
def test_soft_words_can_be_fed_back(kind: str) -> None:
    """A point on the simplex is the expectation of its words; a corner is its word."""
    network, case = build(kind), Case()
    memory = network.read(case.source, case.mask)
    corners = F.one_hot(case.inputs, VOCABULARY).double().requires_grad_()
    written = network.write(memory, corners, case.lengths)
    assert_close(network.log_probs(written), network.log_probs(case.written(network)), 1e-12)
    made, _ = steps(network, corners, network.start(memory, case.lengths))
    assert_close(made, network.log_probs(written), 1e-12)
    (gradient,) = torch.autograd.grad(made[:, -1].square().sum(), corners)
    assert (gradient.abs().sum(-1) > 0).all()


# ---------------------------------------------------------------------------------------------- rows and padding
@every_kind
@both_copy
def test_alone_is_as_in_a_padded_batch(kind: str, copy: bool) -> None:
    network, case = build(kind, copy), Case()
    together = case.written(network)
    nll, log_probs = network.nll(together, case.labels), network.log_probs(together)
    for row in range(ROWS):
        source, target = int(SOURCE_LENGTHS[row]), int(TARGET_LENGTHS[row])
        one = slice(row, row + 1)
        alone, written = network(
            case.source[one, :source],
            case.mask[one, :source],
            case.inputs[one, :target],
            case.labels[one, :target],
            case.lengths[one],
        )
        assert_close(alone, nll[one, :target], 1e-12)
        assert_close(network.log_probs(written), log_probs[one, :target], 1e-12)
        assert_close(written.coverage_penalty, together.coverage_penalty[one, :target], 1e-12)


@every_kind
def test_permuting_the_rows_permutes_everything(kind: str) -> None:
    network, case, order = build(kind), Case(), torch.tensor([2, 0, 3, 1])
    nll, written = network(case.source, case.mask, case.inputs, case.labels, case.lengths)
    turned = network(case.source[order], case.mask[order], case.inputs[order], case.labels[order], case.lengths[order])
    assert_close(turned[0], nll[order], 1e-12)
    assert_close(turned[1].attention, written.attention[order], 1e-12)
    assert_close(network.log_probs(turned[1]), network.log_probs(written)[order], 1e-12)


@every_kind
def test_attention_is_never_on_padding(kind: str) -> None:
    network, case = build(kind), Case()
    attention = case.written(network).attention
    assert attention.shape == (ROWS, LENGTH, SOURCE)
    assert (attention.masked_select(~case.mask[:, None]) == 0.0).all()
    assert_close(attention.sum(-1), torch.ones(ROWS, LENGTH), 1e-12)


@every_kind
def test_what_stands_in_the_padding_is_not_read(kind: str) -> None:
    network, case = build(kind), Case()
    expected = network.log_probs(case.written(network))
    rubbish = torch.where(case.mask, case.source, 8)
    assert_close(network.log_probs(case.written(network, source=rubbish)), expected, 1e-12)


@every_kind
def test_no_word_sees_the_words_after_it(kind: str) -> None:
    network, case = build(kind), Case()
    memory, full = network.read(case.source, case.mask), network.log_probs(case.written(network))
    for cut in range(1, LENGTH):
        changed = case.inputs.clone()
        changed[:, cut:] = (case.inputs[:, cut:] + 1) % VOCABULARY
        other = network.log_probs(network.write(memory, changed, case.lengths))
        assert_close(other[:, :cut], full[:, :cut], 1e-12)
        assert (other[:, cut] - full[:, cut]).abs().max() > 1e-6, "the newest word is not read"


@every_kind
def test_every_word_of_the_source_is_read(kind: str) -> None:
    network, case = build(kind, copy=False), Case()
    source = case.one_hot.requires_grad_()
    (gradient,) = torch.autograd.grad(network.log_probs(case.written(network, source=source)).square().sum(), source)
    assert (gradient.abs().sum(-1) > 0).equal(case.mask)


# ---------------------------------------------------------------------------------------------- the simplex
@every_kind
@both_copy
def test_one_hot_vectors_are_ids(kind: str, copy: bool) -> None:
    network, case, made = build(kind, copy), Case(), []
    for source in (case.source, case.one_hot):
        nll, written = network(source, case.mask, case.inputs, case.labels, case.lengths)
        gradients = torch.autograd.grad(nll.sum(), list(network.parameters()))
        made.append((nll, network.log_probs(written), written.coverage_penalty, *gradients))
    for ids, corners in zip(*made, strict=True):
        assert_close(corners, ids, 1e-10)


@every_kind
@both_copy
def test_the_gradient_reaches_a_simplex_source(kind: str, copy: bool) -> None:
    """Through the embedding, and through the copying: also at words that have no other way to matter."""
    network, case = build(kind, copy), Case()
    logits = torch.randn(ROWS, SOURCE, VOCABULARY, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    source = logits.softmax(-1).requires_grad_()
    nll, _ = network(source, case.mask, case.inputs, case.labels, case.lengths)
    (gradient,) = torch.autograd.grad(nll.sum(), source)
    assert (gradient.abs().sum(-1) > 0).equal(case.mask)
    direction = torch.randn(source.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    moved = [
        network((source + sign * 1e-6 * direction).detach(), case.mask, case.inputs, case.labels, case.lengths)[0]
        for sign in (1, -1)
    ]
    assert_close((moved[0] - moved[1]).sum() / 2e-6, (gradient * direction).sum(), 1e-6)


# ---------------------------------------------------------------------------------------------- countdown
def test_the_countdown_counts_the_words_that_are_left() -> None:
    network = build()
    left = network.words_left(torch.tensor([2, 40, 0]), torch.zeros(3, 4, 5))
    assert left.tolist() == [[2, 1, 0, 0], [31, 31, 31, 31], [0, 0, 0, 0]]
    assert network.words_left(None, torch.zeros(1, 3, 5)).tolist() == [[MOST_WORDS_LEFT + 1] * 3]
    assert network.words_left(torch.tensor([33]), torch.zeros(1, 4, 5)).tolist() == [[31, 31, 31, 30]]


@every_kind
def test_the_countdown_is_heard_at_every_word(kind: str) -> None:
    network, case = build(kind), Case()
    memory = network.read(case.source, case.mask)
    asked = [None, *(torch.full((ROWS,), n) for n in (6, 7, 31))]
    made = [network.log_probs(network.write(memory, case.inputs, n)) for n in asked]
    for i in range(len(made)):
        for j in range(i):
            assert ((made[i] - made[j]).abs().amax(-1) > 1e-6).all(), (i, j)
    shifted = network.log_probs(network.write(memory, case.inputs, torch.full((ROWS,), 99)))
    assert_close(shifted, network.log_probs(network.write(memory, case.inputs, torch.full((ROWS,), 77))), 1e-12)


def test_a_countdown_teaches_when_to_stop() -> None:
    """Trained on texts of 1 … 6 times the same word, the network ends where it was told to."""
    torch.manual_seed(0)
    network = Seq2Seq(Seq2SeqConfig(kind="gru", size=12, embedding_size=8), VOCABULARY)
    lengths = torch.arange(1, 7)
    places = torch.arange(7)
    labels = torch.where(places < lengths[:, None], 9, torch.where(places == lengths[:, None], EOS, -100))
    inputs = torch.cat((torch.full((6, 1), BOS), labels[:, :-1].clamp(min=0)), dim=1)
    source, mask = torch.full((6, 2), 9), torch.ones(6, 2, dtype=torch.bool)
    train(network, lambda: network(source, mask, inputs, labels, lengths)[0].sum() / (labels >= 0).sum(), 60, 0.02)
    _, written = network(source, mask, inputs, labels, lengths)
    assert (network.log_probs(written).argmax(-1) == labels)[labels >= 0].all()


# ---------------------------------------------------------------------------------------------- word dropout
def test_word_dropout_feeds_the_mask_in_training_only() -> None:
    network, case = build(word_dropout=0.4), Case()
    expected = case.written(network).hidden
    network.train()
    embedded = torch.zeros(500, 7, 5, dtype=torch.float64)
    dropped = network.drop_words(embedded, NoiseKey(3, 0, 500))
    blank = dropped.ne(0.0).any(-1)
    assert not blank[:, 0].any(), "<s> says where the text begins"
    assert (dropped[blank] == network.embed(torch.tensor(MASK))).all()
    assert abs(blank[:, 1:].double().mean().item() - 0.4) < 4 * math.sqrt(0.24 / 3000)
    assert not torch.equal(case.written(network).hidden, expected)
    network.eval()
    assert torch.equal(case.written(network).hidden, expected)


def test_word_dropout_is_a_function_of_its_key() -> None:
    network, case = build(word_dropout=0.5).train(), Case()
    memory = network.read(case.source, case.mask)

    def hidden(key: NoiseKey, rows: slice = slice(None)) -> Tensor:
        picked = torch.arange(ROWS)[rows]
        return network.write(memory.select(picked), case.inputs[rows], case.lengths[rows], key).hidden

    whole = hidden(NoiseKey(7, 0, ROWS))
    assert torch.equal(hidden(NoiseKey(7, 0, ROWS)), whole)
    assert not torch.equal(hidden(NoiseKey(8, 0, ROWS)), whole)
    assert_close(hidden(NoiseKey(7, 2, ROWS), slice(2, ROWS)), whole[2:], 1e-12, "a micro-batch sees its rows")


@every_kind
def test_dropout_only_in_training(kind: str) -> None:
    network, case = build(kind, dropout=0.5), Case()
    assert torch.equal(case.written(network).hidden, case.written(network).hidden)
    network.train()
    assert not torch.equal(case.written(network).hidden, case.written(network).hidden)


# ---------------------------------------------------------------------------------------------- cost
class Largest(TorchDispatchMode):
    """Numbers in the largest tensor that any operation makes."""

    size = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, (tuple, list)) else (made,):
            if isinstance(tensor, Tensor):
                self.size = max(self.size, tensor.numel())
        return made


@pytest.mark.parametrize("simplex", [False, True])
def test_nll_makes_nothing_larger_than_the_logits_of_the_words_to_predict(simplex: bool) -> None:
    """Padding does not reach the output layer, and copying adds no (B, L, V) of its own."""
    network, case = build(), Case()
    written = case.written(network, source=case.one_hot if simplex else case.source)
    with Largest() as largest:
        network.nll(written, case.labels)
    assert largest.size == int((case.labels >= 0).sum()) * VOCABULARY < ROWS * LENGTH * VOCABULARY


@every_kind
def test_teacher_forcing_has_no_python_in_the_loop_over_words(kind: str) -> None:
    network, counts = build(kind), []
    source, mask = torch.full((2, 3), 7), torch.ones(2, 3, dtype=torch.bool)
    for length in (4, 4, 16):
        inputs, calls = torch.full((2, length), 8), [0]

        def count(frame: Any, event: str, argument: Any, calls: list[int] = calls) -> None:
            calls[0] += event == "call"

        previous = sys.getprofile()
        sys.setprofile(count)
        try:
            network(source, mask, inputs, inputs)
        finally:
            sys.setprofile(previous)
        counts.append(calls[0])
    assert counts[1] == counts[2] > 10


# ---------------------------------------------------------------------------------------------- precision
@every_kind
@both_copy
def test_bf16_is_near_fp32(kind: str, copy: bool) -> None:
    network, case = build(kind, copy).float(), Case()
    exact, _ = network(case.source, case.mask, case.inputs, case.labels, case.lengths)
    exact_gradients = torch.autograd.grad(exact.sum(), list(network.parameters()))
    with torch.autocast("cpu", torch.bfloat16):
        nll, written = network(case.source, case.mask, case.inputs, case.labels, case.lengths)
        log_probs = network.log_probs(written)
        memory = network.read(case.source, case.mask)
        made = stepwise(network, memory, case)
    assert nll.dtype == log_probs.dtype == made.dtype == written.attention.dtype == torch.float32
    assert_close(log_probs.exp().sum(-1), torch.ones(ROWS, LENGTH), 1e-5)
    assert_close(nll, exact, 0.1)
    assert_close(made, log_probs, 0.1)
    gradients = torch.autograd.grad(nll.sum(), list(network.parameters()))
    error = sum((a - b).square().sum() for a, b in zip(gradients, exact_gradients, strict=True))
    assert error < 0.01 * sum(b.square().sum() for b in exact_gradients)


def test_a_simplex_source_in_bf16() -> None:
    network, case = build().float(), Case()
    exact, _ = network(case.source, case.mask, case.inputs, case.labels)
    with torch.autocast("cpu", torch.bfloat16):
        for source in (case.one_hot.float(), case.one_hot.bfloat16()):
            nll, written = network(source, case.mask, case.inputs, case.labels)
            assert_close(nll, exact, 0.1)
            assert_close(network.log_probs(written).exp().sum(-1), torch.ones(ROWS, LENGTH), 1e-3)


# ---------------------------------------------------------------------------------------------- learning
def train(network: Seq2Seq, loss: Callable[[], Tensor], updates: int, rate: float) -> None:
    optimizer = torch.optim.Adam(network.train().parameters(), rate)
    for _ in range(updates):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
    network.eval()


def copying_task(rows: int, words: tuple[int, int], seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Sources of noise in which word 5 announces the one to copy (from `words`); the target is that and `</s>`."""
    generator = torch.Generator().manual_seed(seed)
    source = torch.randint(6, 20, (rows, 8), generator=generator)
    places = torch.randint(0, 7, (rows,), generator=generator)
    wanted = torch.randint(*words, (rows,), generator=generator)
    source[range(rows), places], source[range(rows), places + 1] = 5, wanted
    labels = torch.stack((wanted, torch.full_like(wanted, EOS)), dim=1)
    inputs = torch.stack((torch.full_like(wanted, BOS), wanted), dim=1)
    return source, torch.ones(rows, 8, dtype=torch.bool), inputs, labels


def copier(kind: str, copy: bool) -> Seq2Seq:
    torch.manual_seed(0)
    shape = {"size": 32, "heads": 2, "embedding_size": 32}
    return Seq2Seq(Seq2SeqConfig(kind=kind, copy=copy, **shape), 60)  # type: ignore[arg-type]


@every_kind
@both_copy
def test_overfits_one_batch(kind: str, copy: bool) -> None:
    network, batch = copier(kind, copy), copying_task(32, (20, 60), 0)
    train(network, lambda: network(*batch)[0].mean(), 60, 0.01)
    assert network(*batch)[0].mean() < 0.05


@every_kind
def test_a_slot_that_was_never_seen_in_training_is_copied(kind: str) -> None:
    """Slots 40 … 59 occur in no training source and no target, so the vocabulary cannot write them."""
    network, batches = copier(kind, copy=True), (copying_task(64, (20, 40), seed) for seed in range(2, 1000))
    train(network, lambda: network(*next(batches))[0].mean(), 120, 0.01)
    unseen = copying_task(300, (40, 60), 1)
    with torch.no_grad():
        written = network(*unseen)[1]
        guess = network.log_probs(written)[:, 0].argmax(-1)
        vocabulary = (written.p_gen * network.logits(written.hidden).softmax(-1))[range(300), 0, unseen[3][:, 0]]
    assert (guess == unseen[3][:, 0]).double().mean() > 0.5, "chance is 1 in 8"
    assert vocabulary.mean() < 0.01
