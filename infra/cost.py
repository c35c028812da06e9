"""What the stack costs a month, by what `make stack-test` measured and the prices of a day: `make cost`."""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from growfolio.bootstrap import KEEPING_SECONDS, WRITERS
from growfolio.domain.assets import Market, Timeframe
from growfolio.domain.timeframes import GRID, seconds_of
from growfolio.domain.times import BAR, DAY
from growfolio.settings import Settings
from growfolio.storage.retention import HISTORY_SECONDS

from infra.template import Template, load

ROOT = Path(__file__).resolve().parent.parent
HOURS = 730.5
"""Of a month, on average; a day is an hour of thirty of it."""
DAYS = HOURS / 24
SESSIONS = 252 / 12
"""Stock sessions of a month."""
SESSION_BARS = 78
"""Five-minute bars of a session."""
SCHEDULED_STOCK_RUNS = 96 * DAYS * 5 / 7
"""Firings of the stock schedule, those outside a session included."""
CRYPTO_RUNS = WATCH_RUNS = 288 * DAYS
WHOLE_CORE_MB = 1769
"""Memory with which a function has one core; with less, it has as much less of it."""
AWS_CALL_SECONDS, PROVIDER_SECONDS = 0.008, 1.0
"""What a call of AWS and a refresh's provider are waited for: not measured, AWS is not on this machine."""
CALM_SHARE = 0.98
"""Of all runs, those that meet a warm function; the others start cold."""
CANDLES_GB = 0.2
"""A day of all coins is 73 KB in the archive, a session of all stocks 15 KB."""
MIRROR_GB = 0.1
"""Of promoted revisions, about 3 MB each."""
EXPLAINED_SHARE = {"5m": 0.16, "15m": 0.45}
"""Of all signals, those that are explained anew: the action changed, or an hour has passed. From a replay of
the real candles of 5 September 2024 with the shipped models."""
READERS = 100_000
"""Requests that the row of readers is reckoned for."""
LARGEST_PAGE = 200
"""Signals of the largest answer, a page of the history, which no function keeps in memory."""
IN_A_LIST = 24
"""Signals of the answers whose work was measured."""
ACCESS_LOG_BYTES = 250
GEMINI_TOKENS = 700, 40
"""Of a call, in and out, at four letters each."""

