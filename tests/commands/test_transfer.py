"""`textvae transfer` with files, pipes, a prompt, and everything that can be wrong."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from random_run import LABELS, SENTENCES

from textvae.commands import prompt as prompting
from textvae.commands.transfer import main
from textvae.inference.streaming import READ_BYTES
from textvae.inference.style_transfer import StyleTransfer

from .conftest import Call, converse

LINES = ["The food was very good!", "", "the staff is rude .", "it was bad . My room? Dirty!", "so cheap"]
TEXT = "".join(f"{line}\n" for line in LINES).encode()


@pytest.fixture(scope="module")
def expected(run: Path) -> bytes:
    outputs = StyleTransfer.from_pretrained(run, device="cpu", precision="fp32")(LINES, target="positive")
    assert len(set(outputs)) == len(LINES)
    return "".join(f"{line}\n" for line in outputs).encode()


# ---------------------------------------------------------------------- files and pipes
def test_standard_input_to_standard_output(call: Call, expected: bytes) -> None:
    assert call("--to", "positive", stdin=TEXT) == (0, expected, "")
    assert call("--to", "positive", "-", stdin=TEXT) == (0, expected, "")
    assert call("--to", "positive", stdin=TEXT[:-1]) == (0, expected, ""), "no line feed at the end"
    assert call("--to", "positive", stdin=TEXT.replace(b"\n", b"\r\n")) == (0, expected, "")
    assert call("--to", "positive", stdin=b"") == (0, b"", "")


def test_files_in_order_wherever_the_options_stand(call: Call, expected: bytes, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(TEXT)
    second.write_bytes(TEXT[:-1])
    assert call(first, second, "--to", "positive") == (0, expected * 2, "")
    assert call("--to", "positive", first, "-", second, stdin=b"\n") == (0, expected + b"\n" + expected, "")


def test_output_file(call: Call, expected: bytes, tmp_path: Path) -> None:
    target = tmp_path / "new" / "out.txt"
    assert call("--to", "positive", "--output", target, stdin=TEXT) == (0, b"", "")
    assert target.read_bytes() == expected
    target.write_bytes(TEXT)
    assert call("--to", "positive", target, "-o", target)[0] == 0, "a file may be rewritten in place"
    assert target.read_bytes() == expected and os.listdir(target.parent) == ["out.txt"]


def test_a_link_and_a_pipe_stay_what_they_are(call: Call, expected: bytes, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    assert call("--to", "positive", "-o", tmp_path / "link", stdin=TEXT)[0] == 0
    assert call("--to", "positive", "-o", tmp_path / "pipe", stdin=TEXT)[0] == 0
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_bytes() == expected
    assert (tmp_path / "pipe").is_fifo() and os.read(reader, 1 << 16) == expected
    os.close(reader)


def test_nothing_half_is_left(call: Call, tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    target.write_text("before")
    code, out, err = call("--to", "positive", "-o", target, stdin=TEXT + b"caf\xe9\n")
    assert (code, out) == (2, b"") and "standard input, line 6: not UTF-8" in err
    assert target.read_text() == "before" and os.listdir(tmp_path) == ["out.txt"]


def test_the_lines_before_an_error_are_out(call: Call, expected: bytes) -> None:
    code, out, err = call("--to", "positive", stdin=TEXT + b"caf\xe9\n" + TEXT)
    assert (code, out) == (2, expected) and "line 6" in err and "Traceback" not in err


def test_a_file_that_is_not_utf8_is_named(call: Call, tmp_path: Path) -> None:
    bad = tmp_path / "latin1.txt"
    bad.write_bytes(b"good\ncaf\xe9\n")
    code, _, err = call("--to", "positive", bad)
    assert code == 2 and f"{bad}, line 2" in err and "iconv" in err


def test_json(call: Call) -> None:
    code, out, _ = call("--to", "positive", "--json", "--num-candidates", 3, stdin=TEXT)
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and [r["input"] for r in rows] == LINES and {r["target"] for r in rows} == {"positive"}
    assert [len(r["candidates"]) for r in rows] == [3, 1, 3, 3, 3]
    for row in rows:
        if row["input"]:
            scores = [c["log_prob_per_token"] for c in row["candidates"]]
            assert all(0 < c["style_probability"] < 1 for c in row["candidates"])
            assert len(row["candidates"]) > 2 and (scores == sorted(scores, reverse=True) or "." in row["input"])
    plain = call("--to", "positive", "--num-candidates", 3, stdin=TEXT)[1].decode().split("\n")[:-1]
    assert plain == ["\t".join(c["text"] for c in r["candidates"]) for r in rows]


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (["--strength", "3"], {"strength": 3.0}),
        (["--beam", "4", "--length-penalty", "0.5"], {"beam": 4, "length_penalty": 0.5}),
        (
            ["--sample", "--temperature", "1.5", "--top-p", ".9", "--top-k", "20", "--seed", "3"],
            {"sample": True, "temperature": 1.5, "top_p": 0.9, "top_k": 20, "seed": 3},
        ),
        (["--detokenise", "never"], {"detokenise": False}),
        (["--batch-size", "2", "--allow-unk"], {"allow_unk": True}),
        (["--detokenise", "always"], {"detokenise": True}),
        (["--no-repeat-ngram", "1"], {"no_repeat_ngram": 1}),
    ],
    ids=str,
)
def test_options_reach_the_search(call: Call, run: Path, arguments: list[str], options: dict[str, object]) -> None:
    transfer = StyleTransfer.from_pretrained(run, device="cpu", precision="fp32")
    lines = [*LINES, *SENTENCES[::31]]
    code, out, _ = call("--to", "positive", *arguments, stdin="\n".join(lines).encode())
    assert (code, out.decode().split("\n")[:-1]) == (0, transfer(lines, "positive", **options))
    if "--batch-size" not in arguments:
        assert transfer(lines, "positive", **options) != transfer(lines, "positive"), "nothing would be seen"


def test_the_device_is_told(call: Call) -> None:
    assert call("--to", "positive", "--device", "cpu", stdin=b"good\n")[0] == 0


def test_a_stream_is_answered_as_it_is_read(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """At no moment is more read than one block ahead of what is answered: an endless pipe fits in memory."""
    given = answered = ahead = 0
    line = b"bad .\n"

    class Endless(io.RawIOBase):
        def read(self, size: int = -1, /) -> bytes:
            nonlocal given, answered, ahead
            answered += capsysbinary.readouterr().out.count(b"\n")
            ahead = max(ahead, given - answered)
            count = 0 if given > 30_000 else size // len(line)
            given += count
            return line * count

    class Stdin:
        buffer = Endless()

        def isatty(self) -> bool:
            return False

    monkeypatch.setattr(sys, "stdin", Stdin())
    assert main([str(run), "--to", "positive"]) == 0
    answered += capsysbinary.readouterr().out.count(b"\n")
    assert answered == given > 30_000 and ahead == 0
    assert given / (READ_BYTES // len(line)) >= 3, "too few blocks to show anything"


# ------------------------------------------------------------------------------------------------ mistakes
def test_mistakes_are_told_in_one_line_and_exit_2(call: Call, tmp_path: Path) -> None:
    for arguments, words in (
        (["--to", "happy"], ["'happy'", *LABELS]),
        ([], ["--to", *LABELS]),
        (["--to", "positive", tmp_path / "none.txt"], ["none.txt", "no such file"]),
        (["--to", "positive", tmp_path], [str(tmp_path), "folder"]),
        (["--to", "positive", "--beam", "2", "--num-candidates", "5"], ["beam of 2", "5"]),
        (["--to", "positive", "--temperature", "2"], ["temperature", "--sample"]),
        (["--to", "positive", "--strength", "nan"], ["strength"]),
        (["--to", "positive", "--device", "cuda:99"], ["cuda:99"]),
        (["--to", "positive", "--device", "toaster"], ["toaster"]),
        (["--to", "positive", "--output", tmp_path], [str(tmp_path)]),
        (["--to", "positive", "--output", "/dev/null/x"], ["/dev/null/x"]),
    ):
        code, out, err = call(*arguments, stdin=TEXT)
        assert (code, out) == (2, b""), arguments
        assert all(word in err for word in words), err
        assert err.count("\n") == 1 and err.startswith("textvae transfer: ")


def test_a_folder_that_is_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--to", "positive"]) == 2
    assert "no trained model" in capsys.readouterr().err


def test_usage_errors_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["run", "--beam", "many"], ["run", "--colour", "red"]):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 2


def test_help_gives_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "exit codes:" in capsys.readouterr().out


@pytest.mark.parametrize(("stop", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_nothing_half(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: signal.Signals, code: int
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        signal.raise_signal(stop)

    monkeypatch.setattr(StyleTransfer, "rewrite", interrupted)
    assert call("--to", "positive", "-o", tmp_path / "out", stdin=TEXT)[0] == code
    assert os.listdir(tmp_path) == []


# ------------------------------------------------------------------------------------------------ the prompt
HEAD = prompting.HELP.format(labels=", ".join(LABELS), several="")


def test_a_conversation(call: Call, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transfer = StyleTransfer.from_pretrained(run, device="cpu", precision="fp32")
    line = "The staff is rude!"
    code, prompts, answers, errors = converse(
        call,
        monkeypatch,
        [line, "", ":to mixed", line, ":strength 3", line, ":strength 1", ":candidates 2", line, ":( bad"],
        HEAD,
        "--to",
        "positive",
    )
    assert code == 0 and errors == []
    assert prompts[0] == "positive> " and prompts[-1] == "mixed> "
    assert answers == [
        transfer(line, "positive"),
        transfer(line, "mixed"),
        transfer(line, "mixed", strength=3),
        *(c.text for c in transfer.candidates(line, "mixed", num_candidates=2)),
        *(c.text for c in transfer.candidates(":( bad", "mixed", num_candidates=2)),
    ]


def test_nothing_ends_a_conversation_but_its_user(call: Call, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rewrite = StyleTransfer.rewrite

    def failing(self: StyleTransfer, lines: list[str], *args: object, **options: object) -> object:
        if lines == ["boom"]:
            raise RuntimeError("out of memory")
        return rewrite(self, lines, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(StyleTransfer, "rewrite", failing)
    wrong = [":to happy", ":to", ":strength much", ":strength nan", ":candidates 0", ":colour red", "boom"]
    code, prompts, answers, errors = converse(
        call, monkeypatch, [*wrong, KeyboardInterrupt, "good", ":quit", "never read"], HEAD, "--to", "positive"
    )
    assert code == 0 and len(errors) == len(wrong) and set(prompts) == {"positive> "}
    assert "negative, positive, mixed" in errors[0] and "out of memory" in errors[-1]
    assert answers[-1] == StyleTransfer.from_pretrained(run, device="cpu", precision="fp32")("good", "positive")


def test_an_exemplar_at_the_prompt(call: Call, monkeypatch: pytest.MonkeyPatch, run: Path) -> None:
    lines: list[str | type[BaseException]] = [":like so good !", "good", ":like", ":to mixed", "good"]
    code, prompts, answers, errors = converse(call, monkeypatch, lines, HEAD, "--to", "positive")
    assert code == 0 and prompts == ["positive> ", "like> ", "like> ", "like> ", "mixed> ", "mixed> "]
    transfer = StyleTransfer.from_pretrained(run, device="cpu", precision="fp32")
    assert answers == [transfer("good", like="so good !"), transfer("good", "mixed")]
    assert "no words" in errors[0] and all(error.startswith("unchanged: ") for error in errors[1:])


def test_json_at_the_prompt(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, answers, _ = converse(call, monkeypatch, ["good"], HEAD, "--to", "positive", "--json")
    assert json.loads(answers[-1])["input"] == "good"


# ------------------------------------------------------------------------------------------------ real pipes
def test_a_slow_pipe_is_answered_line_by_line_and_a_closed_one_is_quiet(run: Path) -> None:
    program = "import sys; from textvae.commands.transfer import main; sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(run), "--to", "positive"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1", "LC_ALL": "C"},
    )
    assert process.stdin and process.stdout and process.stderr
    for line in ("it was bad .", "", "Größe 😀"):
        process.stdin.write(f"{line}\n".encode())
        process.stdin.flush()
        answer = process.stdout.readline()  # hangs if the line waits for more input
        assert answer.endswith(b"\n") and (answer == b"\n") == (not line)
    process.stdout.close()
    process.stdin.write(b"good\n" * 10)
    process.stdin.close()
    assert process.wait(timeout=300) == 0
    assert process.stderr.read() == b""
    process.stderr.close()


def test_the_help_needs_no_torch() -> None:
    program = (
        "import sys\nfrom textvae.commands.transfer import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], stdout=subprocess.DEVNULL).returncode == 0


def test_every_sentence_of_a_corpus_passes(call: Call) -> None:
    code, out, _ = call("--to", "negative", stdin="\n".join(SENTENCES).encode())
    assert code == 0 and out.count(b"\n") == len(SENTENCES)
