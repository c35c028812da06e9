"""What a provider has answered about all assets that it was asked for, at one moment."""

from growfolio.domain.assets import Asset
from growfolio.domain.bars import Bars
from growfolio.domain.times import BAR
from growfolio.errors import MarketError
from growfolio.market.ports import Fetched

from tests.bars import moment

NOW = moment("2024-09-05 18:00") + 4


def served(answers: Fetched) -> dict[Asset, Bars]:
    return {asset: bars for asset, bars in answers.items() if isinstance(bars, Bars)}


def only_failure(answers: Fetched, failed: Asset) -> MarketError:
    """The asset's error, once every other is seen to be served up to the newest bar."""
    bars = served(answers)
    assert set(bars) == set(answers) - {failed}
    assert {int(own.open_time[-1]) + BAR for own in bars.values()} == {NOW - 4}
    error = answers[failed]
    assert isinstance(error, MarketError)
    return error
