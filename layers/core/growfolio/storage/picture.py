"""The bars of a market item, packed: DynamoDB bills a write by the kilobyte, and text takes four.

Column by column, as differences that are mostly small: times to the bar before, opens to the close before,
closes to the open, highs and lows to the body between them; volumes as they are. Each difference is a varint
of seven bits a byte, and zlib takes the rest. A full session of 78 bars is 0.5 to 0.9 KB.
"""

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

Bar = tuple[int, str, str, str, str, str]
"""close_time, open, high, low, close, volume; numbers as plain decimals."""
MOST_BYTES, MOST_PLACES = 1 << 20, 400
"""What a packed picture may unpack to: a damaged one must not fill the memory."""
PLAIN = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)?")


def pack(bars: Sequence[Bar]) -> bytes:
    """The bars as bytes, which unpack turns back into the same text.

    Raises TypeError for what is no text, and ValueError for text that is no plain number of at least 0.
    """
    columns = [list(column) for column in zip(*bars, strict=True)] or [[] for _ in range(6)]
    times = [int(time) for time in columns[0]]
    places = [[_places(value) for value in column] for column in columns[1:]]
    scale = max((each for column in places[:4] for each in column), default=0)
    opens, highs, lows, closes = (
        [_units(value) * 10 ** (scale - each) for value, each in zip(column, own, strict=True)]
        for column, own in zip(columns[1:5], places, strict=False)
    )
    numbers = [len(bars), scale, *_differences(times)]
    numbers += [first - last for first, last in zip(opens, [0, *closes], strict=False)]
    numbers += [last - first for first, last in zip(opens, closes, strict=True)]
    numbers += [high - max(body) for high, *body in zip(highs, opens, closes, strict=True)]
    numbers += [min(body) - low for low, *body in zip(lows, opens, closes, strict=True)]
    numbers += [_units(volume) for volume in columns[5]]
    numbers += [each for column in places for each in column]
    return zlib.compress(b"".join(map(_varint, numbers)), 9)


def unpack(packed: bytes) -> tuple[Bar, ...]:
    """What pack was given. Raises ValueError for bytes that it did not write."""
    numbers = _numbers(packed)
    count, scale = _take(numbers, 2)
    times, opens, bodies, highs, lows, volumes = (_take(numbers, count) for _ in range(6))
    places = [_take(numbers, count) for _ in range(5)]
    if next(numbers, None) is not None:
        raise ValueError("something follows the bars")
    bars: list[Bar] = []
    time = close = 0
    for index in range(count):
        time += times[index]
        first = close + opens[index]
        close = first + bodies[index]
        high, low = max(first, close) + highs[index], min(first, close) - lows[index]
        own = [each[index] for each in places]
        texts = [_text(price, scale, at) for price, at in zip((first, high, low, close), own, strict=False)]
        bars.append((time, texts[0], texts[1], texts[2], texts[3], _text(volumes[index], own[4], own[4])))
    return tuple(bars)


def _places(value: str) -> int:
    """Digits after the point. Raises TypeError and ValueError for what pack does not take."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is {type(value).__name__}, not text")
    if not PLAIN.fullmatch(value):
        raise ValueError(f"{value!r} is no plain decimal")
    return len(value.partition(".")[2])


def _units(value: str) -> int:
    """The number in units of its last digit."""
    return int(value.replace(".", ""))


def _text(number: int, scale: int, places: int) -> str:
    """The number in units of 10**-scale, written with so many digits after the point."""
    if number < 0 or not 0 <= places <= scale <= MOST_PLACES:
        raise ValueError(f"{number} in {scale} digits after the point, of which {places} show")
    whole, rest = divmod(number, 10 ** (scale - places))
    if rest:
        raise ValueError("a price has more digits than it may show")
    digits = str(whole).zfill(places + 1)
    return f"{digits[:-places]}.{digits[-places:]}" if places else digits


def _differences(values: Sequence[int]) -> Iterator[int]:
    return (value - before for value, before in zip(values, [0, *values], strict=False))


def _varint(number: int) -> bytes:
    """Zigzag: the sign is the lowest bit, so that small numbers of either sign take one byte."""
    rest = number << 1 if number >= 0 else (-number << 1) - 1
    written = bytearray()
    while rest > 0x7F:
        written.append(rest & 0x7F | 0x80)
        rest >>= 7
    written.append(rest)
    return bytes(written)


def _numbers(packed: bytes) -> Iterator[int]:
    inflating = zlib.decompressobj()
    try:
        content = inflating.decompress(packed, MOST_BYTES)
    except zlib.error as fault:
        raise ValueError(f"the bars are damaged: {fault}") from fault
    if not inflating.eof:
        raise ValueError("the bars are cut off, or far too many")
    return _read(content)


def _read(content: Iterable[int]) -> Iterator[int]:
    number = shift = 0
    for byte in content:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield number >> 1 if number & 1 == 0 else -((number + 1) >> 1)
            number = shift = 0


def _take(numbers: Iterator[int], count: int) -> list[int]:
    taken = list(islice(numbers, max(count, 0)))
    if len(taken) != count:
        raise ValueError(f"{len(taken)} numbers of the bars in place of {count}")
    return taken
