"""What the evaluations of single runs share: a parser over a dataclass of options, and the run they are about."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeVar

from textvae.volume import add_volume, set_volume

Options = TypeVar("Options")
Part = Literal["test", "dev"]


def run_parser(prog: str, description: str | None, epilog: str, run: str, options: type, short: str = "") -> Any:
    """RUN (`run` says of what) and the fields of `options`; short: another name of one number among them, `--NAME`."""
    import jsonargparse

    from textvae.config.parsing import Formatter

    jsonargparse.set_parsing_settings(docstring_parse_attribute_docstrings=True)
    parser = jsonargparse.ArgumentParser(
        prog=prog, usage=f"{prog} RUN [OPTION ...]", description=description, epilog=epilog, formatter_class=Formatter
    )
    add_volume(parser)
    parser.add_argument("run", help=f"run directory of a {run}")
    if short:
        parser.add_argument(f"--{short.rpartition('.')[2]}", type=int, help=f"short for --{short}")
    parser.add_class_arguments(options)
    return parser


def asked(parser: Any, argv: list[str], options: type[Options]) -> tuple[Path, Options]:
    """The run, and what is asked of it."""
    built = parser.instantiate_classes(parser.parse_args(argv))
    set_volume(built)
    names = options.__dataclass_fields__  # type: ignore[attr-defined]
    return Path(built.run), options(**{name: getattr(built, name) for name in names})


def config_of(run: Path, cache: str | None) -> Any:
    """The configuration of a run, its prepared data in `cache` where one is named."""
    from textvae.config import load_config

    config = load_config(run / "config.yaml")
    config.cache = cache or config.cache
    return config


def part_of(corpus: Any, split: Part | None) -> Part:
    """The part asked for: by default test if the run has one, else dev."""
    return split or ("dev" if corpus.test is None else "test")
