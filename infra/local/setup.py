"""`make setup`: asks what to serve and from whom, checks each answer, and writes the settings file.

Nothing of it is needed for the first `make run`.
"""

import getpass
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from growfolio.domain.assets import ASSETS, Asset, Market, Timeframe
from growfolio.domain.catalogue import parse
from growfolio.domain.timeframes import GRID, LENGTHS
from growfolio.errors import ConfigurationError, UnknownAsset
from growfolio.explanations.language_models import PROVIDERS, key_variable
from growfolio.settings import Settings

from infra.layers import EXCHANGES
from infra.local.checks import Providers, Verdict
from infra.local.settings_file import read_keys, settings_file, write
from infra.owner_settings import settings as read_settings

Ask = Callable[[str], str]
Say = Callable[[str], None]

SECRETS = {
    "FINNHUB_KEY": ("Finnhub key, for live prices of stocks", "QuoteKeyParameter", "finnhub-key"),
    **{
        key_variable(name): (
            f"{name.capitalize()} key, for explanations",
            "ExplainKeyParameter",
            f"{name}-key",
        )
        for name in PROVIDERS
    },
    "ALPACA_KEY": ("ID of an Alpaca key, for a second source of stocks", "AlpacaKeyParameter", "alpaca-key"),
    "ALPACA_SECRET": ("Secret of the Alpaca key", "AlpacaSecretParameter", "alpaca-secret"),
    "HUB_TOKEN": ("Hugging Face token, for a private model repository", "HubTokenParameter", "hub-token"),
}
"""What each is for, the stack's parameter that names where it lies, and the end of that name."""
ALPACA = ("ALPACA_KEY", "ALPACA_SECRET")
STOCK_SOURCES, BOTH_SOURCES = "GROWFOLIO_STOCK_SOURCES", "yahoo,alpaca"
PLACE = "/growfolio/"
"""Where the keys lie in SSM, the same for every stage."""


