"""`textvae summarize` with files, pipes, a prompt, several processes, and everything that can be wrong."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from random_summarizer import CHINESE, DOCUMENTS, make_summarizer

from textvae.cli import main as cli
from textvae.commands import summarize as command
from textvae.commands.summarize import main
from textvae.errors import UserError
from textvae.inference.streaming import READ_BYTES
from textvae.inference.summarization import Summarizer

from .conftest import Call, caller, converse, torchrun

LINES = ["The company said no!", "", " ".join(DOCUMENTS[:90:29]), "a fire broke out in ohio .", "zyzzyva", "今天很好"]
TEXT = "".join(f"{line}\n" for line in LINES).encode()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return make_summarizer(tmp_path_factory.mktemp("summarize") / "run")


@pytest.fixture(scope="module")
def summarizer(run: Path) -> Summarizer:
    return Summarizer.from_pretrained(run, device="cpu", precision="fp32")


@pytest.fixture(scope="module")
def expected(summarizer: Summarizer) -> bytes:
    outputs = summarizer(LINES, words=5)
    assert len(set(outputs)) == len(LINES) and outputs[1] == ""
    return "".join(f"{line}\n" for line in outputs).encode()


@pytest.fixture
def call(run: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Call:
    return caller(main, run, monkeypatch, capsysbinary)


# ---------------------------------------------------------------------- files and pipes
def test_standard_input_to_standard_output(call: Call, expected: bytes) -> None:
    assert call("--words", 5, stdin=TEXT) == (0, expected, "")
    assert call("--words", 5, "-", stdin=TEXT[:-1].replace(b"\n", b"\r\n")) == (0, expected, "")
    assert call(stdin=b"") == (0, b"", "")


def test_files_in_order_and_an_output_file_whole_or_not_at_all(call: Call, expected: bytes, tmp_path: Path) -> None:
    first, second, target = tmp_path / "first", tmp_path / "second", tmp_path / "new" / "out.txt"
    first.write_bytes(TEXT)
    second.write_bytes(TEXT[:-1])
    assert call(first, "--words", 5, "-", second, "-o", target, stdin=b"\n") == (0, b"", "")
    assert target.read_bytes() == expected + b"\n" + expected
    code, out, err = call("--words", 5, "-o", target, stdin=TEXT + b"caf\xe9\n")
    assert (code, out) == (2, b"") and err.startswith("textvae summarize: standard input, line 7: not UTF-8")
    assert target.read_bytes() == expected + b"\n" + expected and os.listdir(target.parent) == ["out.txt"]


def test_the_lines_before_an_error_are_out(call: Call, expected: bytes) -> None:
    code, out, err = call("--words", 5, stdin=TEXT + b"caf\xe9\n" + TEXT)
    assert (code, out) == (2, expected) and "line 7" in err and "Traceback" not in err


def test_json(call: Call, summarizer: Summarizer) -> None:
    code, out, _ = call("--json", "--num-candidates", 3, "--ratio", 0.5, stdin=TEXT)
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and [r["input"] for r in rows] == LINES
    assert [len(r["candidates"]) for r in rows][:4] == [3, 1, 3, 3]
    found = summarizer.candidates(LINES, ratio=0.5, num_candidates=3)
    for row, candidates in zip(rows, found, strict=True):
        assert [c["text"] for c in row["candidates"]] == [c.text for c in candidates]
        assert [c["words"] for c in row["candidates"]] == [c.words for c in candidates]
        scores = [c["log_prob_per_token"] for c in row["candidates"]]
        assert scores == pytest.approx([c.log_prob_per_token for c in candidates], abs=1e-3)
    plain = call("--num-candidates", 3, "--ratio", 0.5, stdin=TEXT)[1].decode().split("\n")[:-1]
    assert plain == ["\t".join(c["text"] for c in r["candidates"]) for r in rows]


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (["--words", "3"], {"words": 3}),
        (["--ratio", "0.25"], {"ratio": 0.25}),
        (["--words", "7", "--min-words", "7", "--beam", "2"], {"words": 7, "min_words": 7, "beam": 2}),
        (["--beam", "1"], {"beam": 1}),
        (["--length-penalty", "0", "--min-words", "1"], {"length_penalty": 0.0, "min_words": 1}),
        (["--detokenise", "never"], {"detokenise": False}),
        (["--detokenise", "always"], {"detokenise": True}),
        (["--no-repeat-ngram", "1"], {"no_repeat_ngram": 1}),
        (["--batch-size", "2", "--allow-unk"], {"allow_unk": True}),
    ],
    ids=str,
)
def test_options_reach_the_search(
    call: Call, summarizer: Summarizer, arguments: list[str], options: dict[str, object]
) -> None:
    lines = ["A fire broke out, police said.", *DOCUMENTS[::19]]
    code, out, _ = call(*arguments, stdin="\n".join(lines).encode())
    assert (code, out.decode().split("\n")[:-1]) == (0, summarizer(lines, **options))
    if "--batch-size" not in arguments:
        assert summarizer(lines, **options) != summarizer(lines), "nothing would be seen"


def test_a_stream_is_answered_as_it_is_read(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """At no moment is more read than one block ahead of what is answered: an endless pipe fits in memory."""
    given = answered = ahead = 0
    line = b"the company said on monday that nobody was hurt .\n"

    class Endless(io.RawIOBase):
        def read(self, size: int = -1, /) -> bytes:
            nonlocal given, answered, ahead
            answered += capsysbinary.readouterr().out.count(b"\n")
            ahead = max(ahead, given - answered)
            count = 0 if given > 3_000 else size // len(line)
            given += count
            return line * count

    class Stdin:
        buffer = Endless()

        def isatty(self) -> bool:
            return False

    monkeypatch.setattr(sys, "stdin", Stdin())
    assert main([str(run), "--words", "2", "--beam", "1"]) == 0
    answered += capsysbinary.readouterr().out.count(b"\n")
    assert answered == given > 3_000 and ahead == 0
    assert given / (READ_BYTES // len(line)) >= 2, "too few blocks to show anything"


def test_it_is_a_subcommand(run: Path, expected: bytes, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(TEXT)
    assert cli(["summarize", str(run), str(tmp_path / "in"), "--words", "5", "-o", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out").read_bytes() == expected


def test_chinese_through_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    call = caller(main, make_summarizer(tmp_path / "run", "chinese"), monkeypatch, capsysbinary)
    code, out, _ = call("--words", 5, "--json", stdin="\n".join(CHINESE[::9]).encode())
    rows = [json.loads(line)["candidates"][0] for line in out.decode().splitlines()]
    assert code == 0 and len(rows) == len(CHINESE[::9])
    assert all(r["words"] == len(r["text"]) <= 5 and r["text"].isprintable() for r in rows)


# ---------------------------------------------------------------------- mistakes
def test_mistakes_are_told_in_one_line_and_exit_2(call: Call, tmp_path: Path) -> None:
    for arguments, words in (
        ([tmp_path / "none.txt"], ["none.txt", "no such file"]),
        ([tmp_path], [str(tmp_path), "folder"]),
        (["--words", "0"], ["words"]),
        (["--words", "5", "--ratio", ".3"], ["words", "ratio"]),
        (["--ratio", "30"], ["ratio", "30"]),
        (["--ratio", "nan"], ["ratio"]),
        (["--words", "5", "--min-words", "6"], ["min_words", "6"]),
        (["--beam", "2", "--num-candidates", "5"], ["beam of 2", "5"]),
        (["--device", "toaster"], ["toaster"]),
        (["--output", tmp_path], [str(tmp_path)]),
        (["--output", "/dev/null/x"], ["/dev/null/x"]),
    ):
        code, out, err = call(*arguments, stdin=TEXT)
        assert (code, out) == (2, b""), arguments
        assert all(word in err for word in words), err
        assert err.count("\n") == 1 and err.startswith("textvae summarize: ")


def test_usage_errors_exit_2_and_help_gives_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, code in ((["run", "--words", "many"], 2), (["run", "--to", "x"], 2), (["--help"], 0)):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == code
    assert "exit codes:" in capsys.readouterr().out


@pytest.mark.parametrize(("stop", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_nothing_half(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: signal.Signals, code: int
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        signal.raise_signal(stop)

    monkeypatch.setattr(Summarizer, "summarise", interrupted)
    assert call("-o", tmp_path / "out", stdin=TEXT)[0] == code
    assert os.listdir(tmp_path) == []


# ---------------------------------------------------------------------- the prompt
def test_a_conversation(call: Call, summarizer: Summarizer, monkeypatch: pytest.MonkeyPatch) -> None:
    line = DOCUMENTS[7]
    typed = [line, "", ":words 4", line, ":ratio 0.5", line, ":words 3", ":candidates 2", line, ":help"]
    code, prompts, answers, errors = converse(call, monkeypatch, typed, command.HELP)
    assert code == 0 and errors == []
    assert prompts[0] == "8 words> " and "4 words> " in prompts and "ratio 0.5> " in prompts
    assert prompts[-1] == "3 words> "
    assert answers == [
        summarizer(line),
        summarizer(line, words=4),
        summarizer(line, ratio=0.5),
        *(c.text for c in summarizer.candidates(line, words=3, num_candidates=2)),
        *command.HELP.split("\n"),
    ]


def test_nothing_ends_a_conversation_but_its_user(
    call: Call, summarizer: Summarizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = [":words many", ":words 0", ":words", ":ratio 7", ":ratio x", ":candidates 0", ":strength 1"]
    typed = [*wrong, KeyboardInterrupt, DOCUMENTS[0], ":quit", "never read"]
    code, prompts, answers, errors = converse(call, monkeypatch, typed, command.HELP, "--words", "6")
    assert code == 0 and len(errors) == len(wrong) and set(prompts) == {"6 words> "}
    assert ":words, :ratio, :candidates, :help and :quit" in errors[-1]
    assert answers[-1] == summarizer(DOCUMENTS[0], words=6)


def test_json_at_the_prompt(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, answers, _ = converse(call, monkeypatch, [DOCUMENTS[0]], command.HELP, "--json")
    assert json.loads(answers[-1])["input"] == DOCUMENTS[0]


# ---------------------------------------------------------------------- processes
def test_a_slow_pipe_is_answered_line_by_line_and_a_closed_one_is_quiet(run: Path) -> None:
    program = "import sys; from textvae.commands.summarize import main; sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(run)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1", "LC_ALL": "C"},
    )
    assert process.stdin and process.stdout and process.stderr
    for line in (DOCUMENTS[0], "", "Größe 😀"):
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
        "import sys\nfrom textvae.commands.summarize import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], stdout=subprocess.DEVNULL).returncode == 0


def test_two_processes_give_the_output_of_one(run: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.txt", tmp_path / "second.txt"
    first.write_text("\n".join([*DOCUMENTS[::9], "", LINES[2]]))  # no line feed at the end
    second.write_text("\n".join(DOCUMENTS[::7]) + "\n\n")
    out = tmp_path / "out"
    options = [run, "--precision", "fp32", "--num-candidates", 2, "--ratio", 0.4]
    result = torchrun(tmp_path, "summarize", *options, first, second, "--output", out / "two.txt")
    assert result.returncode == 0, result.stderr
    assert main([str(o) for o in (*options, first, second, "--output", out / "one.txt")]) == 0
    assert (out / "two.txt").read_text() == (out / "one.txt").read_text()
    assert sorted(os.listdir(out)) == ["one.txt", "two.txt"], "parts were left"
    shares = [int((tmp_path / f"rank{rank}of2").read_text()) for rank in range(2)]
    assert sum(shares) == first.stat().st_size + second.stat().st_size and min(shares) > 0.4 * sum(shares)


def test_several_processes_need_files(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from textvae.commands import distributed

    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(distributed, "PartialState", lambda **_: type("S", (), {"num_processes": 1})())
    code, _, err = call(__file__, "--output", tmp_path / "x")
    assert code == 2 and err.startswith("textvae summarize: 2 processes were asked for")


def test_what_fails_on_one_process_is_told_with_the_name_of_the_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from textvae.commands import distributed

    def fail() -> None:
        raise UserError("bad line")

    monkeypatch.setattr(distributed, "gather_object", lambda failures: failures)
    state = SimpleNamespace(is_main_process=True)
    assert distributed.together(fail, state, "textvae summarize") == 2  # type: ignore[arg-type]
    assert capsys.readouterr().err == "textvae summarize: bad line\n"
