"""Source and archive of each market's history: the product's own sources, with longer time-outs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from growfolio.domain.assets import Market
from growfolio.market.ports import Patience
from growfolio.market.providers import market_source
from growfolio.settings import Settings
from growfolio.storage.candle_archive import CandleArchive
from growfolio.storage.objects import S3Objects

from training.data.download import Origin

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PATIENCE = Patience(request=20.0, deadline=600.0, tries=3, pause=1.0, publication=0.0)
"""A download has minutes where a refresh has seconds, and waits for no bar that is published late."""


def origins(settings: Settings, markets: Sequence[Market]) -> list[Origin]:
    """Each market's source and archive. Raises ConfigurationError for a source that there is not."""
    archives = bucket_objects(settings.bucket) if settings.bucket else None
    return [_origin(settings, market, archives) for market in markets]


def bucket_objects(bucket: str) -> S3Objects:
    """A bucket's objects, with more time than a refresh has: the job's files are megabytes."""
    return S3Objects(bucket, _patient_client())


def _origin(settings: Settings, market: Market, archives: S3Objects | None) -> Origin:
    archive = CandleArchive(archives, market) if archives else None
    source = market_source(settings, market, PATIENCE)
    return Origin(market, source, source.longest_past, archive)


def _patient_client() -> "S3Client":
    import boto3
    from botocore.config import Config

    patience = Config(
        connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 4, "mode": "standard"}
    )
    return boto3.client("s3", config=patience)
