"""The tokenizer of a pretrained model, renumbered so that its special tokens are ours.

Every batch, mask and search of this project counts on `<pad> <s> </s> <unk> <mask>` being the ids 0 to 4. Pretrained
vocabularies put theirs elsewhere, give two roles to one token (GPT-2) or leave roles out. So the vocabulary is
renumbered once, when a run begins: our five tokens first, then every other token in its own order, control tokens left
out. Pieces, merges and scores stay what they are. The rows of the pretrained embeddings are taken in the new order when
the weights are read (`textvae.models.pretrained`), which makes the two numberings the same function of a text. Nothing
else in the project has to know, and the saved tokenizer and weights need the original no more.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textvae.errors import UserError
from textvae.tokenization.config import SPECIAL_TOKENS, UNK, UNK_ID
from textvae.tokenization.pretrained import CONTROL_NAME, JOINER, wrap

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

_ROLES: dict[str, tuple[str, ...]] = {
    "pad": ("pad_token",),
    "bos": ("bos_token", "cls_token"),
    "eos": ("eos_token", "sep_token"),
    "unk": ("unk_token",),
    "mask": ("mask_token",),
}


@dataclass(frozen=True)
class SourceVocabulary:
    """A pretrained vocabulary. ids: of every token; roles: id of the tokens that pad, begin, end ... where it has them.

    begins: a sentence starts with the token of role `bos` (BERT's [CLS]) when its tokenizer adds special tokens.
    """

    ids: dict[str, int]
    roles: dict[str, int]
    begins: bool

    def row(self, token: str) -> int | None:
        """Id of an ordinary token in the pretrained model; None where it has no such token."""
        return self.ids.get(token)


def read_pretrained_tokenizer(source: str) -> PreTrainedTokenizerBase:
    """The tokenizer of a hub name or folder. Raises UserError where there is none or it cannot be read as data."""
    from transformers import AutoTokenizer

    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    except Exception as error:  # missing files, no network, damaged JSON, foreign code: the library raises them all
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"{source}: no tokenizer can be read ({reason}); give the name of a model on the hub (and be online once), "
            f"or a folder with its tokenizer.json"
        ) from error
    if not getattr(tokenizer, "is_fast", False):
        raise UserError(
            f"{source}: the tokenizer has no fast version (tokenizer.json); convert it, or use another model"
        )
    return tokenizer


def source_vocabulary(source: str) -> SourceVocabulary:
    """The tokens of a pretrained model by their ids there."""
    tokenizer = read_pretrained_tokenizer(source)
    ids: dict[str, int] = tokenizer.get_vocab()
    roles = {role: ids[name] for role in _ROLES if (name := _token(tokenizer, role)) in ids}
    first = tokenizer("a")["input_ids"][:1]
    return SourceVocabulary(ids, roles, begins="bos" in roles and first == [roles["bos"]])


def adopt_tokenizer(source: str) -> PreTrainedTokenizerFast:
    """The tokenizer of a hub name or folder under our numbers."""
    from tokenizers import Tokenizer

    tokenizer: Any = read_pretrained_tokenizer(source)
    values = json.loads(tokenizer.backend_tokenizer.to_str())
    control = {t["content"] for t in values["added_tokens"] if t["special"]}
    control |= {name for role in _ROLES if (name := _token(tokenizer, role))}
    added = [t for t in values["added_tokens"] if t["content"] not in control | set(SPECIAL_TOKENS)]
    try:
        order = _renumber(values["model"], control, [t["content"] for t in added])
        values["normalizer"] = _normalizer(values)
        values |= {"added_tokens": [], "post_processor": None, "truncation": None, "padding": None}
        backend = Tokenizer.from_str(json.dumps(values))
        return wrap(backend, [{**token, "id": order[token["content"]]} for token in added], spaced_unk=True)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{source}: its tokenizer cannot be renumbered ({error!r}); use another model") from error


def _token(tokenizer: PreTrainedTokenizerBase, role: str) -> str | None:
    """The first token that plays a role."""
    return next((str(t) for name in _ROLES[role] if (t := getattr(tokenizer, name, None)) is not None), None)


def _renumber(model: dict[str, Any], control: set[str], added: list[str]) -> dict[str, int]:
    """Change the vocabulary of a `tokenizers` model in place; the new id of every token."""
    gone = control | set(SPECIAL_TOKENS)
    if model["type"] == "Unigram":
        scored = {piece: score for piece, score in model["vocab"] if piece not in gone}
        tokens = [*SPECIAL_TOKENS, *scored]
        model["vocab"] = [[t, scored.get(t, 0.0)] for t in tokens]
        model["unk_id"] = UNK_ID
    else:
        kept = sorted(model["vocab"].items(), key=lambda item: item[1])
        tokens = [*SPECIAL_TOKENS, *(token for token, _ in kept if token not in gone)]
        model["vocab"] = {token: i for i, token in enumerate(tokens)}
        if model["type"] != "BPE" or model.get("unk_token") is not None:  # byte-level vocabularies know every text
            model["unk_token"] = UNK
    order = {token: i for i, token in enumerate(tokens)}
    for token in added:
        order.setdefault(token, len(order))
    return order


def _normalizer(values: dict[str, Any]) -> dict[str, Any]:
    """The tokenizer's own, then the escape of our token names, then, for bytes, a space before the first word.

    That space makes the first word the same tokens as the word within a sentence, as everywhere in this project, where
    words of a long sentence are also read one by one. It comes last: an own normalizer may strip it.
    """
    steps = [] if values["normalizer"] is None else [values["normalizer"]]
    steps.append({"type": "Replace", "pattern": {"Regex": CONTROL_NAME}, "content": "<" + JOINER})
    if '"ByteLevel"' in json.dumps(values["pre_tokenizer"]):
        steps.append({"type": "Prepend", "prepend": " "})
    return {"type": "Sequence", "normalizers": steps}
