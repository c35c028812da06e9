"""How long what expires is kept. DynamoDB deletes an item some time after the moment in its ttl."""

from growfolio.domain.times import DAY

HISTORY_SECONDS = 14 * DAY
"""A signal in the history: so long readers see it and metrics count it, and so long it costs storage."""
COMPLETION_SECONDS = HISTORY_SECONDS
"""The marker of a completed bar: as long as the history that it vouches for."""
BUDGET_SECONDS = 7_200
"""A count of calls: longer than the hour that it counts."""