@dataclass
class Guide:
    """Asks, checks, and gives what is to be written."""

    ask: Ask
    """Shows a question and gives the answer, empty for the default."""
    ask_secretly: Ask
    say: Say
    providers: Providers

    def settings(self, known: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """The settings and the keys. known is what an earlier run wrote."""
        before = known.get("run", {})
        self.say("Enter keeps what stands in brackets.")
        exchanges = self._exchanges(before.get("GROWFOLIO_EXCHANGES", ",".join(Settings().exchanges)))
        assets = self._assets(replace(self.providers.settings, exchanges=exchanges))
        timeframes = self._timeframes()
        market = self._one_of("Market of make run", before.get("MARKET", "simulated"), ("simulated", "live"))
        explaining = self._explaining()
        others = {key_variable(name) for name in PROVIDERS if name != explaining} | set(ALPACA)
        keys = {name: key for name in SECRETS if name not in others and (key := self._key(name, explaining))}
        alpaca = self._alpaca()
        keys |= alpaca
        joined = ",".join(exchanges)
        parameters = {"Exchanges": joined} | {SECRETS[n][1]: PLACE + SECRETS[n][2] for n in keys}
        if alpaca:
            stocks = before.get(STOCK_SOURCES, BOTH_SOURCES)
            before = {**before, STOCK_SOURCES: stocks}
            parameters["StockSources"] = stocks
        if explaining != Settings().explain_provider:
            before = {**before, "GROWFOLIO_EXPLAIN_PROVIDER": explaining}
            parameters["ExplainProvider"] = explaining
        settings = {
            "timeframes": timeframes,
            **{
                market.value: {asset.symbol: asset.name for asset in assets if asset.market is market}
                for market in Market
            },
            "run": {**before, "MARKET": market, "GROWFOLIO_EXCHANGES": joined},
            "deploy": {**known.get("deploy", {}), **parameters},
        }
        return settings, keys

    def _exchanges(self, default: str) -> tuple[str, ...]:
        while True:
            given = self.ask(f"Exchanges, the preferred one first [{default}]: ") or default
            names = tuple(name.strip().lower() for name in given.split(",") if name.strip())
            unknown = [name for name in names if name not in EXCHANGES]
            if names and not unknown:
                return names
            self.say(f"  no exchange {', '.join(unknown)}: choose of {', '.join(EXCHANGES)}")

    def _assets(self, settings: Settings) -> tuple[Asset, ...]:
        default = ",".join(asset.symbol for asset in ASSETS)
        self.say("An asset that is not listed yet is SYMBOL:stocks:Name or SYMBOL:crypto:Name.")
        while True:
            given = self.ask(f"Assets [{default}]: ") or default
            try:
                assets = tuple(dict.fromkeys(_asset(name) for name in given.split(",") if name.strip()))
            except UnknownAsset as fault:
                self.say(f"  {fault}")
                continue
            verdicts = self.providers.candles(assets, settings)
            refused = [asset for asset in assets if verdicts[asset].good is False]
            unasked = [asset for asset in assets if verdicts[asset].good is None]
            for asset in refused:
                self.say(f"  {asset.symbol}: {verdicts[asset].why}")
            if unasked:
                self.say(
                    f"  {len(unasked)} of {len(assets)} could not be checked: {verdicts[unasked[0]].why}"
                )
            keep = not refused or self._one_of("Keep them all the same", "no", ("yes", "no")) == "yes"
            if assets and keep:
                self.say(f"  {len(assets) - len(refused) - len(unasked)} of {len(assets)} have candles")
                return assets

    def _timeframes(self) -> list[str]:
        default = ",".join(Timeframe)
        while True:
            given = self.ask(f"Timeframes of {', '.join(LENGTHS)} [{default}]: ") or default
            names = [name.strip() for name in given.split(",") if name.strip()]
            if set(names) <= set(LENGTHS) and GRID in names:
                new = [name for name in names if name not in list(Timeframe)]
                if new:
                    self.say(f"  {', '.join(new)} answer no_model until you have trained models for them")
                return list(dict.fromkeys(names))
            self.say(f"  choose of {', '.join(LENGTHS)}, {GRID} among them")

    def _one_of(self, question: str, default: str, choices: tuple[str, ...]) -> str:
        while True:
            given = self.ask(f"{question}, {' or '.join(choices)} [{default}]: ").strip().lower() or default
            if given in choices:
                return given
            self.say(f"  choose {' or '.join(choices)}")

    def _explaining(self) -> str:
        """Whose language model explains; no question where there is one provider."""
        default = self.providers.settings.explain_provider
        return self._one_of("Explanations by", default, tuple(PROVIDERS)) if len(PROVIDERS) > 1 else default

    def _key(self, name: str, explaining: str) -> str:
        check: dict[str, Callable[[str], Verdict]] = {
            "FINNHUB_KEY": self.providers.finnhub,
            key_variable(explaining): lambda key: self.providers.language_model(explaining, key),
            "HUB_TOKEN": self.providers.hub,
        }
        while key := self.ask_secretly(f"{SECRETS[name][0]} [none]: ").strip():
            if self._accepted(check[name](key)):
                return key
        return ""

    def _alpaca(self) -> dict[str, str]:
        """Key ID and secret, which go together; nothing where the first is left empty."""
        while key := self.ask_secretly(f"{SECRETS['ALPACA_KEY'][0]} [none]: ").strip():
            secret = self.ask_secretly(f"{SECRETS['ALPACA_SECRET'][0]}: ").strip()
            if self._accepted(self.providers.alpaca(key, secret)):
                return dict(zip(ALPACA, (key, secret), strict=True))
        return {}

    def _accepted(self, verdict: Verdict) -> bool:
        """Say what the provider said. A key that could not be checked is taken."""
        if verdict.good:
            self.say("  accepted")
        else:
            self.say(f"  {'refused' if verdict.good is False else 'could not be checked'}: {verdict.why}")
        return verdict.good is not False


def _asset(text: str) -> Asset:
    """An asset of the list by symbol, or a new one. Raises UnknownAsset, which says how to write it."""
    symbol, *rest = (part.strip() for part in text.split(":"))
    known = {asset.symbol: asset for asset in ASSETS}
    if not rest and symbol.upper() in known:
        return known[symbol.upper()]
    if len(rest) != 2 or rest[0] not in list(Market) or not rest[1]:
        raise UnknownAsset(f"{symbol!r} is not listed: write {symbol}:stocks:Name or {symbol}:crypto:Name")
    return Asset(symbol.upper(), Market(rest[0]), rest[1])


def aws_commands(keys: Mapping[str, str]) -> list[str]:
    """The commands that put the keys into SSM. They read the file, so that no shell history holds a key."""
    return [
        f"aws ssm put-parameter --overwrite --type SecureString --name {PLACE}{SECRETS[name][2]} "
        f'--value "$(sed -n s/^{name}=//p keys.env)"'
        for name in keys
    ]


def run(guide: Guide, environ: Mapping[str, str]) -> None:
    """Asks and writes. Raises ConfigurationError for answers that make no list, and for a broken file."""
    file = settings_file(environ)
    settings, keys = guide.settings(read_settings(file))
    text_of = {name: settings[name] for name in ("timeframes", *Market)}
    parse(json.dumps(text_of), "your answers")
    kept = read_keys(environ)
    write(settings, kept | keys, environ)
    guide.say(f"\nWritten: {file.name}. make run and make deploy read it.")
    if keys:
        guide.say("Keys are in keys.env, which only you may read. For AWS, before make deploy:")
        for command in aws_commands(keys):
            guide.say(f"  {command}")


def main() -> int:
    interactive = sys.stdin.isatty()

    def ask(question: str) -> str:
        answer = input(question)
        if not interactive:
            print()
        return answer.strip()

    providers = Providers(lambda: int(time.time()), Settings.from_environment(os.environ))
    guide = Guide(ask, getpass.getpass if interactive else ask, print, providers)
    try:
        run(guide, os.environ)
    except ConfigurationError as fault:
        print(f"growfolio: {fault}", file=sys.stderr)
        return 2
    except (EOFError, KeyboardInterrupt):
        print("\nNothing was written.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
