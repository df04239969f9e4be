"""From a trained `tokenizers` model to a `PreTrainedTokenizerFast`, and back from its folder."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textvae.errors import UserError
from textvae.tokenization.config import BOS, EOS, MASK, PAD, SPECIAL_TOKENS, UNK

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from tokenizers.models import Model
    from transformers import PreTrainedTokenizerFast

WORD_START = "\u2581"  # the mark a piece at the beginning of a word carries, as in sentencepiece
JOINER = "\u2060"  # invisible word joiner; `textvae.text.normalise` removes it, so no prepared text has one

# A user's literal "</s>" (or "<0x41>", the name of a byte) must not become the token of that name: the joiner
# is put behind its "<" before the model sees it and taken out when decoding.
CONTROL_NAME = r"<(?=(?:pad|s|/s|mask|0x[0-9A-F]{2})>)"
_control_name = re.compile(CONTROL_NAME)
_KEYWORDS: dict[str, Any] = {
    "pad_token": PAD,
    "bos_token": BOS,
    "eos_token": EOS,
    "unk_token": UNK,
    "mask_token": MASK,
    "split_special_tokens": True,  # never look for special tokens in a text
    "clean_up_tokenization_spaces": False,
    "padding_side": "right",
    "model_input_names": ["input_ids", "attention_mask"],
}


def training_text(text: str) -> str:
    """`text` without the special tokens that stand alone, the others escaped: no piece may be named so."""
    if "<" not in text:
        return text
    text = " ".join(word for word in text.split(" ") if word not in SPECIAL_TOKENS)
    return _control_name.sub("<" + JOINER, text.replace(UNK, "<" + JOINER + UNK[1:]))


def build(model: Model, subword: bool) -> PreTrainedTokenizerFast:
    """Wrap a trained model: ids of the text alone (no <s>, no </s>), decoding gives the prepared string back.

    `<unk>` is not "special" to the backend, because `decode(..., skip_special_tokens=True)` would otherwise
    drop unknown words without a trace.
    """
    from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers

    backend = Tokenizer(model)
    backend.normalizer = normalizers.Replace(Regex(CONTROL_NAME), "<" + JOINER)
    if subword:
        backend.pre_tokenizer = pre_tokenizers.Metaspace(WORD_START, prepend_scheme="always", split=True)
        backend.decoder = decoders.Sequence(
            [
                decoders.Replace(UNK, WORD_START + UNK),
                decoders.ByteFallback(),
                decoders.Fuse(),
                decoders.Replace(WORD_START, " "),
                decoders.Strip(" ", 1, 0),
                decoders.Replace("<" + JOINER, "<"),
            ]
        )
    else:
        backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return wrap(backend)


def wrap(backend: Tokenizer, added: Sequence[dict[str, Any]] = (), spaced_unk: bool = False) -> PreTrainedTokenizerFast:
    """Declare our five tokens, which begin the vocabulary; added: further words to look for before all pieces.

    spaced_unk: the space before a literal `<unk>` is a piece of its own, where the decoder does not put one back.
    """
    from tokenizers import AddedToken
    from transformers import PreTrainedTokenizerFast

    special = [token for token in SPECIAL_TOKENS if token != UNK]
    backend.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    backend.add_tokens([AddedToken(UNK, special=False, normalized=False, lstrip=not spaced_unk)])
    for token in sorted(added, key=lambda token: token["id"]):
        backend.add_tokens([AddedToken(**{n: v for n, v in token.items() if n != "id"})])
    return PreTrainedTokenizerFast(tokenizer_object=backend, **_KEYWORDS)


def load_tokenizer(folder: str | Path) -> PreTrainedTokenizerFast:
    """Read a tokenizer that `save_pretrained(folder)` wrote.

    Not by `from_pretrained`: that marks `<unk>` as special again (transformers 5), so decoding would drop it.
    """
    from transformers import PreTrainedTokenizerFast

    path = Path(folder) / "tokenizer.json"
    if not path.is_file():
        raise UserError(f"{path}: no such file; is {folder} the tokenizer folder of a run?")
    try:
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(path), **_KEYWORDS)
    except Exception as error:  # the Rust library raises a plain Exception for any bad file, and nothing else
        if type(error) is not Exception:
            raise
        raise UserError(f"{path}: not a readable tokenizer ({error}); restore it or train again") from error
    found = token_strings(tokenizer)[: len(SPECIAL_TOKENS)]
    if tuple(found) != SPECIAL_TOKENS:
        raise UserError(f"{path}: the first tokens are {found}, not {SPECIAL_TOKENS}; use a tokenizer of textvae")
    return tokenizer


def is_subword(tokenizer: PreTrainedTokenizerFast) -> bool:
    """Whether the tokens are pieces of words (bpe, unigram) rather than words."""
    backend: Tokenizer = tokenizer.backend_tokenizer
    return type(backend.model).__name__ != "WordLevel"


def token_ids(tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> list[list[int]]:
    """Ids of prepared strings, without `<s>` and `</s>`."""
    return tokenizer(texts, add_special_tokens=False)["input_ids"]


def token_strings(tokenizer: PreTrainedTokenizerFast) -> list[str]:
    """The V tokens in the order of their ids; pieces that begin a word are marked as ours are (`WORD_START`).

    The vocabularies of pretrained models mark them otherwise: WordPiece marks the pieces that continue a word,
    byte-level ones write a space and every other byte as a letter.
    """
    tokens = raw_tokens(tokenizer)
    backend: Tokenizer = tokenizer.backend_tokenizer
    decoder = "" if backend.decoder is None else json.dumps(json.loads(backend.to_str())["decoder"])
    if loses_spaces(tokenizer):
        prefix = json.loads(decoder)["prefix"]
        words = (
            t.removeprefix(prefix) if t.startswith(prefix) else WORD_START + t for t in tokens[len(SPECIAL_TOKENS) :]
        )
    elif '"ByteLevel"' in decoder:
        words = (_marked(backend.decoder.decode([t])) for t in tokens[len(SPECIAL_TOKENS) :])
    else:
        return tokens
    return [*tokens[: len(SPECIAL_TOKENS)], *words]


def raw_tokens(tokenizer: PreTrainedTokenizerFast) -> list[str]:
    """The V tokens in the order of their ids, as the vocabulary spells them."""
    return [str(tokenizer.convert_ids_to_tokens(i)) for i in range(len(tokenizer))]


def loses_spaces(tokenizer: PreTrainedTokenizerFast) -> bool:
    """Whether decoded text no longer tells which punctuation stood alone: WordPiece splits it off and guesses."""
    return type(tokenizer.backend_tokenizer.decoder).__name__ == "WordPiece"


def _marked(text: str) -> str:
    return WORD_START + text[1:] if text.startswith(" ") else text
