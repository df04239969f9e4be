"""Laws of decoders, over every class in DECODERS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import get_args, get_type_hints

import pytest
import torch
from torch import Tensor, nn

from tests.laws import OWN_DECODERS, assert_close
from textvae.errors import UserError
from textvae.modules.config import DecoderConfig
from textvae.modules.decoders import DECODERS, Decoder, DecoderState, RecurrentDecoder, build_decoder
from textvae.training.config import TrainingConfig
from textvae.training.optimizers import adversary_optimizer, model_optimizer

ROWS, LENGTH, WIDTH, MEMORY, VOCABULARY = 4, 6, 5, 3, 20
SHAPES = [(kind, layers) for kind in OWN_DECODERS for layers in (1, 2)]
every_decoder = pytest.mark.parametrize(("kind", "layers"), SHAPES)
RECURRENT = ("gru", "lstm")
every_kind = pytest.mark.parametrize("kind", OWN_DECODERS)


class Writer(nn.Module):
    """A decoder with an embedding, as a model holds them."""

    def __init__(self, kind: str, layers: int = 2, seed: int = 0, attends: bool = False):
        super().__init__()
        torch.manual_seed(seed)
        config = DecoderConfig(kind=kind, size=8, layers=layers, heads=2)  # type: ignore[arg-type]
        self.decoder: Decoder = build_decoder(config, WIDTH, MEMORY, attends)
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)

    def full(self, memory: Tensor, tokens: Tensor) -> Tensor:
        return self.decoder(memory, self.embedding(tokens))

    def steps(self, state: DecoderState, tokens: Tensor) -> tuple[Tensor, DecoderState]:
        hiddens = []
        for column in tokens.T:
            hidden, state = self.decoder.step(column, state, self.embedding)
            hiddens.append(hidden)
        return torch.stack(hiddens, dim=1), state

    def stepwise(self, memory: Tensor, tokens: Tensor) -> Tensor:
        return self.steps(self.decoder.start(memory, self.embedding), tokens)[0]


def build(kind: str, layers: int = 2, seed: int = 0, attends: bool = False) -> Writer:
    return Writer(kind, layers, seed, attends).double().eval()


def inputs(memories: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    memory = torch.randn(ROWS, memories, MEMORY, generator=generator, dtype=torch.float64)
    return memory, torch.randint(VOCABULARY, (ROWS, LENGTH), generator=generator)


def test_the_dict_and_the_option_name_the_same_kinds() -> None:
    assert set(get_args(get_type_hints(DecoderConfig)["kind"])) == set(DECODERS) | {"pretrained"}


@every_decoder
def test_cached_steps_are_the_full_forward_pass(kind: str, layers: int) -> None:
    writer, (memory, tokens) = build(kind, layers), inputs()
    full = writer.full(memory, tokens)
    assert full.shape == (ROWS, LENGTH, writer.decoder.output_size)
    assert_close(writer.stepwise(memory, tokens), full, 1e-12)
    with torch.inference_mode():
        assert_close(writer.stepwise(memory, tokens), full, 1e-12)


@every_decoder
def test_cached_steps_have_the_gradients_of_the_full_pass(kind: str, layers: int) -> None:
    """Free-running training goes through `step`."""
    writer, (memory, tokens) = build(kind, layers), inputs()
    weight = torch.randn(ROWS, LENGTH, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    gradients = []
    for run in (writer.full, writer.stepwise):
        memory = memory.detach().requires_grad_()
        parameters = [memory, *writer.parameters()]
        gradients.append(torch.autograd.grad((run(memory, tokens) * weight).sum(), parameters))
    for full, cached in zip(*gradients, strict=True):
        assert_close(cached, full, 1e-10)


@every_decoder
def test_every_row_of_a_memory_is_attended_to(kind: str, layers: int) -> None:
    writer, (memory, tokens) = build(kind, layers, attends=True), inputs(memories=4)
    memory.requires_grad_()
    full = writer.full(memory, tokens)
    (gradient,) = torch.autograd.grad(full.square().sum(), memory)
    assert gradient.abs().sum(-1).min() > 0
    turned = torch.cat((memory[:, :1], memory[:, 1:].flip(1)), dim=1)
    assert_close(writer.full(turned, tokens), full, 1e-12, "attention does not see the order of the memory")
    assert_close(writer.stepwise(memory, tokens), full, 1e-12)


@every_decoder
def test_rows_of_zeros_are_no_memory(kind: str, layers: int) -> None:
    """Alone as in a padded batch; a sentence without memory, and one that never had any, are written too."""
    writer, (memory, tokens) = build(kind, layers, attends=True), inputs(memories=4)
    padding = torch.zeros(ROWS, 2, MEMORY, dtype=memory.dtype)
    padded = torch.cat((memory[:, :3], padding), dim=1)
    for run in (writer.full, writer.stepwise):
        assert_close(run(padded, tokens), run(memory[:, :3], tokens), 1e-12)
        bare, none = run(memory[:, :1], tokens), run(torch.cat((memory[:, :1], padding), dim=1), tokens)
        assert bare.isfinite().all()
        assert_close(none, bare, 1e-12)


def in_steps(writer: Writer, memory: Tensor, tokens: Tensor) -> Tensor:
    """The full pass, after a look that steps are the same, also where rows are taken out on the way."""
    full = writer.full(memory, tokens)
    assert_close(writer.stepwise(memory, tokens), full, 1e-12)
    begun, state = writer.steps(writer.decoder.start(memory, writer.embedding), tokens[:, :2])
    chosen = torch.tensor([2, 0])
    rest, _ = writer.steps(state.select(chosen), tokens[chosen, 2:])
    assert_close(torch.cat((begun[chosen], rest), dim=1), full[chosen], 1e-12, "rows keep their place")
    return full


def near(kind: str, nearness: float) -> Writer:
    """A decoder that prefers the row of the same place."""
    config = DecoderConfig(kind=kind, size=8, layers=2, nearness=nearness)  # type: ignore[arg-type]
    writer = build(kind)
    writer.decoder = build_decoder(config, WIDTH, MEMORY, attends=True).double().eval()
    return writer


@pytest.mark.parametrize("kind", RECURRENT)
def test_nearness_is_the_same_step_by_step_and_learns(kind: str) -> None:
    writer, (memory, tokens) = near(kind, 1.0), inputs(memories=LENGTH + 1)
    full = in_steps(writer, memory, tokens)
    assert isinstance(writer.decoder, RecurrentDecoder) and writer.decoder.attention is not None
    (gradient,) = torch.autograd.grad(full.square().sum(), [writer.decoder.attention.nearness])
    assert gradient.abs() > 1e-6


@pytest.mark.parametrize("kind", RECURRENT)
def test_a_great_nearness_looks_at_the_row_of_the_same_place_alone(kind: str) -> None:
    writer, (memory, tokens) = near(kind, 1e3), inputs(memories=LENGTH + 1)
    full, changed = writer.full(memory, tokens), memory.clone()
    changed[:, 3] += 1.0
    moved = (writer.full(changed, tokens) - full).abs().amax((0, 2))
    assert moved[2] > 1e-6
    assert_close(moved[[0, 1, 3, 4, 5]], torch.zeros(5, dtype=moved.dtype), 1e-12)


def placed(kind: str, places: int) -> Writer:
    """A decoder whose words each have their own reading of the vector."""
    config = DecoderConfig(kind=kind, size=8, layers=2, places=places)  # type: ignore[arg-type]
    writer = build(kind)
    writer.decoder = build_decoder(config, WIDTH, MEMORY).double().eval()
    return writer


@pytest.mark.parametrize("places", [3, LENGTH + 4])
@pytest.mark.parametrize("kind", RECURRENT)
def test_readings_by_place_are_the_same_step_by_step(kind: str, places: int) -> None:
    """In sentences that are shorter and longer than the places, and where rows are taken out on the way."""
    in_steps(placed(kind, places), *inputs())


@pytest.mark.parametrize("kind", RECURRENT)
def test_a_place_hears_its_own_reading(kind: str) -> None:
    """What is told to place 3 moves the states from there on, and none before; all that follow hear the last place."""
    writer, (memory, tokens) = placed(kind, 4), inputs()
    assert isinstance(writer.decoder, RecurrentDecoder) and writer.decoder.by_place is not None
    full = writer.full(memory, tokens)
    with torch.no_grad():
        writer.decoder.by_place.spread.bias.unflatten(0, (4, -1))[3] += 1.0
    moved = (writer.full(memory, tokens) - full).abs().amax((0, 2))
    assert_close(moved[:3], torch.zeros(3, dtype=moved.dtype), 1e-12)
    assert moved[3:].min() > 1e-6


@pytest.mark.parametrize("kind", RECURRENT)
def test_nearness_needs_something_to_look_at(kind: str) -> None:
    with pytest.raises(UserError, match="nothing to look at"):
        build_decoder(DecoderConfig(kind=kind, nearness=1.0), WIDTH, MEMORY)  # type: ignore[arg-type]


@every_decoder
def test_no_word_sees_the_words_after_it(kind: str, layers: int) -> None:
    """So padding at the end changes nothing before it."""
    writer, (memory, tokens) = build(kind, layers), inputs()
    full = writer.full(memory, tokens)
    for cut in range(1, LENGTH):
        changed = tokens.clone()
        changed[:, cut:] = (tokens[:, cut:] + 1) % VOCABULARY
        other = writer.full(memory, changed)
        assert_close(other[:, :cut], full[:, :cut], 1e-12)
        assert (other[:, cut] - full[:, cut]).abs().max() > 1e-6, "the newest word is not read"
        assert_close(writer.full(memory, tokens[:, :cut]), full[:, :cut], 1e-12)


@every_decoder
def test_every_position_reads_the_memory(kind: str, layers: int) -> None:
    """With the words fixed, z must still reach each state directly (John et al.: z at every step)."""
    writer, (memory, tokens) = build(kind, layers), inputs()
    full, other = writer.full(memory, tokens), writer.full(memory + 1.0, tokens)
    assert ((full - other).abs().amax((0, 2)) > 1e-3).all()


@every_decoder
def test_rows_do_not_touch_each_other(kind: str, layers: int) -> None:
    writer, (memory, tokens) = build(kind, layers), inputs()
    order = torch.tensor([2, 0, 3, 1])
    full = writer.full(memory, tokens)
    assert_close(writer.full(memory[order], tokens[order]), full[order], 1e-12)
    assert_close(writer.full(memory[1:2], tokens[1:2]), full[1:2], 1e-12)


@every_decoder
@pytest.mark.parametrize("rows", [[2, 0, 3, 1], [1, 1, 1], [3], [0, 0, 2, 2, 3, 3, 1, 1]])
def test_select_reorders_repeats_and_drops_rows(kind: str, layers: int, rows: list[int]) -> None:
    writer, (memory, tokens) = build(kind, layers), inputs()
    full, picked = writer.full(memory, tokens), torch.tensor(rows)
    _, state = writer.steps(writer.decoder.start(memory, writer.embedding), tokens[:, :3])
    rest, _ = writer.steps(state.select(picked), tokens[picked, 3:])
    assert_close(rest, full[picked, 3:], 1e-12)


@every_kind
def test_every_tensor_of_a_state_has_its_rows_first(kind: str) -> None:
    writer, (memory, tokens) = build(kind), inputs()
    _, state = writer.steps(writer.decoder.start(memory, writer.embedding), tokens[:, :2])
    for field in fields(state):
        value = getattr(state, field.name)
        assert not isinstance(value, Tensor) or value.shape[0] == ROWS, field.name


@every_decoder
def test_a_state_is_not_changed_by_a_step(kind: str, layers: int) -> None:
    """Beams branch from one state."""
    writer, (memory, tokens) = build(kind, layers), inputs()
    start = writer.decoder.start(memory, writer.embedding)
    first, _ = writer.steps(start, tokens)
    writer.steps(start, tokens.flip(1))
    assert torch.equal(writer.steps(start, tokens)[0], first)


# ---------------------------------------------------------------------------------------------- changes of weights
def train_step(optimizer: Callable[[list[nn.Parameter]], torch.optim.Optimizer]) -> Callable[[Writer], None]:
    def change(writer: Writer) -> None:
        moving = optimizer(list(writer.parameters()))
        for _ in range(2):
            memory, tokens = inputs()
            writer.full(memory, tokens).square().sum().backward()
            moving.step()
            moving.zero_grad()

    return change


def load(writer: Writer) -> None:
    kind = next((kind for kind, cls in DECODERS.items() if isinstance(writer.decoder, cls)), "pretrained")
    writer.load_state_dict(build(kind, seed=9).state_dict())


def edit_one_word(writer: Writer) -> None:
    with torch.no_grad():
        writer.embedding.weight[inputs()[1][0, 0]] += 1.0


def edit_the_gates(writer: Writer) -> None:
    with torch.no_grad():
        for parameter in writer.decoder.parameters():
            parameter.mul_(1.5)


def replace_the_embedding(writer: Writer) -> None:
    writer.embedding = nn.Embedding(VOCABULARY, WIDTH).double()


def through_float(writer: Writer) -> None:
    writer.to(torch.bfloat16).double()


CHANGES: dict[str, Callable[[Writer], None]] = {
    "Adam as we train": train_step(lambda ps: model_optimizer(ps, TrainingConfig(learning_rate=0.1))),
    "AdamW as we train": train_step(
        lambda ps: model_optimizer(ps, TrainingConfig(learning_rate=0.1, weight_decay=0.1))
    ),
    "RMSProp as we train": train_step(lambda ps: adversary_optimizer(ps, TrainingConfig(adversary_learning_rate=0.1))),
    "SGD": train_step(lambda ps: torch.optim.SGD(ps, lr=0.1)),
    "load_state_dict": load,
    "one word": edit_one_word,
    "the gates": edit_the_gates,
    "another embedding": replace_the_embedding,
    "another precision and back": through_float,
}


@every_kind
@pytest.mark.parametrize("change", sorted(CHANGES))
def test_cached_steps_follow_a_change_of_weights(kind: str, change: str) -> None:
    """Products of weights that are kept between calls must not outlive the weights."""
    writer, (memory, tokens) = build(kind), inputs()
    with torch.inference_mode():
        before = writer.stepwise(memory, tokens)
    CHANGES[change](writer)
    with torch.inference_mode():
        after = writer.full(memory, tokens)
        assert (after - before).abs().max() > 1e-4, "the change must show"
        assert_close(writer.stepwise(memory, tokens), after, 1e-12)


@every_kind
@pytest.mark.parametrize("order", [(True, False), (False, True)])
def test_cached_steps_follow_a_change_of_precision(kind: str, order: tuple[bool, bool]) -> None:
    writer, (memory, tokens) = build(kind).float(), inputs()
    memory = memory.float()
    with torch.inference_mode():
        for low in order:
            with torch.autocast("cpu", torch.bfloat16, enabled=low):
                stepwise, full = writer.stepwise(memory, tokens), writer.full(memory, tokens)
            assert_close(stepwise, full, 0.05 if low else 1e-5, f"bf16 {low}")
    exact = build(kind).full(*inputs())
    assert_close(stepwise, exact, 0.05 if order[1] else 1e-5)


@every_kind
def test_cached_steps_make_no_gradient_where_none_is_wanted(kind: str) -> None:
    writer, (memory, tokens) = build(kind), inputs()
    with torch.no_grad():
        assert not writer.stepwise(memory, tokens).requires_grad
    assert writer.stepwise(memory, tokens).requires_grad, "a table made without gradient must not be reused with"


@every_kind
def test_nothing_that_is_kept_is_saved(kind: str) -> None:
    writer, (memory, tokens) = build(kind), inputs()
    names = set(writer.state_dict())
    with torch.inference_mode():
        writer.stepwise(memory, tokens)
    assert set(writer.state_dict()) == names == {n for n, _ in writer.named_parameters()}


@every_kind
def test_dropout_only_in_training(kind: str) -> None:
    torch.manual_seed(0)
    config = DecoderConfig(kind=kind, size=8, layers=2, heads=2, dropout=0.5)  # type: ignore[arg-type]
    decoder, (memory, tokens) = build_decoder(config, WIDTH, MEMORY).double(), inputs()
    embedded = nn.Embedding(VOCABULARY, WIDTH).double()(tokens)
    assert not torch.equal(decoder(memory, embedded), decoder(memory, embedded))
    decoder.eval()
    assert torch.equal(decoder(memory, embedded), decoder(memory, embedded))


def test_transformer_width_must_be_a_multiple_of_its_heads() -> None:
    with pytest.raises(UserError, match="heads"):
        DecoderConfig(kind="transformer", size=10, heads=4)
