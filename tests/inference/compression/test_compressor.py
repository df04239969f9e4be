"""Files: every byte comes back, damage is told, and nothing else is given out."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_run import SENTENCES

from textvae.errors import UserError
from textvae.extras.compression import compressor as module
from textvae.extras.compression.compressor import Coding, Compressor, grouped
from textvae.extras.compression.container import Reader
from textvae.extras.compression.lines import Ending, Form, LineModel, Record, records
from textvae.extras.compression.lossless import BlockCoder, Mismatch
from textvae.extras.compression.quantisers import Quantiser
from textvae.inference.latents.space import LatentSpace

QUICK = settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])

TEXT = "\n".join(
    [
        *SENTENCES[::97],
        "",
        "The food was very good. Is it really bad?",
        "MY ROOM was zyzzyva and Friendly !",
        "<s> </s> <unk> <pad> <mask>",
        "it was good .\r",
        "  two  spaces ",
        "café 日本語 \U0001f600 \u2028 e\u0301",
        "the food was very good and my room is clean and their pizza looks awful and it seemed friendly , but rude .",
        "no line feed at the end",
    ]
).encode()


# ---------------------------------------------------------------------- every byte comes back
def test_a_text_of_all_sorts_comes_back(space: LatentSpace) -> None:
    compressor = Compressor(space)
    small = compressor.compress(TEXT)
    assert compressor.decompress(small) == TEXT
    assert compressor.compress(TEXT) == small, "the same text gives the same file"


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"\n\n", b"a", b"\r\n", b"\x00\xff\n\xc3", b"x" * 70000 + b"\n" + b"y\r\n"]
)
def test_odd_files_come_back(spaces: dict[str, LatentSpace], data: bytes) -> None:
    compressor = Compressor(spaces["sentence-gaussian"])
    assert compressor.decompress(compressor.compress(data)) == data


@QUICK
@given(
    st.lists(
        st.text(max_size=30) | st.sampled_from(SENTENCES) | st.sampled_from(["The food is Bad!", "I'm zzz."]),
        max_size=6,
    )
)
def test_any_lines_of_text_come_back(spaces: dict[str, LatentSpace], lines: list[str]) -> None:
    data = "\n".join(lines).encode("utf-8", "surrogatepass")
    compressor = Compressor(spaces["style-word"])
    assert compressor.decompress(compressor.compress(data)) == data


@settings(deadline=None, max_examples=100)
@given(st.lists(st.binary(max_size=30) | st.sampled_from([b"\n", b"\r\n", b"\r"]), max_size=12), st.integers(1, 20))
def test_records_are_the_same_bytes_however_they_are_read(parts: list[bytes], size: int) -> None:
    data = b"".join(parts)
    found = list(records(data[i : i + size] for i in range(0, len(data), size)))
    ends = {Ending.NOTHING: b"", Ending.LF: b"\n", Ending.CRLF: b"\r\n"}
    assert b"".join(r.text + ends[r.ending] for r in found) == data
    assert all(b"\n" not in r.text for r in found) and found == list(records([data]))


def test_many_blocks_and_one(spaces: dict[str, LatentSpace], monkeypatch: pytest.MonkeyPatch) -> None:
    compressor = Compressor(spaces["style-word"])
    monkeypatch.setattr(module, "BLOCK_RECORDS", 5)
    assert compressor.decompress(compressor.compress(TEXT)) == TEXT
    assert [len(b) for b in grouped(records([TEXT]))][:2] == [5, 5]


def test_a_line_says_how_it_is_coded(spaces: dict[str, LatentSpace]) -> None:
    lines = LineModel(spaces["style-word"].reader)
    forms = {
        "the food was very good .": Form.AS_READ,
        "the food was very good.": Form.WRITTEN,
        "The food was very good.": Form.WRITTEN_CASED,
        "THE food Was very good .": Form.AS_READ_CASED,
    }
    for line, form in forms.items():
        words = lines.parse(line.encode())
        assert words is not None and words.form is form and lines.restore(words) == line.encode()
    unknown = lines.parse(b"the zyzzyva was Awfully good .")
    assert unknown is not None and unknown.unknown == ("zyzzyva", "awfully")
    for raw in (b"", b"\xff", b"two  spaces", b"iPhone", b"\xc3\x9f\xe2\x80\x99"):
        assert lines.parse(raw) is None


def test_latents_are_chosen_where_they_are_cheaper(
    spaces: dict[str, LatentSpace], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the kinds of z, the text comes back; here the dearest is forced."""
    space = spaces["sentence-gaussian"]
    coder, decoder = (BlockCoder(space, Quantiser("uniform", 5, 3.0)) for _ in range(2))
    plan = coder.plan

    def forced(block: list[Record]) -> object:
        found = plan(block)
        return replace(found, kinds=[coder.latent if i % 2 else 0 for i in range(len(found.kinds))])

    monkeypatch.setattr(coder, "plan", forced)
    for block in ([Record(s.encode(), Ending.LF) for s in SENTENCES[i::300]] for i in (0, 1)):
        assert decoder.decode(coder.encode(block)) == block
    assert np.array_equal(decoder.tables.frequencies, coder.tables.frequencies)
    assert decoder.kinds.frequencies[-1] > 1


