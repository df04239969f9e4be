"""SmolLM2-135M with its real weights as the decoder: adapters learn, a run stays small, resumes and transfers.

Needs `textvae models download smollm2-135m` (`make test-all` fetches it where there is a network).
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from support import ROOT, run_python
from transformers import AutoModelForCausalLM, AutoTokenizer

from textvae.checkpoint import Checkpoints
from textvae.errors import UserError
from textvae.inference.style_transfer import StyleTransfer
from textvae.pretrained_names import find_source

NAME = "smollm2-135m"

try:
    SOURCE = find_source(NAME)
except UserError as missing:
    pytest.skip(str(missing), allow_module_level=True)

pytestmark = pytest.mark.slow

SENTENCE = "the food was cold and the waiter was rude ."


def write_pairs(path: Path) -> None:
    """Sentences of the bundled sample beside others of the other label: enough to move the adapters."""
    rng, rows = random.Random(0), ["style\tsentence\ttransfer\n"]
    texts = {label: (ROOT / f"data/sample/reviews.train.{label}").read_text().splitlines() for label in LABELS}
    for label, other in (LABELS, LABELS[::-1]):
        rows += [f"{label}\t{text}\t{rng.choice(texts[other])}\n" for text in texts[label][:200]]
    path.write_text("".join(rows))


LABELS = ("negative", "positive")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """A run of four steps: two, and two more after it was resumed."""
    folder = tmp_path_factory.mktemp("real")
    write_pairs(folder / "pairs.tsv")
    command = ["train.py"]
    for name in ("style_content_vae", "pretrained"):
        command += ["--config", f"configs/yelp/{name}.yaml"]
    command += ["--data.path", "data/sample", "--data.name", "reviews", "--data.labels", "null"]
    command += ["--transfer.stored", str(folder / "pairs.tsv"), "--selection.max_sentences", "4"]
    command += ["--training.batch_size", "8", "--training.max_steps", "4", "--training.evaluate_every", "4"]
    command += ["--training.checkpoint_every", "2", "--cache", str(cache), "--run", str(folder / "run")]
    done = run_python(*command)
    assert done.returncode == 0, done.stderr
    return folder / "run"


def test_the_run_holds_adapters_and_not_the_base(run: Path) -> None:
    names = {name for name in Checkpoints(run / "checkpoints").latest().tensors["model"]}  # type: ignore[union-attr]
    body = {name for name in names if ".body." in name}
    assert body and all(name.endswith((".down", ".up")) for name in body)
    assert "embedding.weight" not in names and "output.linear.weight" not in names


def test_a_resumed_training_is_the_uninterrupted_one(run: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    whole = Checkpoints(run / "checkpoints").latest()
    shutil.rmtree(copy / "checkpoints" / "step_00000004")
    done = run_python("train.py", "--run", str(copy), "--resume")
    assert done.returncode == 0, done.stderr
    again = Checkpoints(copy / "checkpoints").latest()
    assert whole is not None and again is not None and whole.step == again.step == 4
    for name, tensor in whole.tensors["model"].items():
        assert torch.equal(tensor, again.tensors["model"][name]), name


def test_it_rewrites_and_says_the_same_twice(run: Path) -> None:
    transfer = StyleTransfer.from_pretrained(run)
    first = transfer(SENTENCE, target="positive", beam=2, min_length=3)
    assert first and first == transfer(SENTENCE, target="positive", beam=2, min_length=3)
    drawn = transfer.candidates(SENTENCE, target="positive", sample=True, num_candidates=4, seed=1, min_length=3)
    assert len({c.text for c in drawn}) > 1


def test_the_decoder_computes_what_its_source_computes(run: Path) -> None:
    """Logits under our numbering, with adapters taken out, are those of the network as transformers has it."""
    transfer = StyleTransfer.from_pretrained(run, precision="fp32")
    model, text = transfer.model, " the staff was friendly and the food was"
    for name, parameter in model.named_parameters():
        if name.endswith(".up"):
            parameter.data.zero_()
    theirs, source = (
        AutoTokenizer.from_pretrained(SOURCE),
        AutoModelForCausalLM.from_pretrained(SOURCE, dtype=torch.float32),
    )
    ids = torch.tensor([transfer.reader.encode([text.strip()])[0]])
    with torch.no_grad():
        ours = model.output.logits(model.decoder.body(inputs_embeds=model.target_embedding(ids)).last_hidden_state)
        wanted = source(torch.tensor([theirs(text, add_special_tokens=False)["input_ids"]])).logits
    tokens = transfer.reader.tokenizer.convert_ids_to_tokens(range(5, 2000))
    rows = torch.tensor(theirs.convert_tokens_to_ids(tokens))
    assert (ours[0, :, 5:2000] - wanted[0][:, rows]).abs().max() < 1e-2
