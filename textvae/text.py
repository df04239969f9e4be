"""Pure string functions: normalise, tokenise, detokenise, split into sentences.

The tokenised form is that of the Penn Treebank as the Yelp files of Shen et al. (2017) have it: words and
punctuation separated by one space, `do n't`, `it 's`, quotes as two backticks and two apostrophes, `$ 20`.
Text that is tokenised already passes unharmed, so files of either kind need no flag.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache


@dataclass(frozen=True)
class TextConfig:
    """How raw text becomes the space-separated string that every tokenizer reads."""

    lowercase: bool = True
    """Lower-case the text (the Yelp files are lower-cased; set it to false for cased or news text)."""
    tokenise: bool = True
    """Separate punctuation and contractions; harmless on text that is tokenised already."""


# ----- normalise

_REMOVED = [0x00AD, 0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF]
_REPLACED = {
    "'": "\u2018\u2019\u201b\uff07",
    '"': "\u201c\u201d\u201e\u201f",
    "-": "\u2010\u2011\u2012\u2013",
    "--": "\u2014",
    "...": "\u2026",
    " ": "\u200b",  # zero-width space
    "_": "\u2581",  # the mark that pieces of subword tokenizers begin with
    "\ufffd": [chr(code) for code in range(0xD800, 0xE000)],  # lone surrogates: no encoder takes them
}
_TABLE: dict[int, str | None] = {
    **{code: " " for code in (*range(0x20), *range(0x7F, 0xA0))},  # control characters
    **dict.fromkeys(_REMOVED, None),  # marks of direction, soft hyphen, byte order mark
    **{ord(char): new for new, chars in _REPLACED.items() for char in chars},
}

_CONTROLS = {code: new for code, new in _TABLE.items() if new == " " and code != 0x200B or new == "\ufffd"}


def normalise(text: str) -> str:
    """NFC, typographic quotes and dashes as ASCII, control characters and white space as one space, stripped.

    Emoji (joiners and variation selectors too) and full-width forms stay as they are. Idempotent.
    """
    if text.isascii() and text.isprintable():
        return text.strip() if "  " not in text else " ".join(text.split())
    # The table goes first because removing a character can bring a letter and its accent together, and once
    # more after NFC, which turns e.g. the Greek question mark into a semicolon.
    return " ".join(unicodedata.normalize("NFC", text.translate(_TABLE)).translate(_TABLE).split())


def one_line(text: str) -> str:
    """The text as it is, but for control characters and white space, which become one space, and lone surrogates."""
    if text.isprintable() and "  " not in text and text[:1] != " " != text[-1:]:
        return text
    return " ".join(text.translate(_CONTROLS).split())


# ----- tokenise

# Words that are written together but are two tokens, and where they are cut.
_CONTRACTIONS = {"cannot": 3, "gonna": 3, "gotta": 3, "wanna": 3, "gimme": 3, "lemme": 3}
_LONGEST_WORD = 500  # characters; what is longer is no word, and cutting it takes quadratic time
_SUFFIXES = ("n't", "'s", "'m", "'d", "'re", "'ve", "'ll")
_ABBREVIATION_LIST = """
    mr mrs ms dr st jr sr prof gen gov sen rep lt col capt sgt cpl rev hon pres inc corp co ltd llc plc bros
    dept univ assn est vs etc lbs pvt ste rt approx appt apt ave blvd rd hwy ft mt jan feb apr aug sept oct
    nov dec calif fla conn minn tenn mich wis ariz colo okla
