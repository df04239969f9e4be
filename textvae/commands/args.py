"""From dataclasses to options: a flag for every field, its docstring the help; dashes, and older spellings too."""

from __future__ import annotations

from typing import Any, TypeVar

from textvae.volume import add_volume, note, set_volume

Options = TypeVar("Options")


def options_parser(prog: str, usage: str, description: str, epilog: str, options: type) -> Any:
    """A parser with a flag for every field of a dataclass; a field of a field is `--outer.inner-name`."""
    import jsonargparse

    from textvae.config.parsing import Formatter

    jsonargparse.set_parsing_settings(docstring_parse_attribute_docstrings=True)
    parser = jsonargparse.ArgumentParser(
        prog=prog, usage=usage, description=description, epilog=epilog, formatter_class=Formatter
    )
    add_volume(parser)
    parser.add_class_arguments(options)
    return dashed(parser)


def dashed(parser: Any) -> Any:
    """Show and accept dashes where options have underscores, which stay accepted."""
    for old, action in list(parser._option_string_actions.items()):
        if "_" in old:
            new = old.replace("_", "-")
            parser._option_string_actions[new] = action
            action.option_strings = [new if name == old else name for name in action.option_strings]
    return parser


def parsed(parser: Any, argv: list[str], options: type[Options]) -> tuple[Any, Options]:
    """All that was given, and the dataclass among it; a note for every option in an older spelling."""
    built = parser.instantiate_classes(parser.parse_args(argv))
    set_volume(built)
    for name in sorted({word.partition("=")[0] for word in argv if word.startswith("--")}):
        new = name.replace("_", "-")
        if new != name and new in parser._option_string_actions:
            note(f"{name} is now written {new}; both work")
    names = options.__dataclass_fields__  # type: ignore[attr-defined]
    return built, options(**{name: getattr(built, name) for name in names})
