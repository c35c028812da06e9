"""Every error the package raises on purpose. Temporary errors are worth retrying, permanent ones are not."""


class GrowfolioError(Exception):
    """Base of all errors raised on purpose."""


class ConfigurationError(GrowfolioError):
    """A setting is missing or wrong; the message names the setting and what to put there."""


class UnknownAsset(GrowfolioError):
    """A symbol that is not one of the product's assets."""


class MarketError(GrowfolioError):
    """A provider of market data gave no usable answer."""


class TemporaryMarketError(MarketError):
    """Worth retrying: time-out, lost connection, 429, 5xx, an answer cut short."""


class PermanentMarketError(MarketError):
    """Not worth retrying: unknown symbol, 401, 403, 451, an answer that can never parse."""


class KeyRefused(PermanentMarketError):
    """The provider refuses the key, or there is none; the message says where to put one."""


class WrongAnswer(TemporaryMarketError):
    """An answer to another question than the one asked: other symbol, bar length, currency or time."""


class NoSession(GrowfolioError):
    """A market that does not trade, against the calendar; the message is the reason shown to the reader."""


class BadCandles(GrowfolioError):
    """Candles that must not become a prediction; the message is the reason shown to the reader."""


class MissingCandles(GrowfolioError):
    """Too few closed candles, or the newest not published yet; the message is the reason shown."""


class UnsoundInput(GrowfolioError):
    """An indicator or context input that no model may see; the message names it, the bar and the fault."""


class ArchiveError(GrowfolioError):
    """Kept candles could not be read or written; they are a cache, so that a refresh goes on without."""


class ObjectChanged(ArchiveError):
    """Another run wrote the object after it was read: read it again."""


class ModelError(GrowfolioError):
    """Models could not be loaded or run."""


class TemporaryModelError(ModelError):
    """Worth retrying: the Hub did not answer, a download was cut."""


class PermanentModelError(ModelError):
    """Not worth retrying: wrong checksum, missing file, private repository, unknown revision."""


class ParameterError(GrowfolioError):
    """A value in the SSM parameter store could not be read."""


class TemporaryParameterError(ParameterError):
    """Worth retrying: throttled, time-out, lost connection, 5xx, an answer cut short."""


class PermanentParameterError(ParameterError):
    """Not worth retrying: no such parameter, no permission, no credentials; the message says what to set."""


class MissingParameter(PermanentParameterError):
    """There is no such parameter."""


class StoreError(GrowfolioError):
    """The table refused a read or a write, after the retries worth making."""


class TemporaryStoreError(StoreError):
    """Worth retrying later: throttled, time-out, lost connection, 5xx."""


class PermanentStoreError(StoreError):
    """Not worth retrying: no such table, no permission, a value that the table cannot hold."""


class BadItem(StoreError):
    """A stored item that cannot be read: damaged, or written by an older version; the message says which."""


class ExplainError(GrowfolioError):
    """A language model gave no explanation that may be shown; the template explains instead."""


class TemporaryExplainError(ExplainError):
    """Worth asking again later: time-out, lost connection, 429, 5xx."""


class PermanentExplainError(ExplainError):
    """Not worth asking again until something is changed: the key, the model's name."""


class BadExplanation(ExplainError):
    """An answer that came and failed a check; the message says which."""


class BadTrainingRequest(GrowfolioError):
    """A training request that cannot be carried out as it was asked; the message says what to send."""


class MissingGpu(GrowfolioError):
    """A training job was to run on a GPU, and its machine has none that torch can use."""


class PublicAddressError(GrowfolioError):
    """The API's public address does not answer as the API does."""