# ---------------------------------------------------------------------- lossy
@pytest.mark.parametrize("kind", ["uniform", "mulaw"])
def test_a_lossy_file_has_as_many_lines_and_fine_codes_give_reconstructions(space: LatentSpace, kind: str) -> None:
    compressor = Compressor(space)
    fine = compressor.decompress(compressor.compress(TEXT, lossy=True, levels=4001, quantiser=kind))
    lines = TEXT.split(b"\n")
    assert len(fine.split(b"\n")) == len(lines)
    plain = [s for s in SENTENCES[::97]]
    reconstructed = space.decode(space.encode(plain), detokenise=False)
    found = [line.decode() for line in fine.split(b"\n")[: len(plain)]]
    assert np.mean([a == b for a, b in zip(found, reconstructed, strict=True)]) > 0.8
    assert len(compressor.compress(TEXT, lossy=True, levels=3)) < len(compressor.compress(TEXT, lossy=True, levels=33))


def test_a_codebook_codes_without_a_further_loss(spaces: dict[str, LatentSpace]) -> None:
    space = spaces["sentence-vq"]
    compressor = Compressor(space)
    lines = SENTENCES[::40]
    small = compressor.compress("\n".join(lines), lossy=True, quantiser="codebook")
    assert compressor.decompress(small).decode().split("\n") == space.decode(space.encode(lines), detokenise=False)
    assert 8 * len(small) < 5 * 4 * 1.5 * len(lines) + 8 * 400, "5 codes of 4 bits"
    with pytest.raises(UserError, match="no codebook"):
        Compressor(spaces["style-word"]).compress("a", lossy=True, quantiser="codebook")
    with pytest.raises(UserError, match="--lossy"):
        Coding(quantiser="codebook")


# ---------------------------------------------------------------------- damage
@pytest.fixture(scope="module")
def files(spaces: dict[str, LatentSpace]) -> dict[bool, bytes]:
    compressor = Compressor(spaces["sentence-gaussian"])
    text = "\n".join(SENTENCES[::60]).encode()
    return {lossy: compressor.compress(text, lossy=lossy) for lossy in (False, True)}


@QUICK
@given(st.booleans(), st.data())
def test_a_flipped_bit_is_told(
    spaces: dict[str, LatentSpace], files: dict[bool, bytes], lossy: bool, data: st.DataObject
) -> None:
    whole = files[lossy]
    place = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(UserError, match="the file"):
        Compressor(spaces["sentence-gaussian"]).decompress(bytes(changed), "the file")


@QUICK
@given(st.booleans(), st.data())
def test_a_file_cut_off_or_run_on_is_told(
    spaces: dict[str, LatentSpace], files: dict[bool, bytes], lossy: bool, data: st.DataObject
) -> None:
    compressor = Compressor(spaces["sentence-gaussian"])
    whole = files[lossy]
    with pytest.raises(UserError, match="cut off|not written by|damaged"):
        compressor.decompress(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(UserError, match="something follows its end"):
        compressor.decompress(whole + data.draw(st.binary(min_size=1, max_size=9)))


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=200))
def test_foreign_bytes_are_told(data: bytes) -> None:
    with pytest.raises(UserError):
        list(Reader(io.BytesIO(data), "x").blocks())


def test_another_model_is_told(spaces: dict[str, LatentSpace], files: dict[bool, bytes]) -> None:
    with pytest.raises(UserError, match="compressed with another model"):
        Compressor(spaces["style-word"]).decompress(files[False])


def test_other_probabilities_are_told_and_not_written_down(
    spaces: dict[str, LatentSpace], files: dict[bool, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last bits of a sum differ, as on another kind of machine: the checks of the blocks see it."""
    space = spaces["sentence-gaussian"]
    log_probs = type(space.model.network.output).log_probs
    monkeypatch.setattr(
        type(space.model.network.output), "log_probs", lambda self, hidden: log_probs(self, hidden.roll(1, 0) * 1.01)
    )
    with pytest.raises(UserError, match="block 1: it is not damaged, but decodes to another text"):
        Compressor(space).decompress(files[False], "x")
    coder = BlockCoder(space, Quantiser("uniform", 5, 3.0))
    block = next(Reader(io.BytesIO(files[False]), "x").blocks())
    with pytest.raises(Mismatch):
        coder.decode(block)


def test_a_dictionary_helps_and_must_be_given_again(spaces: dict[str, LatentSpace], tmp_path: Path) -> None:
    compressor = Compressor(spaces["style-word"])
    path = tmp_path / "words.txt"
    path.write_text("\n".join(SENTENCES))
    text = "\n".join(SENTENCES[::50]).encode()
    small = compressor.compress(text, dictionary=path)
    assert len(small) < len(compressor.compress(text))
    assert b"".join(compressor.blocks(io.BytesIO(small), "x", path)) == text
    with pytest.raises(UserError, match="needs the dictionary"):
        compressor.decompress(small)
    path.write_text("others")
    with pytest.raises(UserError, match="needs the dictionary"):
        list(compressor.blocks(io.BytesIO(small), "x", path))
    with pytest.raises(UserError, match="leave out"):
        Coding(lossy=True, dictionary=path)


def test_the_number_of_threads_does_not_matter(spaces: dict[str, LatentSpace]) -> None:
    compressor, before = Compressor(spaces["style-word"]), torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        small = compressor.compress(TEXT)
        assert torch.get_num_threads() == 2
        torch.set_num_threads(1)
        assert compressor.decompress(small) == TEXT and compressor.compress(TEXT) == small
    finally:
        torch.set_num_threads(before)
