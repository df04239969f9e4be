"""Write docs/reference/ and docs/papers.md from the code: `python scripts/make_reference.py [--check]`.

Signatures and docstrings are read from the source, options from the parsers, fields from the configurations. A page
that nothing makes any more is deleted. `make docs` calls it; of its pages only papers.md is in git. With --check
nothing is written; exit code 1: a page is not current.
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import functools
import inspect
import re
import sys
import textwrap
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from docstring_parser import parse_from_object

from textvae.commands import COMMANDS, evaluate
from textvae.commands.completion import parser_of
from textvae.commands.data import make_check_parser
from textvae.config import TASKS, config_class

ROOT = Path(__file__).resolve().parent.parent
REFERENCE, PAPERS = ROOT / "docs" / "reference", ROOT / "docs" / "papers.md"
HEAD = "<!-- Written by scripts/make_reference.py: change the code, not this page. -->\n\n"
CITATION = re.compile(
    r"\b(?!ACL|EMNLP)[A-Z][\w'-]+(?:(?:, [A-Z][\w-]+)*,? (?:&|and) [A-Z][\w-]+| et al\.) (?:19|20)\d\d\b"
)
"""As docstrings write it, for papers of several people."""
TOP = "top"
"""The page of modules that are in no package."""


# ------------------------------------------------------------------------------------------------ the code
def families() -> dict[str, list[Path]]:
    """Package of textvae -> its modules."""
    found: dict[str, list[Path]] = {}
    for path in sorted((ROOT / "textvae").rglob("*.py")):
        parts = path.relative_to(ROOT / "textvae").parts
        found.setdefault(parts[0] if len(parts) > 1 else TOP, []).append(path)
    return found


def family_page(name: str, paths: list[Path]) -> str:
    """All public classes and functions of a package, with signatures and docstrings."""
    parts = [f"# textvae{'' if name == TOP else '.' + name}\n"]
    for path in paths:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        blocks = [fenced(definition(node)) for node in public(tree.body)]
        about = ast.get_docstring(tree)
        if about or blocks:
            parts.append(f"## {module}\n\n{about or ''}\n" + "".join(f"\n{block}\n" for block in blocks))
    return "\n".join(parts)


def public(nodes: list[ast.stmt]) -> Iterator[ast.ClassDef | ast.FunctionDef]:
    """Classes and functions that do not begin with an underscore."""
    for node in nodes:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            yield node


def definition(node: ast.ClassDef | ast.FunctionDef) -> str:
    """Signature and docstring; of a class also its fields and public methods."""
    if isinstance(node, ast.FunctionDef):
        returns = "" if node.returns is None else f" -> {ast.unparse(node.returns)}"
        return f"def {node.name}({ast.unparse(node.args)}){returns}" + documented(node)
    bases = ", ".join(ast.unparse(base) for base in node.bases)
    lines = [f"class {node.name}{f'({bases})' if bases else ''}" + documented(node)]
    for inner in node.body:
        if isinstance(inner, ast.AnnAssign) and not ast.unparse(inner.target).startswith("_"):
            lines.append(f"    {ast.unparse(inner)}")
        elif isinstance(inner, ast.FunctionDef) and inner.name == "__init__":
            lines.append(textwrap.indent(definition(inner), "    "))
    lines += [textwrap.indent(definition(inner), "    ") for inner in public(node.body) if ast.get_docstring(inner)]
    return "\n".join(lines)


def documented(node: ast.ClassDef | ast.FunctionDef) -> str:
    """The docstring below a signature."""
    text = ast.get_docstring(node)
    return f"\n{textwrap.indent(chr(34) * 3 + text + chr(34) * 3, '    ')}" if text else ""


def fenced(code: str) -> str:
    """A block of Python."""
    return f"```python\n{code}\n```"


# ------------------------------------------------------------------------------------------------ commands
def parsers() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Title and parser of every command, followed by those of its subcommands or tasks."""
    for name in COMMANDS:
        yield f"textvae {name}", (parser := parser_of(name))
        if name == "data":
            actions = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
            yield from ((f"textvae data {key}", sub) for key, sub in actions.choices.items() if key != "check")
            yield "textvae data check", make_check_parser("textvae data check")
        if name == "evaluate":
            for row in evaluate.rows()[1:]:
                yield f"textvae evaluate {row.title}", evaluate.make_parser("textvae evaluate", row)


def command_page() -> str:
    """Every command with its options and examples."""
    parts = ["# Commands\n", "What all of them share: [commands.md](../commands.md).\n"]
    for title, parser in parsers():
        name = title.removeprefix("textvae ")
        if name in COMMANDS:
            parts.append(f"## {title}\n\n{COMMANDS[name][0].upper()}{COMMANDS[name][1:]}.\n")
        if name == "train":
            pages = ", ".join(f"[{task.replace('_', ' ')}](configuration-{task}.md)" for task in TASKS)
            parts.append(f"Options of its configuration: {pages}.\n")
        parts.append(("" if name in COMMANDS else f"### {title}\n\n") + command_text(parser, name == "train"))
    return "\n".join(parts)


