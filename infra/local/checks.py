"""Asks each provider whether it serves what a person wants to set."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from growfolio.domain.assets import Asset, Market
from growfolio.domain.bars import Bars
from growfolio.domain.times import DAY
from growfolio.errors import BadExplanation, ExplainError, PermanentExplainError, PermanentMarketError
from growfolio.explanations.language_models import key_variable, language_model
from growfolio.market.alpaca import AlpacaBars
from growfolio.market.finnhub import FinnhubQuotes
from growfolio.market.ports import MarketSource, Patience
from growfolio.market.providers import market_source
from growfolio.settings import Settings
from requests import Session

PATIENCE = Patience(request=5.0, deadline=10.0, tries=1, publication=0.0)
APPLE = Asset("AAPL", Market.STOCKS, "Apple")
LOOK_BACK = 5 * DAY
"""Long enough for a session of stocks to lie in it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a provider said. Where it could not be asked, nothing is known, and the guide goes on."""

    good: bool | None
    """None: the provider could not be asked."""
    why: str = ""


GOOD = Verdict(True)


@dataclass
class Providers:
    """The real providers; a test puts others in their places."""

    now: Callable[[], int]
    settings: Settings = field(default_factory=Settings)
    source: Callable[[Settings, Market, Patience], MarketSource] = market_source
    hub_url: str | None = None
    alpaca_session: Callable[[], Session] = Session

    def candles(self, assets: Sequence[Asset], settings: Settings) -> dict[Asset, Verdict]:
        """Whether the provider of each asset's market has candles of the last days."""
        verdicts: dict[Asset, Verdict] = {}
        for market in Market:
            own = [asset for asset in assets if asset.market is market]
            if own:
                fetched = self.source(settings, market, PATIENCE).fetch(
                    dict.fromkeys(own, self.now() - LOOK_BACK), self.now()
                )
                for asset, answer in fetched.items():
                    refused = isinstance(answer, PermanentMarketError)
                    good = isinstance(answer, Bars) or (False if refused else None)
                    verdicts[asset] = Verdict(good, "" if good else str(answer))
        return verdicts

    def finnhub(self, key: str) -> Verdict:
        quotes = FinnhubQuotes(lambda: key, "FINNHUB_KEY", self.settings.quote_url, PATIENCE)
        if quotes.latest([APPLE], self.now()):
            return GOOD
        why = "; ".join(quotes.notes) or "finnhub gave no price"
        return Verdict(False if "refuse" in why else None, why)

    def alpaca(self, key: str, secret: str) -> Verdict:
        bars = AlpacaBars(lambda: (key, secret), "keys.env", PATIENCE, self.alpaca_session())
        answer = bars.fetch_once({APPLE: self.now() - LOOK_BACK}, self.now(), PATIENCE)[APPLE]
        if isinstance(answer, Bars):
            return GOOD
        return Verdict(False if isinstance(answer, PermanentMarketError) else None, str(answer))

    def language_model(self, provider: str, key: str) -> Verdict:
        settings = replace(self.settings, explain_provider=provider)
        writer = language_model(settings, lambda: key, key_variable(provider), PATIENCE.request)
        try:
            writer.choose("Answer with an empty array.", "[]")
        except PermanentExplainError as fault:
            return Verdict(False, str(fault))
        except BadExplanation:
            return GOOD  # it answered, whatever it said
        except ExplainError as fault:
            return Verdict(None, str(fault))
        return GOOD

    def hub(self, token: str) -> Verdict:
        import httpx2
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError

        try:
            HfApi(endpoint=self.hub_url).whoami(token)
        except HfHubHTTPError as fault:
            refused = fault.response is not None and fault.response.status_code in (401, 403)
            return Verdict(
                False if refused else None, "the Hub refuses the token" if refused else "no answer"
            )
        except (OSError, httpx2.HTTPError) as fault:
            return Verdict(None, f"the Hub could not be reached: {type(fault).__name__}")
        return GOOD
