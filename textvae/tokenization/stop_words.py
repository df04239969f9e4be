"""English words that carry grammar rather than content, and stop-word files for other languages."""

from __future__ import annotations

from pathlib import Path

from textvae.errors import UserError
from textvae.files import read_lines
from textvae.text import TextConfig, prepare

# The closed classes of English and the pieces that tokenised contractions leave. Written out because the list
# of scikit-learn holds content ("system", "fire", "bill"), lacks "did", "does" and the pieces, and costs a
# second to import. Negations (not, n't, no, never, nor, neither, none, nobody, nothing, nowhere, without) are
# left out on purpose: they turn the meaning round, so they are content unless the data show they are style.
_CLOSED_CLASSES = {
    "articles and determiners": "a an the this that these those each every either another such same",
    "pronouns": "i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his "
    "himself she her hers herself it its itself they them their theirs themselves one ones who whom whose "
    "which what someone somebody something anyone anybody anything everyone everybody everything",
    "prepositions": "about above across after against along among around as at before behind below beneath "
    "beside besides between beyond by despite down during for from in inside into like near of off on onto "
    "out outside over past per since through throughout till to toward towards under until up upon via with "
    "within",
    "conjunctions": "and but or so yet if because although though while whereas whether unless than once",
    "auxiliary and modal verbs": "am is are was were be been being do does did doing done have has had "
    "having can could may might must shall should will would ought",
    "adverbs of place, time, degree and question": "here there where when why how now then again also just "
    "only too very even still already ever else quite rather almost however therefore thus hence meanwhile "
    "otherwise moreover",
    "quantifiers": "all any both few less more most much many other others several some own enough",
    "pieces of contractions": "'s 'm 're 've 'll 'd ca wo sha ai gon na got ta wan gim lem 't 'n 'em y'all",
}


def english_stop_words() -> frozenset[str]:
    """Lower-case English stop words as tokenised text has them (`'s`, `ca`); negations are not among them."""
    return frozenset(word for words in _CLOSED_CLASSES.values() for word in words.split())


def read_stop_words(path: str | Path, text: TextConfig | None = None) -> frozenset[str]:
    """Stop words from a UTF-8 file, one a line, prepared like the training texts. Empty lines are skipped."""
    words = {prepare(line, text) for _, line in read_lines(path)} - {""}
    if not words:
        raise UserError(f"{path}: no stop words in it; write one word a line, or leave the file out")
    return frozenset(words)
