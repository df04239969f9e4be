"""The prompt of `textvae transfer` on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from textvae.commands.conversation import Conversation, converse, number
from textvae.inference.style_transfer import Candidate, StyleTransfer, TransferOptions
from textvae.volume import note

HELP = """\
A line is rewritten. Commands:
  :to LABEL       another style ({labels}){several}
  :like TEXT      the style of a sentence instead
  :strength X     0 neutral, 1 the style itself, above 1 exaggerated
  :candidates N   how many rewritings to show
  :help  :quit    (or Ctrl-D)"""


SEVERAL = "; several between commas, the others stay"


AsLine = Callable[[str, list[Candidate], TransferOptions], str]


def prompt(model: StyleTransfer, options: TransferOptions, as_json: AsLine | None = None) -> int:
    """Read, rewrite, print, until Ctrl-D or `:quit`. as_json: what is shown of a line instead of its candidates."""

    def set_target(options: TransferOptions, value: str) -> TransferOptions:
        changed = replace(options, target=wanted(value, model), like=())
        model.target(changed)
        return changed

    def set_like(options: TransferOptions, value: str) -> TransferOptions:
        changed = replace(options, target=None, like=(value,))
        model.target(changed)
        return changed

    def answer(options: TransferOptions, line: str) -> str:
        candidates = model.rewrite([line], options, judge=as_json is not None)[0]
        if as_json is not None:
            return as_json(line, candidates, options)
        if candidates[0].unchanged is not None:
            note(f"unchanged: {candidates[0].unchanged}")
        return "\n".join(c.text for c in candidates)

    conversation = Conversation(
        help=HELP.format(labels=", ".join(model.labels), several=SEVERAL if len(model.attributes) > 1 else ""),
        label=shown,
        answer=answer,
        commands={":to": set_target, ":like": set_like, ":strength": set_strength, ":candidates": set_candidates},
    )
    return converse(conversation, options)


def wanted(value: str, model: StyleTransfer) -> str | tuple[str, ...]:
    """What `:to` names: a label, or with several attributes labels between commas."""
    if value in model.labels or len(model.attributes) == 1:
        return value
    return tuple(part.strip() for part in value.split(","))


def shown(options: TransferOptions) -> str:
    """What stands before the `>`."""
    if options.target is None:
        return "like"
    if isinstance(options.target, str):
        return options.target
    named = options.target
    return (
        ", ".join(f"{name}={label}" for name, label in named.items())
        if isinstance(named, Mapping)
        else ", ".join(named)
    )


def set_strength(options: TransferOptions, value: str) -> TransferOptions:
    """`:strength X`."""
    return replace(options, strength=number(value, float))


def set_candidates(options: TransferOptions, value: str) -> TransferOptions:
    """`:candidates N`; a beam given on the command line stays where it is wide enough."""
    count = int(number(value, int))
    beam = None if options.beam is None else max(options.beam, count)
    return replace(options, num_candidates=count, beam=beam)