def command_text(parser: argparse.ArgumentParser, training: bool) -> str:
    """Description, options, examples; of a training not its thousand dotted options."""
    rows = [option_row(a) for a in parser._actions if a.help != argparse.SUPPRESS and not hidden(a, training)]
    table = "| option | what it does |\n|---|---|\n" + "\n".join(row for row in rows if row)
    epilog = f"\n\n```text\n{str(parser.epilog).strip()}\n```" if parser.epilog else ""
    return f"{plain(parser.description)}\n\n{table}{epilog}\n"


def hidden(action: argparse.Action, training: bool) -> bool:
    """Options that say nothing here: fields of a configuration, which have a page."""
    dotted = training and action.dest.partition(".")[0] in {
        f.name for f in dataclasses.fields(config_class("style_transfer"))
    }
    return dotted or isinstance(action, argparse._SubParsersAction)


def option_row(action: argparse.Action) -> str:
    """`| --output, -o FILE | ... |`."""
    metavar = action.metavar if isinstance(action.metavar, str) else None
    name = ", ".join(action.option_strings) or str(metavar or action.dest)
    value = "" if action.nargs == 0 or not action.option_strings else f" {metavar or action.dest.upper()}"
    choices = f" ({', '.join(map(str, action.choices))})" if action.choices else ""
    text = str(action.help or "").replace("%(default)s", str(action.default)).replace("%%", "%")
    return f"| `{name}{value}` | {cell(text + choices)} |"


def plain(text: str | None) -> str:
    """A description with its paragraphs."""
    return inspect.cleandoc(text or "")


def cell(text: str) -> str:
    """Text for a cell of a table."""
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()


# ------------------------------------------------------------------------------------------------ configurations
def configuration_page(task: str) -> str:
    """Every field of a task's configuration, with its default and docstring."""
    config = config_class(task)
    about = inspect.cleandoc(config.__doc__ or "")
    head = f"# Configuration: {task.replace('_', ' ')}\n\n{about}\n\nEach is an option `--NAME VALUE` and a YAML key.\n"
    rows = "\n".join(f"| `{name}` | {kind} | {default} | {text} |" for name, kind, default, text in fields_of(config))
    return f"{head}\n| name | type | default | meaning |\n|---|---|---|---|\n{rows}\n"


def fields_of(config: Any, prefix: str = "", instance: Any = None) -> Iterator[tuple[str, str, str, str]]:
    """Name, type, default and docstring of every leaf; defaults are those of the instance that holds it."""
    lineage = reversed(config.__mro__[:-1])
    meanings = {p.arg_name: p.description or "" for cls in lineage for p in parse_from_object(cls).params}
    instance = config() if instance is None else instance
    hints = typing.get_type_hints(config)
    for field in dataclasses.fields(config):
        value, name = getattr(instance, field.name), f"{prefix}{field.name}"
        if dataclasses.is_dataclass(value):
            yield from fields_of(type(value), f"{name}.", value)
        else:
            kind = re.sub(r"\btyping\.|textvae\.[\w.]+\.", "", type_name(hints[field.name]))
            yield (
                name,
                f"`{kind.replace('|', chr(92) + '|')}`",
                f"`{default_text(value)}`",
                cell(meanings.get(field.name, "")),
            )


def type_name(hint: Any) -> str:
    """`int | None`, `"a" | "b"`."""
    if typing.get_origin(hint) is typing.Literal:
        return " | ".join(map(str, typing.get_args(hint)))
    if isinstance(hint, type) and not typing.get_args(hint):
        return hint.__name__
    return str(hint)


def default_text(value: Any) -> str:
    """A default in one line."""
    if isinstance(value, list) and value and dataclasses.is_dataclass(value[0]):
        names = [getattr(item, "name", type(item).__name__) for item in value]
        return f"[{', '.join(names)}]"
    return str(value).replace("|", "\\|")


