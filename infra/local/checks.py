"""Asks each provider whether it serves what a person wants to set."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from growfolio.domain.assets import Asset, Market
from growfolio.domain.bars import Bars
from growfolio.errors import BadExplanation, ExplainError, PermanentExplainError, PermanentMarketError
from growfolio.explanations.language_models import key_variable, language_model
from growfolio.market.alpaca import AlpacaBars
from growfolio.market.finnhub import FinnhubQuotes
from growfolio.market.ports import MarketSource, Patience
from growfolio.market.probe import LOOK_BACK, PATIENCE
from growfolio.market.providers import market_source
from growfolio.settings import Settings
from requests import Session

if TYPE_CHECKING:
    from huggingface_hub import HfApi

APPLE = Asset("AAPL", Market.STOCKS, "Apple")


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
        return Verdict(False if "refuses the key" in why else None, why)

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
        return self._hub(lambda hub: hub.whoami(token), (401, 403), "the Hub refuses the token")

    def model_repository(self, name: str, token: str) -> Verdict:
        """Whether the Hub shows ORG/NAME to who has the token; to everybody where that is empty."""
        why = f"{name} does not exist on the Hub, or may not be read with this token"
        return self._hub(lambda hub: hub.model_info(name, token=token or False), (401, 403, 404), why)

    def _hub(self, ask: "Callable[[HfApi], object]", refusals: Sequence[int], why: str) -> Verdict:
        import httpx2
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError

        try:
            ask(HfApi(endpoint=self.hub_url))
        except HfHubHTTPError as fault:
            status = fault.response.status_code if fault.response is not None else 0
            return Verdict(False, why) if status in refusals else Verdict(None, f"the Hub answered {status}")
        except ValueError as fault:  # its own, for a name that no repository has
            return Verdict(False, f"the Hub: {fault}"[:200])
        except (OSError, httpx2.HTTPError) as fault:
            return Verdict(None, f"the Hub could not be reached: {type(fault).__name__}")
        return GOOD
