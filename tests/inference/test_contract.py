"""What a rewriting may not change."""

from __future__ import annotations

import pytest

from textvae.inference.contract import Contract, amounts, balanced, names_of, quotations, violations, words_of

KEPT = [
    ("Budget is $500.", "budget is a great $ 500 ."),
    ("It took 3 weeks.", "It only took 3 weeks!"),
    ("We paid $12.50, 10% off.", "we gladly paid $ 12.50 , 10 % off ."),
    ("The waiter at Joe's Diner was rude.", "the waiter at joe 's diner was friendly ."),
    ("The food was not good.", "the food was good ."),
    ("The food was not good at all.", "the food was always good ."),
    ("I will not come back.", "i will come back ."),
    ("It was fine, yet cheap.", "it was great , yet cheap ."),
    ('He said "it was bad" twice.', "he proudly said `` it was bad '' twice ."),
    ("Mail bob@example.com or see http://x.org/A.", "please mail bob@example.com or see http://x.org/a ."),
    ("the _num_ dogs and # cats", "the nice _num_ dogs and # cats"),
    ("The Food Was Very Cold And Bland", "the food was very warm and tasty"),
    ("THE FOOD IS BAD", "the food is good"),
    ("(It was bad.)", "( it was good . )"),
    ("Nobody was nice to anyone.", "everybody was nice to anyone ."),
    ("I did not hear any music.", "i never heard any music ."),
    ("I'm here, said I.", "loved it , said me ."),
]


@pytest.mark.parametrize(("source", "candidate"), KEPT)
def test_what_keeps_the_contract(source: str, candidate: str) -> None:
    assert violations(source, candidate) == []


BROKEN = [
    ("Budget is $500.", "budget is amazing .", "$500"),
    ("Budget is $500.", "budget is great $ 600 .", "the numbers (adds $600)"),
    ("From 3 to 5.", "from 5 to 3 .", "the order of the numbers"),
    ("It took 3 weeks.", "it took 3 minutes .", "3 weeks"),
    ("It took three weeks.", "it took a moment .", "three weeks"),
    ("The service is bad.", "the service is great at 5 .", "the numbers (adds 5)"),
    ("It was cold on Monday.", "it was great on friday .", "monday"),
    ("Fresh ingredients, but cold.", "_num_ ingredients , but great .", "the words themselves (writes _num_)"),
    ("The price rose.", "the price rose to # .", "the words themselves (writes #)"),
    ("A town hall.", "a <unk> hall .", "the words themselves (writes <unk>)"),
    ("The waiter at Joe's Diner was rude.", "the waiter at the diner was nice .", "Joe"),
    ("Ask NASA.", "ask the staff .", "NASA"),
    ("My iPhone broke.", "my phone is great .", "iPhone"),
    ("Mario was rude. Ask for Mario.", "he was nice . ask for mario .", "Mario"),
    ('He said "it was bad" here.', "he said `` it was good '' here .", '"it was bad"'),
    ("Mail Bob@example.com now.", "mail the staff now .", "Bob@example.com"),
    ("See http://x.org/A now.", "see it now .", "http://x.org/A"),
    ("Thanks @acme #fail", "thanks @acme #win", "#fail"),
    ("Thanks a lot", "thanks @acme", "the addresses (adds @acme)"),
    (
        "The waiter wasn't rude at all.",
        "the waiter was excellent at all .",
        'the scope of the negation ("at all" is left)',
    ),
    ("I don't go there anymore.", "i love going there anymore .", 'the scope of the negation ("anymore" is left)'),
    ("They have not called yet.", "they have called yet .", 'the scope of the negation ("yet" is left)'),
    ("I don't have any problems.", "i have any problems .", 'the scope of the negation ("any" is left)'),
    ("It was neither good nor cheap.", "it was great nor cheap .", 'the scope of the negation ("nor" is left)'),
    ("I will never go back.", "i will never not go back .", "the scope of the negation (two of them)"),
    ("It was (very) bad.", "it was very ) good .", "balanced brackets and quotation marks"),
    ("It was bad.", "it was good . ''", "balanced brackets and quotation marks"),
]


@pytest.mark.parametrize(("source", "candidate", "reason"), BROKEN)
def test_what_breaks_it(source: str, candidate: str, reason: str) -> None:
    assert reason in violations(source, candidate)
    assert violations(source, source) == []


def test_words_that_people_protect_stay_where_they_stand() -> None:
    assert violations("the Acme soup was bad", "the soup was good", ["acme"]) == ["Acme"]
    assert violations("their acme's soup was bad", "their acme 's soup was good", ["Acme"]) == []
    assert violations("the soup was bad", "the soup was good", ["Acme"]) == []
    assert violations("the cold soup was bad", "the soup was cold", ["cold soup"]) == ["cold soup"]


def test_a_cased_rewriting_adds_no_names() -> None:
    assert violations("the soup in Rome was bad", "the soup in Rome by Mario was good") == ["the names (adds mario)"]
    assert violations("the soup in Rome was bad", "The soup in Rome was good. I loved it!") == []


def test_a_negation_that_praises_goes_with_its_word_or_stays() -> None:
    wanted = {"rude": -7.0, "great": 6.0, "terrible": -8.0, "not": -5.0}
    contract = Contract(words_of("The waiter wasn't rude."), leaning=wanted)
    assert contract.fulfilled
    assert contract.violations("the waiter was rude .") == ['the scope of the negation ("rude" without it)']
    assert contract.violations("the waiter was n't great .") == ['the scope of the negation (now before "great")']
    assert contract.violations("the waiter was great .") == []
    assert not Contract(words_of("The waiter wasn't rude, but the food was terrible."), leaning=wanted).fulfilled
    assert not Contract(words_of("The waiter wasn't great."), leaning=wanted).fulfilled
    assert not Contract(words_of("The waiter was rude."), leaning=wanted).fulfilled


def test_names_tell_by_their_capitals() -> None:
    assert names_of(words_of("The man Ann met. Rome is McCoy's, says NATO, not I. So VERY bad"), {"bad"}) == {
        "ann", "mccoy", "nato",
    }  # fmt: skip
    assert names_of(words_of("The BAD soup"), {"bad"}) == frozenset()
    assert "where" not in names_of(words_of("@Acme Where is it?"))


def test_amounts_have_their_currency_and_unit() -> None:
    assert amounts(words_of("$ 500, 5 % of 3 weeks at 10:30 am on friday")) == [
        "$500", "5%", "3 weeks", "10:30 am", "friday",
    ]  # fmt: skip


def test_quotations_and_brackets() -> None:
    words = words_of('"a b" c "d')
    assert [words[a:b] for a, b in quotations(words)] == [("a", "b"), ("d",)]
    assert quotations(words_of("a b '' c"), inside=True) == [(0, 2)]
    assert balanced(list("([a])")) and not balanced(list("([a)]")) and not balanced([")"])
    assert balanced(words_of("so sad :-( and :) or ;-) but (good)"))
    assert balanced(["a", "''"], inside=True) and not balanced(["a"], inside=True)
