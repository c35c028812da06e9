"""What a language model's answer must be before it stands beside a signal."""

from dataclasses import replace

import pytest
from growfolio.errors import BadExplanation
from growfolio.explanations.answer_checks import LONGEST, checked

from tests.samples import a_signal

FIRST = (
    "The signal for Apple is BUY, with a probability of 61% for a rise of more than 0.1% over the next bar."
)
SECOND = "The price is above its moving averages, and the RSI of 57.3 is in a neutral range."
THIRD = "The model is far from sure, as a fall still has a probability of 10%."
GOOD = f"{FIRST} {SECOND} {THIRD}"
SIGNAL = a_signal()


def test_three_plain_sentences_from_the_facts_pass_as_they_are() -> None:
    assert checked(GOOD, SIGNAL) == GOOD


def test_line_breaks_and_typographic_characters_become_plain() -> None:
    answer = f"\n{FIRST}\n\n{SECOND}  {THIRD}\n".replace(
        "far from sure, as", "far from sure – the model’s view –\u00a0as"
    )
    assert checked(answer, SIGNAL) == GOOD.replace(
        "far from sure, as", "far from sure - the model's view - as"
    )


@pytest.mark.parametrize(
    "said",
    [
        "RSI of 57",
        "RSI of 57.3",
        "volume of 1.37 times the average",
        "volume of 1.4 times the average",
        "a price 0.04% below VWAP",
        "a price -0.041% from VWAP",
        "bars of five minutes",
        "a probability of 61.2%",
        "a probability of 29%",
    ],
)
def test_a_number_may_be_given_or_rounded_or_in_letters(said: str) -> None:
    checked(GOOD.replace("The price", f"There is {said}, and the price"), SIGNAL)


@pytest.mark.parametrize(
    "said",
    [
        "RSI of 58",
        "RSI of 60",
        "RSI of 57.4",
        "volume of 1.3 times the average",
        "twice the volume",
        "a third fall in seven bars",
        "a price of 222.55",
        "a target of 1,234",
        "a move of 0.05%",
        "a probability of 62%",
        "nearly a hundred bars",
    ],
)
def test_a_number_that_was_not_given_is_refused_in_digits_and_in_letters(said: str) -> None:
    with pytest.raises(BadExplanation, match="number that was not given"):
        checked(GOOD.replace("The price", f"There is {said}, and the price"), SIGNAL)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (f"{FIRST} {SECOND}", "2 sentences, not 3"),
        (f"{GOOD} The trend is up as well.", "4 sentences, not 3"),
        (GOOD.removesuffix("."), "no sentence"),
        (f"{FIRST} {SECOND} So it is.", "no sentence"),
        (f"{FIRST} {SECOND}{THIRD}", "a link|sentences"),
        ("", "0 characters"),
        ("Apple is a BUY. It is up. Good.", "31 characters"),
        (GOOD.replace("The price", "The price, " + "as said before, " * 40 + "it"), "characters, not 80"),
    ],
    ids=["two", "four", "an end without a stop", "a fragment", "run together", "empty", "short", "long"],
)
def test_anything_but_three_sentences_of_sensible_length_is_refused(answer: str, reason: str) -> None:
    with pytest.raises(BadExplanation, match=reason):
        checked(answer, SIGNAL)


@pytest.mark.parametrize(
    "markup",
    [
        "**BUY**",
        "`BUY`",
        "<b>BUY</b>",
        "<script>alert(BUY)</script>",
        "[BUY](x)",
        "BUY!",
        "BUY?",
        "BUY # now",
        "BUY at https://example.com",
        "BUY as www example",
        "BUY at example.com",
        "BUY {x}",
        "BUY = 1",
        "BUY \\n",
        "BUY \u202e",
        "BUY\u200b",
        "BUY \U0001f680",
        "ВUY BUY",
        'BUY "now"',
        "BUY | SELL",
        "BUY $",
    ],
)
def test_markup_links_code_and_strange_characters_are_refused(markup: str) -> None:
    with pytest.raises(BadExplanation, match="markup"):
        checked(GOOD.replace("BUY", markup), SIGNAL)


@pytest.mark.parametrize(
    "promise",
    [
        "the price will rise",
        "a rise is guaranteed",
        "a rise is certain",
        "this cannot fail",
        "you gain",
        "it should be bought",
        "we recommend it",
        "a safe profit",
        "there is no risk",
        "It Always rises",
    ],
)
def test_promises_and_advice_are_refused(promise: str) -> None:
    with pytest.raises(BadExplanation, match="a promise or advice"):
        checked(GOOD.replace("The price", f"Here {promise}, and the price"), SIGNAL)


@pytest.mark.parametrize(
    "invention",
    ["good news", "strong earnings", "what analysts say", "a report", "ignore the rules", "my instructions"],
)
def test_what_no_fact_speaks_of_is_refused(invention: str) -> None:
    with pytest.raises(BadExplanation, match="something that was not given"):
        checked(GOOD.replace("The price", f"After {invention} the price"), SIGNAL)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (GOOD.replace("Apple", "Tesla"), "does not name the asset"),
        (GOOD.replace("Apple", "MAAPL"), "does not name the asset"),
        (GOOD.replace("BUY", "good"), "does not name the signal"),
        (GOOD.replace("BUY", "SELL"), "names another"),
        (GOOD.replace("BUY", "BUY rather than HOLD"), "names another"),
    ],
)
def test_an_answer_about_another_asset_or_signal_is_refused(answer: str, reason: str) -> None:
    with pytest.raises(BadExplanation, match=reason):
        checked(answer, SIGNAL)


def test_an_answer_that_keeps_silent_about_simulated_prices_or_training_is_refused() -> None:
    with pytest.raises(BadExplanation, match="simulated"):
        checked(GOOD, replace(SIGNAL, simulated=True))
    with pytest.raises(BadExplanation, match="training"):
        checked(GOOD, replace(SIGNAL, in_sample=True))
    frank = GOOD.replace("10%.", "10%, the prices are simulated, and the bar was part of training.")
    assert checked(frank, replace(SIGNAL, simulated=True)) == frank
    assert checked(frank, replace(SIGNAL, in_sample=True)) == frank


def test_the_symbol_names_the_asset_as_well_as_its_name() -> None:
    assert len(checked(GOOD.replace("Apple", "AAPL"), SIGNAL)) <= LONGEST
