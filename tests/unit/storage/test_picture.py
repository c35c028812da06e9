"""Bars are packed into a kilobyte and come back with every digit."""

import random
import zlib
from decimal import Decimal

import pytest
from growfolio.domain.signals import in_ticks
from growfolio.storage.picture import MOST_BYTES, Bar, pack, unpack
from hypothesis import example, given
from hypothesis import strategies as st

from tests.samples import BAR

plain = st.from_regex(r"(0|[1-9][0-9]{0,12})(\.[0-9]{1,12})?", fullmatch=True, alphabet="0123456789.")
bars = st.lists(st.tuples(st.integers(0, 2**40), *[plain] * 5), max_size=8).map(tuple)


@given(bars)
@example(())
@example(
    ((BAR, "10.00", "10.1", "9.99987", "9.99990", "0"), (BAR + 300, "9.9", "11", "9.90", "10.00", "1200"))
)
def test_every_digit_comes_back(given: tuple[Bar, ...]) -> None:
    assert unpack(pack(given)) == given


def a_session(price: float, seed: int) -> tuple[Bar, ...]:
    """78 bars that move by 0.15 % of the price each, as coins do, with volumes of six digits."""
    rng = random.Random(seed)
    session = []
    for index in range(78):
        first, last = price, price * rng.gauss(1, 0.0015)
        high, low = max(first, last) * (1 + rng.random() / 1000), min(first, last) * (1 - rng.random() / 1000)
        volume = format(Decimal(f"{rng.lognormvariate(8, 2):.6g}"), "f")
        texts = [str(in_ticks(value)) for value in (first, high, low, last)]
        session.append((BAR + 300 * index, texts[0], texts[1], texts[2], texts[3], volume))
        price = last
    return tuple(session)


@pytest.mark.parametrize("price", [64_123.45, 2_411.5, 222.55, 9.99, 0.0988, 0.0000134500])
def test_a_full_session_is_billed_as_one_write_unit(price: float) -> None:
    for seed in range(5):
        assert len(pack(a_session(price, seed))) < 1_000 - 100, "price, key and names need the rest"


@pytest.mark.parametrize("bad", ["", "one", "NaN", "Infinity", "1e3", "+1", "-1", " 1", "1_000", "007", "1."])
def test_text_that_is_no_plain_number_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="no plain decimal"):
        pack(((BAR, "1", "2", "0.5", bad, "100"),))


@given(st.binary(max_size=200))
@example(zlib.compress(b"\x02"))
@example(zlib.compress(pack(((BAR, "1", "2", "0.5", "1.5", "100"),))))
@example(pack(((BAR, "1", "2", "0.5", "1.5", "100"),))[:-3])
@example(zlib.compress(bytes(MOST_BYTES + 1)))
@example(zlib.compress(bytes([0xFE, 0xFF, 0xFF, 0xFF, 0x0F])))
def test_bytes_that_were_not_packed_are_refused(damaged: bytes) -> None:
    with pytest.raises(ValueError, match=r"bars|digits|point"):
        unpack(damaged)