Prices = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One position of the bill."""

    what: str
    how: str
    dollars: float
    apart: bool = False
    """Whether it is listed apart: somebody turns it on, or asks for it."""


@dataclass(frozen=True, slots=True)
class Runs:
    """How often a function runs in a month, and how long."""

    count: float
    seconds: float

    def dollars(self, memory_mb: int, prices: Prices) -> float:
        compute = self.count * self.seconds * memory_mb / 1024 * prices["lambda_arm64_gb_second"]
        return float(compute + self.count / 1e6 * prices["lambda_million_requests"])


def seconds(work: Mapping[str, Any], memory_mb: int, waits: float = 0.0) -> float:
    """How long an invocation lasts, from the seconds of a core and the calls of AWS that it takes."""
    slower = max(1.0, WHOLE_CORE_MB / memory_mb)
    return float(work["cpu"] * slower + work["aws_calls"] * AWS_CALL_SECONDS + waits)


def bill(
    measured: Mapping[str, Any],
    prices: Prices,
    stack: Template,
    monitoring: Template,
    timeframes: Sequence[str] = tuple(Timeframe),
) -> list[Line]:
    """The positions of a month with these timeframes. measured is what tests/stack/measuring.py writes."""
    return [
        *_functions(measured, prices, stack),
        *_table(measured, prices, timeframes),
        *_bucket(measured, prices),
        *_observation(measured, prices, monitoring),
        Line("schedules", _firings_text(), _firings() / 1e6 * prices["scheduler_million_invocations"]),
        Line("secrets and revision", "standard SSM parameters", 4 * prices["ssm_standard_parameter_month"]),
        *_options(prices),
        *_readers(measured, prices, stack),
        *_training(prices),
    ]


def _firings() -> float:
    return SCHEDULED_STOCK_RUNS + CRYPTO_RUNS + WATCH_RUNS


def _firings_text() -> str:
    return f"{_firings():,.0f} firings"


def _functions(measured: Mapping[str, Any], prices: Prices, stack: Template) -> list[Line]:
    working = SESSIONS * SESSION_BARS
    memory = {name: int(stack.properties(name)["MemorySize"]) for name in stack.functions()}

    def refreshes(market: str, count: float) -> Runs:
        own = measured["refresh"][market]
        mean = CALM_SHARE * own["cpu"] + (1 - CALM_SHARE) * own["cold_cpu"]
        mb = memory[f"Refresh{market.capitalize()}Function"]
        # Writes are most of a run's calls, and WRITERS of them are waited for at the same time.
        work = {"cpu": mean, "aws_calls": own["aws_calls"] / WRITERS}
        return Runs(count, seconds(work, mb, PROVIDER_SECONDS))

    def line(name: str, function: str, *runs: Runs) -> Line:
        count = sum(one.count for one in runs)
        mean = sum(one.count * one.seconds for one in runs) / count
        dollars = sum(one.dollars(memory[function], prices) for one in runs)
        return Line(name, f"{count:,.0f} runs of {mean:.2f} s at {memory[function]} MB", dollars)

    def plain(name: str, count: float) -> Runs:
        return Runs(count, seconds(measured[name], memory[f"{name.capitalize()}Function"]))

    idle = seconds(measured["refresh"]["stocks"]["idle"], memory["RefreshStocksFunction"])
    outside = Runs(SCHEDULED_STOCK_RUNS - working, idle)
    return [
        line("refresh of stocks", "RefreshStocksFunction", refreshes("stocks", working), outside),
        line("refresh of crypto", "RefreshCryptoFunction", refreshes("crypto", CRYPTO_RUNS)),
        line("watch", "WatchFunction", plain("watch", WATCH_RUNS)),
        line("explain", "ExplainFunction", plain("explain", CRYPTO_RUNS + working)),
        Line(
            "API, asked by the watch",
            f"{WATCH_RUNS:,.0f} requests",
            _requests(WATCH_RUNS, measured["api"], prices, memory["ApiFunction"]),
        ),
    ]


def _table(measured: Mapping[str, Any], prices: Prices, timeframes: Sequence[str]) -> list[Line]:
    """A timeframe that was not measured yet counts as the shortest: one signal an asset too."""
    closing = {name: BAR / seconds_of(name) for name in timeframes}
    working = {Market.CRYPTO: CRYPTO_RUNS, Market.STOCKS: SESSIONS * SESSION_BARS}
    writes = idle = explained = daily = 0.0
    for market, runs in working.items():
        own = measured["refresh"][market]
        units = own["write_units"]
        writes += runs * (
            units["both"] + sum(units.get(name, units[GRID]) * share for name, share in closing.items())
        )
        signals = measured["assets"][market] * runs
        explained += sum(
            signals * share * EXPLAINED_SHARE.get(name, max(EXPLAINED_SHARE.values()))
            for name, share in closing.items()
        )
        daily += signals / DAYS * sum(closing.values())
    idle = (SCHEDULED_STOCK_RUNS - working[Market.STOCKS]) * measured["refresh"]["stocks"]["idle"][
        "write_units"
    ]
    reads = WATCH_RUNS * measured["watch"]["read_units"] + CRYPTO_RUNS * measured["explain"]["read_units"]
    reads += sum(runs * measured["refresh"][market]["idle"]["read_units"] for market, runs in working.items())
    stored = daily * HISTORY_SECONDS / DAY * measured["history_item_bytes"] / 1e9
    kept = stored * (prices["dynamodb_gb_month"] + prices["dynamodb_recovery_gb_month"])
    unit = prices["dynamodb_million_write_units"] / 1e6
    return [
        Line("table, writes of refreshes", f"{writes + idle:,.0f} units", (writes + idle) * unit),
        Line("table, explanations", f"{explained:,.0f} units", explained * unit),
        Line("table, reads", f"{reads:,.0f} units", reads / 1e6 * prices["dynamodb_million_read_units"]),
        Line("table, storage", f"{stored:.2f} GB and its recovery", kept),
    ]


def _bucket(measured: Mapping[str, Any], prices: Prices) -> list[Line]:
    """The window is kept every KEEPING_SECONDS, and by each cold start."""
    puts = sum(
        runs * (BAR / KEEPING_SECONDS + 1 - CALM_SHARE) * measured["refresh"][market]["puts"]
        for market, runs in ((Market.CRYPTO, CRYPTO_RUNS), (Market.STOCKS, SCHEDULED_STOCK_RUNS))
    )
    working = ((Market.CRYPTO, CRYPTO_RUNS), (Market.STOCKS, SESSIONS * SESSION_BARS))
    ledgers = sum(runs * measured["refresh"][market]["record_puts"] for market, runs in working)
    units = sum(runs * measured["refresh"][market]["record_units"] for market, runs in working)
    record = ledgers / 1e3 * prices["s3_thousand_puts"] + units / 1e6 * prices["dynamodb_million_write_units"]
    return [
        Line("bucket, writes", f"{puts:,.0f} objects", puts / 1e3 * prices["s3_thousand_puts"]),
        Line("record", f"{ledgers:,.0f} writes of ledgers, {units:,.0f} units of the table", record),
        Line(
            "bucket, storage", f"{CANDLES_GB} GB, candles of five years", CANDLES_GB * prices["s3_gb_month"]
        ),
        Line("mirror of the models", f"{MIRROR_GB} GB, some 30 revisions", MIRROR_GB * prices["s3_gb_month"]),
    ]


def _observation(measured: Mapping[str, Any], prices: Prices, monitoring: Template) -> list[Line]:
    runs = {"stocks": SCHEDULED_STOCK_RUNS, "crypto": CRYPTO_RUNS}
    logged = sum(runs[market] * own["log_bytes"] for market, own in measured["refresh"].items())
    logged += WATCH_RUNS * measured["watch"]["log_bytes"] + CRYPTO_RUNS * measured["explain"]["log_bytes"]
    gigabytes = logged / 1e9
    logs = gigabytes * (prices["logs_ingested_gb"] + prices["logs_stored_gb_month"])
    alarmed = sum(
        len([part for part in alarm.get("Metrics", []) if "MetricStat" in part]) or 1
        for alarm in map(monitoring.properties, monitoring.of_type("AWS::CloudWatch::Alarm"))
    )
    dashboards = len(monitoring.of_type("AWS::CloudWatch::Dashboard"))
    return [
        Line("logs", f"{gigabytes:.3f} GB", logs),
        Line("custom metrics", "while all is well", measured["metrics"] * prices["metric_month"]),
        Line("alarms", f"on {alarmed} metrics", alarmed * prices["alarm_metric_month"], apart=True),
        Line("dashboard", f"{dashboards}", dashboards * prices["dashboard_month"], apart=True),
    ]


def _requests(count: float, api: Mapping[str, Any], prices: Prices, memory: int) -> float:
    """Dollars of so many requests of this work, through the HTTP API to the function, logged twice."""
    logged = api["log_bytes"] + ACCESS_LOG_BYTES
    each = prices["http_api_million_requests"] / 1e6
    each += api["read_units"] / 1e6 * prices["dynamodb_million_read_units"]
    each += logged / 1e9 * (prices["logs_ingested_gb"] + prices["logs_stored_gb_month"])
    each += api["answer_bytes"] / 1e9 * prices["data_out_gb"]
    return Runs(count, seconds(api, memory)).dollars(memory, prices) + count * float(each)


def _options(prices: Prices) -> list[Line]:
    """What an owner turns on."""
    calls = Settings().explain_calls_per_hour * HOURS
    asked, answered = GEMINI_TOKENS
    dollars = calls * asked / 1e6 * prices["gemini_million_input_tokens"]
    dollars += calls * answered / 1e6 * prices["gemini_million_output_tokens"]
    dollars += calls / 1e6 * prices["dynamodb_million_write_units"]
    return [Line("Gemini, at most", f"its budget of {calls:,.0f} calls", dollars, apart=True)]


def _readers(measured: Mapping[str, Any], prices: Prices, stack: Template) -> list[Line]:
    """Readers by the hundred thousand, and what one who means harm can cost in a month."""
    memory = int(stack.properties("ApiFunction")["MemorySize"])
    api = measured["api"]
    throttle = stack.properties("Api")["DefaultRouteSettings"]["ThrottlingRateLimit"]
    most = throttle * HOURS * 3600
    item = measured["history_item_bytes"]
    worst = {
        "cpu": api["cpu"] * LARGEST_PAGE / IN_A_LIST,
        "aws_calls": 1,
        "read_units": LARGEST_PAGE * item / 4096 / 2,
        "log_bytes": api["log_bytes"],
        "answer_bytes": LARGEST_PAGE * measured["answered_signal_bytes"],
    }
    return [
        Line("readers", f"each {READERS:,} requests", _requests(READERS, api, prices, memory), apart=True),
        Line(
            "a hostile reader, at most",
            f"{throttle} of the largest answers a second, all month",
            _requests(most, worst, prices, memory),
            apart=True,
        ),
    ]


def _training(prices: Prices) -> list[Line]:
    return [
        Line("training, one GPU hour on spot", "while a job runs", prices["gpu_spot_hour"], apart=True),
        Line(
            "training, one GPU hour on demand",
            "where no spot is free",
            prices["gpu_on_demand_hour"],
            apart=True,
        ),
        Line("training image", "8 GB in the registry", 8 * prices["ecr_gb_month"], apart=True),
    ]


def table(lines: list[Line]) -> str:
    """As Markdown, with what is listed apart after the sum."""
    own, apart = ([line for line in lines if line.apart is kind] for kind in (False, True))
    rows = [f"| {line.what} | {line.how} | {line.dollars:.2f} |" for line in own]
    rows.append(f"| **all that runs by itself** | | **{sum(line.dollars for line in own):.2f}** |")
    rows += [f"| {line.what} (apart) | {line.how} | {line.dollars:.2f} |" for line in apart]
    return "\n".join(["| what | how much | dollars a month |", "|---|---|---:|", *rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measured", type=Path, default=ROOT / "infra" / "measured.json")
    given = parser.parse_args()
    measured, prices = (json.loads(p.read_text()) for p in (given.measured, ROOT / "infra" / "prices.json"))
    stack, monitoring = load(ROOT / "template.yaml"), load(ROOT / "infra" / "monitoring.yaml")
    print(table(bill(measured, prices, stack, monitoring)))
    print(f"\nPrices of {prices['region']} on {prices['date']}, before {prices['before']}.")
    print(f"Measured on {measured['date']}, {sum(measured['assets'].values())} assets, {measured['on']}.")


if __name__ == "__main__":
    main()
