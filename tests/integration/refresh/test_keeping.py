"""How often a refresh keeps its candle window: what S3 bills is the write, not the bytes."""

import boto3
import pytest
from growfolio.bootstrap import KEEPING_SECONDS, Refresher
from growfolio.domain.times import BAR
from growfolio.settings import Settings

from tests.bars import moment
from tests.dynamodb import FreshTable

NOW = moment("2024-09-05 18:00") + 10
BUCKET, WINDOW = "candles", "window/crypto/simulated.npz"


def test_a_cold_start_keeps_the_window_at_once_and_a_warm_one_every_quarter_of_an_hour(
    moto_table: FreshTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_table.endpoint)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    settings = Settings(table=moto_table.name, market="crypto", source="simulated", bucket=BUCKET)

    def versions(refresher: Refresher, first: int, runs: int) -> list[str]:
        kept = []
        for run in range(runs):
            refresher.refresh(first + run * BAR)
            kept.append(s3.head_object(Bucket=BUCKET, Key=WINDOW)["ETag"])
        return kept

    first, second, third, fourth = versions(Refresher(settings), NOW, 1 + KEEPING_SECONDS // BAR)
    assert first == second == third != fourth
    assert versions(Refresher(settings), NOW + 4 * BAR, 1) != [fourth], "what starts cold keeps what it has"
