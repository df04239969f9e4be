"""Train a word, BPE or unigram tokenizer on a stream of prepared strings. Same texts, same tokenizer."""

from __future__ import annotations

import io
import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from textvae.errors import UserError
from textvae.pretrained_names import find_source
from textvae.tokenization.config import MASK, NUM_BYTES, SPECIAL_TOKENS, UNK, UNK_ID, TokenizerConfig
from textvae.tokenization.pretrained import CONTROL_NAME, JOINER, WORD_START, build, training_text, wrap

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
        tokenizer: Any = AutoTokenizer.from_pretrained(find_source(source), trust_remote_code=False)
    except UserError:
        raise
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


_MAX_TYPES = 2_000_000  # distinct words counted, about 250 MB; English needs some 100 million words for them
_MAX_PIECE = 16  # characters, as in sentencepiece
_MAX_SEED_STEPS = 4_000_000  # substrings counted for the unigram's seeds; 100,000 words need about this many
_SENTENCEPIECE: dict[str, Any] = {
    "input_format": "tsv",
    "model_type": "unigram",
    "hard_vocab_limit": False,  # a small corpus has fewer pieces than asked for
    "byte_fallback": True,
    "split_by_unicode_script": False,  # n't and _num_ may be one piece
    "split_by_number": False,
    "normalization_rule_name": "identity",
    "remove_extra_whitespaces": False,
    "control_symbols": [MASK],
    "num_threads": 1,  # the order of sums decides ties
    "minloglevel": 3,
    **{f"{name}_id": i for i, name in enumerate(("pad", "bos", "eos", "unk"))},
    **{f"{name}_piece": SPECIAL_TOKENS[i] for i, name in enumerate(("pad", "bos", "eos", "unk"))},
}
_NO_WORDS = "there is no word in the training texts, so no tokenizer can be made; check the data files"


def train_tokenizer(config: TokenizerConfig, texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """Train on prepared strings (read once, never held). Ids 0-4 are <pad> <s> </s> <unk> <mask>.

    Raises UserError where the texts hold no words or the vocabulary cannot be made.
    """
    return _TRAINERS[config.kind](config, (training_text(text) for text in texts))


def count_words(texts: Iterable[str], max_types: int = _MAX_TYPES) -> list[tuple[str, int]]:
    """(word, count), most frequent first, ties by the alphabet; past `max_types` no new word is counted."""
    counts: Counter[str] = Counter()
    for text in texts:
        words = text.split()
        counts.update(words if len(counts) < max_types else [word for word in words if word in counts])
    if not counts:
        raise UserError(_NO_WORDS)
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _train_word(config: TokenizerConfig, texts: Iterable[str]) -> PreTrainedTokenizerFast:
    from tokenizers.models import WordLevel

    counted = count_words(texts)
    kept = [word for word, count in counted if count >= config.min_frequency and JOINER not in word]
    if not kept:
        raise UserError(f"no word occurs {config.min_frequency} times; lower tokenizer.min_frequency or add data")
    tokens = [*SPECIAL_TOKENS, *kept][: config.vocab_size]
    return build(WordLevel({token: i for i, token in enumerate(tokens)}, unk_token=UNK), subword=False)


def _train_bpe(config: TokenizerConfig, texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """Byte pair encoding (Sennrich et al. 2016) of characters; those outside the alphabet are UTF-8 bytes."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    size = config.vocab_size - len(SPECIAL_TOKENS) - NUM_BYTES
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.Metaspace(WORD_START, prepend_scheme="always", split=True)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=config.min_frequency,
        limit_alphabet=max(1, size // 2),  # a Chinese corpus must leave room for merges
        initial_alphabet=[WORD_START],
        show_progress=False,
    )
    lines = (text for text in texts if text)
    first = next(lines, None)
    if first is None:
        raise UserError(_NO_WORDS)
    learner.train_from_iterator(chain([first], lines), trainer)
    learned = json.loads(learner.to_str())["model"]
    pieces = sorted(learned["vocab"], key=learned["vocab"].__getitem__)
    vocab = {token: i for i, token in enumerate([*SPECIAL_TOKENS, *_byte_tokens(), *pieces])}
    merges = [tuple(merge) for merge in learned["merges"]]
    return build(models.BPE(vocab, merges, unk_token=UNK, byte_fallback=True), subword=True)


def _train_unigram(config: TokenizerConfig, texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """Unigram language model (Kudo 2018): sentencepiece's, with its pieces, scores and byte fallback."""
    return _convert_unigram(train_sentencepiece(config, texts))


def train_sentencepiece(config: TokenizerConfig, texts: Iterable[str]) -> bytes:
    """The unigram model as sentencepiece writes it.

    sentencepiece is given words with counts and our own seed pieces. Its own seeds are the substrings that
    more than one character follows, and in tokenised text a whole word is always followed by a space: `this`
    became `thi s`, and of 8,000 pieces a Yelp word took 1.29 (with these seeds 1.02).
    """
    import sentencepiece

    words = [(word, count) for word, count in count_words(texts) if len(word.encode()) < 4000]
    written = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        seeds = os.path.join(folder, "seeds.tsv")
        with open(seeds, "w", encoding="utf-8", newline="\n") as handle:
            handle.writelines(f"{piece}\t{count}\n" for piece, count in _seed_pieces(words))
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=(f"{word}\t{count}" for word, count in words),
                model_writer=written,
                vocab_size=config.vocab_size,
                seed_sentencepieces_file=seeds,
                **_SENTENCEPIECE,
            )
        except (RuntimeError, OSError) as error:
            raise UserError(
                f"sentencepiece cannot make a vocabulary of {config.vocab_size} from these texts ({error}); "
                f"raise tokenizer.vocab_size, add data, or use tokenizer.kind word or bpe"
            ) from error
    return written.getvalue()


def _convert_unigram(model_proto: bytes) -> PreTrainedTokenizerFast:
    """A sentencepiece unigram model as the same model of `tokenizers`."""
    import sentencepiece
    from tokenizers.models import Unigram

    model = sentencepiece.SentencePieceProcessor(model_proto=model_proto)
    vocab = [(model.id_to_piece(i), model.get_score(i)) for i in range(model.get_piece_size())]
    return build(Unigram(vocab, UNK_ID, byte_fallback=True), subword=True)


def _seed_pieces(words: list[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """Substrings of the (most frequent) words with their counts, best first by count times length."""
    counts: Counter[str] = Counter()
    steps = 0
    for word, count in words:
        marked = WORD_START + word
        for begin in range(len(marked)):
            for end in range(begin + 2, min(len(marked), begin + _MAX_PIECE) + 1):
                counts[marked[begin:end]] += count
                steps += 1
        if steps > _MAX_SEED_STEPS:
            break
    ranked = sorted(counts.items(), key=lambda item: (-item[1] * len(item[0]), item[0]))
    yield from ((piece, count) for piece, count in ranked if count > 1)


def _adopt(config: TokenizerConfig, texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """The vocabulary of a pretrained model: nothing is learnt from the texts."""
    if config.pretrained is None:
        raise UserError("tokenizer.kind is pretrained: give tokenizer.pretrained, the name or folder of a model")
    return adopt_tokenizer(config.pretrained)


def _byte_tokens() -> list[str]:
    return [f"<0x{byte:02X}>" for byte in range(NUM_BYTES)]


_TRAINERS: dict[str, Callable[[TokenizerConfig, Iterable[str]], PreTrainedTokenizerFast]] = {
    "word": _train_word,
    "bpe": _train_bpe,
    "unigram": _train_unigram,
    "pretrained": _adopt,
}