"""
_ABBREVIATIONS = frozenset(_ABBREVIATION_LIST.split())
_ALSO_WORDS = frozenset(("no", "mass", "ill", "ind", "ala", "kan", "neb", "va", "pa", "wash", "feat"))
_DOTTED = re.compile(r"(?:[^\W\d_]{1,2}\.)+[^\W\d_]|[^\W\d_]")  # p.m  i.e  ph.d  and initials
_OPENERS = "\"'`([{"
_PERIOD = re.compile(r"(?<![\s.])\.(?=[\"')\]}]*(?:\s|$))")
_AFTER = re.compile(r"[\"')\]} ]*")
_TOKENISED = re.compile(r"(?<=\S\s)(?:[,.!?;]|n't|'(?:s|m|d|re|ve|ll)|``|'')(?!\S)")
_ELISIONS = "s|m|d|re|ve|ll|t|n|em|til|till|cause|cuz|bout|round|tis|twas|[0-9]0s?"
_ET_AL = re.compile(r"\bet al$", re.I)
_KEPT = re.compile(rf"\.\.\.|``|''|'(?:{_ELISIONS})|n't|yahoo!", re.I)
_ENTITY_ENDS = "".join(f"(?<!&{name})" for name in (r"#\d\d", r"#\d\d\d", "amp", "lt", "gt", "quot", "apos", "nbsp"))
_PUNCTUATION = re.compile(rf"(\.{{2,}}|-{{2,}}|``|''|[()\[\]{{}}!?]|{_ENTITY_ENDS};|(?<!\d),|,(?!\d))")
_TRAILING = re.compile(r"(.+?)([()\[\]{}!?;,:\"']|'')$")  # all that is taken off an address
_LETTER = re.compile(r"[\w#]")
_QUOTE = re.compile(r'(.*?)"(.*)', re.S)
_EDGES = re.compile(
    r"(?P<left>[$£€¥](?=[.\d_#])|\#(?=[\d_])|'(?!n')(?=[\w<#]))(?P<rest>.+)"
    r"|(?P<stem>.+?)(?P<right>:|n't|'(?:s|m|d|re|ve|ll)|(?<=[\d_#])%|(?<=\d)[$£€¥]|')",
    re.I | re.S,
)


def tokenise(text: str) -> str:
    """Separate punctuation and contractions: `Don't go!` becomes `Do n't go !`. Idempotent.

    A period is cut off its word unless the word is an abbreviation. Where the text shows that it is tokenised
    (a comma, full stop or contraction stands alone) a period inside it is cut only before a capital letter,
    so that `gov.` and `calif.` in the files of others stay whole; a period at the end is cut all the same,
    because people mix both ways of writing.
    """
    text = " ".join(text.split())
    while (once := _tokenise_once(text)) != text:
        text = once
    return text


def _tokenise_once(text: str) -> str:
    if _PERIOD.search(text):
        tokenised = _TOKENISED.search(text) is not None
        text = _PERIOD.sub(lambda match: _cut_period(match, tokenised), text)
    text = " ".join(map(_split_word, text.split()))
    return _direct_quotes(text) if '"' in text else text


def _cut_period(match: re.Match[str], tokenised: bool) -> str:
    text, position = match.string, match.start()
    word = text[text.rfind(" ", 0, position) + 1 : position].lstrip(_OPENERS).lower()
    after = _AFTER.match(text, match.end())
    following = text[after.end() : after.end() + 8] if after else ""
    before_capital = following.lstrip(_OPENERS + " ")[:1].isupper()
    if tokenised and not before_capital and (following or word in _ABBREVIATIONS):
        return "."
    if word == "al" and _ET_AL.search(text, 0, position) and following:
        return "."
    return "." if _is_abbreviated(word, following) else " ."


def _is_abbreviated(word: str, following: str) -> bool:
    """Whether the period after `word` (lower-case) belongs to it; at the end of a text it never does."""
    if word in _ALSO_WORDS:
        return bool(following) and not following[0].isupper()
    return bool(following) and (word in _ABBREVIATIONS or _DOTTED.fullmatch(word) is not None)


@lru_cache(maxsize=1 << 17)  # nearly all words are hits (Zipf): ten times the speed for some 30 MB
def _split_word(word: str) -> str:
    if len(word) > _LONGEST_WORD:
        return word
    done, left = [], [word]
    while left:
        part = left.pop()
        pieces = _parts(part)
        if pieces == [part]:
            done.append(part)
        else:
            left.extend(piece for piece in reversed(pieces) if piece)
    return " ".join(done)


def _parts(word: str) -> list[str]:
    """Cut `word` once, by the first rule that applies; [word] where none does."""
    if word.isalpha():
        cut = _CONTRACTIONS.get(word.lower())
        return [word] if cut is None else [word[:cut], word[cut:]]
    if len(word) < 2 or _KEPT.fullmatch(word):
        return [word]
    if "://" in word or word.startswith("www."):
        address = _TRAILING.fullmatch(word)
        return [word] if address is None else [address[1], "''" if address[2] == '"' else address[2]]
    if quote := _QUOTE.fullmatch(word):
        opening = not quote[1][-1:].isalnum() and _LETTER.search(quote[2])
        return [quote[1], "``" if opening else "''", quote[2]]
    pieces = [piece for piece in _PUNCTUATION.split(word) if piece]
    if len(pieces) > 1:
        return pieces
    if word[0] in ".-" and not word.strip(word[0]):
        return ["..." if word[0] == "." else "--"]
    if edge := _EDGES.fullmatch(word):
        return [edge["left"], edge["rest"]] if edge["left"] else [edge["stem"], edge["right"]]
    return [word]


def _direct_quotes(text: str) -> str:
    """Give the double quotes that stand alone a direction: opening where none is open."""
    words, opened = text.split(" "), False
    for i, word in enumerate(words):
        if word == '"':
            words[i] = "''" if opened else "``"
        if words[i] in ("``", "''"):
            opened = words[i] == "``"
    return " ".join(words)


def prepare(text: str, config: TextConfig | None = None) -> str:
    """The space-separated string every tokenizer reads: normalise, tokenise, lower-case. Idempotent."""
    config = config or TextConfig()
    text = normalise(text)
    if config.tokenise:
        text = tokenise(text)
    return lower_cased(text) if config.lowercase else text


def lower_cased(text: str) -> str:
    """A normalised string in small letters, normalised."""
    lower = text.lower()
    return lower if lower.isascii() else normalise(lower)


# ----- detokenise

_JOINED = {(word[:cut], word[cut:]) for word, cut in _CONTRACTIONS.items()}
_TO_THE_LEFT = frozenset((*",;:!?)]}", "''", ".", "...", *_SUFFIXES))
_TO_THE_RIGHT = frozenset(("(", "[", "{", "``"))
_NUMBER = re.compile(r"[\d#_.].*")
_SMILEY = re.compile(r"(?<!\S)([:;]) ?(-?) ([()])(?!\S)")
_PLAIN_SMILEY = re.compile(r"(?<!\S)([:;]) ([()])(?!\S)")
_ENDING = re.compile(r"(?<=\w) \( (e?s) \)(?!\S)")
_ENDS = frozenset((".", "!", "?"))
_PLAIN_QUOTES = {"``": '"', "''": '"'}


def detokenise(text: str, truecase: bool = True, pronoun: bool = True, tight: bool = True) -> str:
    """Tokenised text as people write it: `do n't go !` becomes `Don't go!`.

    `truecase` capitalises the first word of each sentence and (`pronoun`) "I"; names stay as they are. tight: without
    spaces in `:-(`, `price(s)` and `5€`; files that were compressed without it need False.
    """
    text = _ENDING.sub(r"(\1)", _SMILEY.sub(r"\1\2\3", text)) if tight else _PLAIN_SMILEY.sub(r"\1\2", text)
    words = text.split()
    sides = _sides(words)
    out: list[str] = []
    glue = True  # the next word joins the text so far without a space
    start = truecase
    for i, word in enumerate(words):
        previous = words[i - 1] if i else ""
        following = words[i + 1] if i + 1 < len(words) else ""
        if word == "." and not following and previous[-1:] == "." and previous[:-1].lower() in _ABBREVIATIONS:
            break  # `inc. .` is written with one period
        capital = start and word[0].isalnum() or truecase and pronoun and word == "i"
        written = _capitalise(word) if capital else _PLAIN_QUOTES.get(word, word)
        left = sides[i] == "left" or _joins_left(word, previous) or tight and _is_suffix(word, previous, following)
        out.append(written if glue or left else f" {written}")
        start = truecase and (word in _ENDS or start and not (word[0] in "_#<" or any(map(str.isalnum, word))))
        glue = sides[i] == "right" or word in _TO_THE_RIGHT or _is_prefix(word, following)
    return "".join(out)


def _joins_left(word: str, previous: str) -> bool:
    if word in _TO_THE_LEFT:
        return not (word[0] == "." and previous.endswith("."))
    if word == "%":
        return previous[-1:].isdigit() or previous[-1:] in ("_", "#")
    return (previous.lower(), word.lower()) in _JOINED


def _is_prefix(word: str, following: str) -> bool:
    """Whether `word` is written together with the number after it."""
    if word == "#" and following[:1] == "#":
        return False
    return word in ("$", "£", "€", "#") and _NUMBER.match(following) is not None


def _is_suffix(word: str, previous: str, following: str) -> bool:
    """Whether `word` is a currency written together with the number before it."""
    return word in ("€", "£", "¥", "$") and previous[-1:].isdigit() and not _NUMBER.match(following)


def _sides(words: list[str]) -> list[str]:
    """Where lone apostrophes belong: left to the word before (boys ', good ol '), right to a quotation."""
    sides, opened, later = [""] * len(words), False, words.count("'")
    for i, word in enumerate(words):
        if word != "'":
            continue
        later -= 1
        previous = words[i - 1].lower() if i else ""
        unpaired = not opened and later % 2 == 0 and previous.endswith("s")
        if previous in ("ol", "n", "'n") or unpaired:
            sides[i] = "left"
        elif opened or i and (not later or i + 1 == len(words)):
            sides[i], opened = "left", False
        else:
            sides[i], opened = "right", True
    return sides


def _capitalise(word: str) -> str:
    first = word[0].upper()
    plain = first.lower() == word[0] and "://" not in word and word == word.lower()  # iPhone is no other word
    return first + word[1:] if plain else word


# ----- sentences

_BOUNDARY = re.compile(
    r"(?<=[.!?])([\"')\]}»«]*(?: »(?=\s))?)\s+|(?<=[。！？])([」』”’）]*)\s*"
    r"|(?<=[a-zß-ÿ]{3}[.!?])(?=[A-ZÀ-Þ][a-zß-ÿ]+\s)"
)
_LONGEST_ABBREVIATION = 40
_LISTED = re.compile(r"\d{1,2}\.")


def split_sentences(text: str) -> list[str]:
    """Cut raw or tokenised text into sentences; no character but white space is lost.

    A period ends a sentence unless its word is an abbreviation or an initial, or it numbers a list. Chinese and
    Japanese full stops need no space after them, nor does one between a small letter and a word with a capital.
    """
    sentences, begin = [], 0
    for match in _BOUNDARY.finditer(text):
        if match.start() < begin:
            continue
        near = max(begin, match.start() - _LONGEST_ABBREVIATION)
        words = text[near : match.start()].split()[-2:] or [""]
        listed = len(words) == 1 and near == begin and _LISTED.fullmatch(words[0])
        if listed or not _ends_sentence(words, text[match.end() : match.end() + 8]):
            continue
        if match.start() == match.end() and match.start() and not _runs_on(text, begin, match.start()):
            continue
        sentences.append(text[begin : match.end()].strip())
        begin = match.end()
    sentences.append(text[begin:].strip())
    return [sentence for sentence in sentences if sentence]


def _runs_on(text: str, begin: int, position: int) -> bool:
    """Whether a stop that no space follows ends a sentence: not in an address or a name with more than one point."""
    if text[position - 1] in "。！？」』”’）":
        return True
    before = text[max(begin, position - _LONGEST_WORD) : position - 1].split()[-1]
    return before.isalpha()


def _ends_sentence(words: Sequence[str], following: str) -> bool:
    """Whether the last word of two ends a sentence, given the text after it."""
    word = words[-1]
    if following[:2].rstrip() in ("''", '"', "'", ")", "]", "!", "?", ".") or following.startswith("... "):
        return False
    if not word.endswith(".") or word in (".", "..."):
        return True
    bare = word.rstrip(".").lstrip(_OPENERS).lower()
    if bare == "al" and words[0].lower() == "et":
        return False
    return not _is_abbreviated(bare, following)


def cased_forms(text: str, config: TextConfig) -> dict[str, str]:
    """Lower-case to the first form with capitals of each word of a text that is never in lower case.

    A word that stands both ways has its form after the word before it ("the us": "US"). A text with a small "i" alone,
    which is another language or another habit, has the form "i" for it.

    The first word of a sentence has a capital anyway, so it counts only with another one inside (NATO, iPhone). A text
    without small letters tells nothing.
    """
    if text == text.upper():
        return {}
    words = prepare(text, replace(config, lowercase=False)).split(" ")
    plain = {word for word in words if word == word.lower()}
    forms: dict[str, str] = {}
    if "i" in plain and "I" not in words:
        forms["i"] = "i"
    for before, word in zip((".", *words), words, strict=False):
        first = before in (".", "!", "?", "``", "''", ":", "--")
        if word == word.lower() or first and not any(c.isupper() for c in word[1:]):
            continue
        key = word.lower() if word.lower() not in plain else f"{before.lower()} {word.lower()}"
        forms.setdefault(key, word)
    return forms


def recased(text: str, forms: Mapping[str, str]) -> str:
    """A tokenised text with each word in the form it has in `forms`."""
    if not forms:
        return text
    words = text.split(" ")
    pairs = zip(("", *words), words, strict=False)
    return " ".join(forms.get(f"{before} {word}") or forms.get(word, word) for before, word in pairs)


# Thai and Lao, Burmese, Khmer; kana and Chinese characters with their extensions and compatibility forms.
_SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_MARKS = "\u3000-\u3004\u3008-\u303f\uff01-\uff0f\uff1a-\uff20"  # punctuation of Chinese and Japanese
_SPACES = "\u0085-\u0085\u200b-\u200b"  # what `textvae.text.normalise` makes a space of, or nothing
_ALONE = re.compile(rf"\s*([{_SPACELESS}{_MARKS}])")
_UNSPACED_LETTER = re.compile(rf"[{_SPACELESS}]")
_GAP = re.compile(rf"(?<=[{_SPACELESS}{_MARKS}]) +(?=[{_SPACELESS}{_MARKS}])")


def spaced(text: str) -> str:
    """`text` with spaces around every character of a script written without them; other text as it is.

    So one `split()` gives words in English and characters in Chinese, Japanese, Thai, Lao, Khmer or Burmese (their
    marks stay with the character they stand on). Idempotent.
    """
    if text.isascii():
        return text
    cut: list[str] = []
    for part in _ALONE.split(text):
        if part and unicodedata.category(part[0]) in ("Mn", "Mc") and cut and not part[0].isspace():
            cut[-1] += part
        elif part.strip():
            cut.append(part.strip())
    return " ".join(cut)


def words(text: str) -> list[str]:
    """Words of a prepared string; characters, in a script without spaces."""
    return spaced(text).split()


def count_words(text: str) -> int:
    """How many `words` there are."""
    return len(words(text))


def first_bytes() -> frozenset[int]:
    """First bytes, in UTF-8, of all characters that may be words by themselves or spaces."""
    ends = re.findall("(.)-(.)", _SPACELESS + _MARKS + _SPACES)
    return frozenset(byte for a, b in ends for byte in range(a.encode()[0], b.encode()[0] + 1))


def is_spaced(text: str) -> bool:
    """Whether characters of a script without spaces are separated by some."""
    return not text.isascii() and _GAP.search(text) is not None


def close_up(text: str) -> str:
    """`text` without the spaces between characters of scripts that have none: what `spaced` did, undone."""
    return text if text.isascii() else _GAP.sub("", text)


def is_spaceless(word: str) -> bool:
    """Whether a word has a character of a script without spaces (punctuation not counted)."""
    return not word.isascii() and _UNSPACED_LETTER.search(word) is not None