# ------------------------------------------------------------------------------------------------ papers
def paper_page() -> str:
    """Every paper with its values beside ours, and where it is used."""
    papers = yaml.safe_load((ROOT / "docs" / "papers.yaml").read_text(encoding="utf-8"))
    sources = {path: text_of(path) for path in sorted((ROOT / "textvae").rglob("*.py"))}
    parts = [
        "# Papers\n",
        "The paper's value beside the configuration's, and where in the code it is used. Ours are read from the YAML ",
        "files; where they differ, the comment in the file says why. Papers without numbers are listed below.\n",
    ]
    parts += [values_text(paper, sources) for paper in papers if "values" in paper]
    rows = [f"| {p['cite']} | {title(p)} | {where(p, sources)} |" for p in papers if "values" not in p]
    parts.append("## All others\n\n| paper | title | used in |\n|---|---|---|\n" + "\n".join(rows) + "\n")
    known = {name for paper in papers for name in (paper["cite"], *paper.get("also", []))}
    others = {m[0] for text in sources.values() for m in CITATION.finditer(text)}
    if left := sorted(name for name in others if not any(name.replace(",", "") in k.replace(",", "") for k in known)):
        parts.append("## Cited, without a row in papers.yaml\n")
        parts += [f"- {name}: {where({'cite': name}, sources)}" for name in left] + [""]
    return "\n".join(parts)


def text_of(path: Path) -> str:
    """A file in one line, so that a citation may be broken over two."""
    return re.sub(r"\s+", " ", path.read_text(encoding="utf-8"))


def title(paper: dict[str, Any]) -> str:
    """The title, with its link where we know one."""
    return f"[{paper['title']}]({paper['link']})" if "link" in paper else str(paper["title"])


def where(paper: dict[str, Any], sources: dict[Path, str]) -> str:
    """The modules that cite it."""
    names = [paper["cite"], *paper.get("also", [])]
    found = [path.relative_to(ROOT).as_posix() for path, text in sources.items() if any(name in text for name in names)]
    return ", ".join(f"[`{name}`](../{name})" for name in found)


def values_text(paper: dict[str, Any], sources: dict[Path, str]) -> str:
    """A table of values: the paper's, and one column for each set of configurations."""
    columns = {head: settings(tuple(ROOT / name for name in files)) for head, files in paper["columns"].items()}
    heads = [
        f"{head} ({', '.join(f'[`{Path(f).name}`](../{f})' for f in files)})" if files else head
        for head, files in paper["columns"].items()
    ]
    rows = [
        f"| `{name}` | {value} | " + " | ".join(str(look_up(config, name)) for config in columns.values()) + " |"
        for name, value in paper["values"].items()
    ]
    table = f"| value | paper | {' | '.join(heads)} |\n|{'---|' * (2 + len(heads))}\n" + "\n".join(rows)
    return f"## {paper['cite']}\n\n{title(paper)}. Used in {where(paper, sources)}.\n\n{table}\n"


@functools.cache
def settings(files: tuple[Path, ...]) -> dict[str, Any]:
    """The values of files, later ones winning, over the defaults. (The parser would take a second for each; a test
    compares with it.)"""
    read = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in files]
    task = next((values["task"] for values in read if "task" in values), "style_transfer")
    found: dict[str, Any] = dataclasses.asdict(config_class(task)())
    for values in read:
        merge(found, values)
    return found


def merge(values: dict[str, Any], changes: dict[str, Any]) -> None:
    """Change nested values in place; a number becomes what it replaces is."""
    for name, value in changes.items():
        if isinstance(value, dict) and isinstance(values.get(name), dict):
            merge(values[name], value)
        else:
            values[name] = float(value) if isinstance(values.get(name), float) else value


def look_up(values: dict[str, Any], name: str) -> Any:
    """The value of a dotted name."""
    for part in name.split("."):
        values = values[part]
    return values


# ------------------------------------------------------------------------------------------------ files
def pages() -> dict[Path, str]:
    """File -> what should be in it."""
    found = {REFERENCE / "commands.md": command_page(), PAPERS: paper_page()}
    links = ["- [commands](commands.md)"]
    for task in TASKS:
        found[REFERENCE / f"configuration-{task}.md"] = configuration_page(task)
        links.append(f"- [configuration of {task.replace('_', ' ')}](configuration-{task}.md)")
    for name, paths in families().items():
        found[REFERENCE / f"{name}.md" if name != "commands" else REFERENCE / "commands-modules.md"] = family_page(
            name, paths
        )
        links.append(
            f"- [textvae{'' if name == TOP else '.' + name}]({'commands-modules' if name == 'commands' else name}.md)"
        )
    found[REFERENCE / "index.md"] = "# Reference\n\n" + "\n".join(links) + "\n"
    return {path: HEAD + "\n".join(line.rstrip() for line in text.split("\n")) for path, text in found.items()}


def main(argv: list[str]) -> int:
    """Write, or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 where a page is not current")
    check, wanted = parser.parse_args(argv).check, pages()
    stale = [p for p, text in wanted.items() if not p.exists() or p.read_text(encoding="utf-8") != text]
    spare = [path for path in REFERENCE.glob("*.md") if path not in wanted]
    for path in (*stale, *spare):
        print(f"{path.relative_to(ROOT)} {'is not current' if check else 'written' if path in wanted else 'deleted'}")
        if not check and path in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path], encoding="utf-8")
        elif not check:
            path.unlink()
    return int(check and bool(stale or spare))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
