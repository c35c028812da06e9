"""Holds the API to its OpenAPI document: schemathesis asks it in every way that the document allows, and in
others that it must refuse. All checks are on, the seed is fixed; known exceptions stand in schemathesis.toml.

Asked once over a table that refreshes have filled, and once over one where every other asset has failed, is
stale or has nothing at all. Ends with 1 where an answer and the document differ.
"""

import subprocess
import sys
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory

from growfolio.domain.assets import ASSETS, Market, Timeframe
from growfolio.domain.signals import Status

from tests.browser.product import serving
from tests.records import keep_record
from tests.samples import BAR, a_failure, a_market, a_signal
from tests.unit.api.conftest import Api

CONFIG = Path(__file__).with_name("schemathesis.toml")
PROGRAM = Path(sysconfig.get_path("scripts")) / "schemathesis"


def filled() -> Api:
    """All signals are current, and there is a history of more than a page, and a record."""
    api = Api()
    for bars_ago in reversed(range(8)):
        api.refresh(BAR - 300 * bars_ago)
    for asset in ASSETS:
        api.store.put_market(a_market(asset.symbol))
    for market, symbol in ((Market.STOCKS, "AAPL"), (Market.CRYPTO, "BTC")):
        keep_record(api.store, market, symbol, 300)
    return api


def failing() -> Api:
    """Of every four assets one is current, one failed, one has expired, and of one nothing is known."""
    api = Api()
    failures = list(Status)[1:4]
    for number, asset in enumerate(ASSETS):
        for timeframe in Timeframe:
            if number % 4 in (0, 2):
                api.store.put_signal(a_signal(asset.symbol, timeframe, bar_close=BAR - 1800 * (number % 4)))
            if number % 4 in (1, 2):
                api.store.note_attempt(asset, timeframe, a_failure(status=failures[number % len(failures)]))
    return api


def main() -> int:
    """The exit code of the first run that fails, else 0."""
    for made in (filled, failing):
        print(f"--- {made.__doc__}", flush=True)
        with serving(made().client.app) as url, TemporaryDirectory() as notes:  # type: ignore[arg-type]
            asked = f"{url}/openapi.json"
            command = [str(PROGRAM), "--config-file", str(CONFIG), "run", asked, "--checks", "all"]
            # It notes down what failed and tries that first the next time: each run here is the first.
            code = subprocess.run([*command, "--continue-on-failure", "--no-color"], cwd=notes).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
