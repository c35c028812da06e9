"""How long after a bar's close its signal may come: what each part of a refresh may take, in seconds.

The sum is the grace: a signal stays current so long past the next bar's close. It covers a late schedule,
a cold start and a slow answer at once, so that readers do not see `stale` while nothing is wrong.
"""

BUDGET = {
    "schedule": 60,
    "start": 5,
    "models": 10,
    "candles": 10,
    "publication": 15,
    "quotes": 5,
    "writing": 15,
}
GRACE_SECONDS = sum(BUDGET.values())
"""What a refresh may take, past the close of the bar it serves."""
MEANING = {
    "schedule": "EventBridge fires within the minute, up to 59 s late",
    "start": "a cold start until the handler runs",
    "models": "loading a revision, once for each cold start and each promotion",
    "candles": "the providers' answers, a second try included",
    "publication": "waiting for a bar that the provider publishes late",
    "quotes": "live prices",
    "writing": "features, forecasts and all writes",
}
"""What each part is for."""


def passed(bar_close: int, stored_at: int) -> bool:
    """Whether a signal was stored after its budget; both in seconds since the epoch."""
    return stored_at > bar_close + GRACE_SECONDS
