"""What real candles have that made-up ones do not: a missing day, an asset of years ago, one of five days."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from growfolio.domain.assets import Timeframe, find_asset
from growfolio.domain.labels import UNKNOWN
from growfolio.domain.times import DAY

from training.data.dataset import Part, Samples
from training.pools import gather
from training.release.pool import jobs_of
from training.settings import TrainSettings

MISSING_DAY = int(datetime(2025, 8, 7, tzinfo=UTC).timestamp())
NOW = MISSING_DAY + 400 * DAY


def stocks(candles: Path, timeframe: Timeframe, *symbols: str) -> tuple[Samples, dict[str, str]]:
    settings = TrainSettings((candles,), candles, tuple(map(find_asset, symbols)), (timeframe,))
    (samples,), left_out = gather(settings, NOW)
    return samples, left_out


@pytest.mark.parametrize("timeframe", list(Timeframe))
def test_no_label_reaches_across_the_session_that_the_files_lack(
    real_candles: Path, timeframe: Timeframe
) -> None:
    """It is a break in trading, as in serving: windows reach across it, labels end before it."""
    samples, _ = stocks(real_candles, timeframe, "AAPL", "MA")
    of_aapl = samples.usable & (samples.asset == samples.assets.index(find_asset("AAPL")))
    closes, decided = samples.bar_close[of_aapl], samples.decided[of_aapl]
    assert (closes < MISSING_DAY).any()
    assert (closes > MISSING_DAY + DAY).any()
    assert not ((closes >= MISSING_DAY) & (closes < MISSING_DAY + DAY)).any()
    assert not ((closes < MISSING_DAY) & (decided > MISSING_DAY)).any()


@pytest.mark.parametrize("timeframe", list(Timeframe))
def test_every_labelled_bar_of_a_year_is_decided_in_its_own_session(
    real_candles: Path, timeframe: Timeframe
) -> None:
    samples, _ = stocks(real_candles, timeframe, "MA")
    assert (samples.decided[samples.usable] - samples.bar_close[samples.usable] == timeframe.seconds).all()
    unknown = (samples.labels == UNKNOWN).mean()
    assert unknown == pytest.approx(timeframe.seconds / (6.5 * 3600), rel=0.02)


@pytest.mark.parametrize("timeframe", list(Timeframe))
def test_an_asset_whose_candles_end_years_before_the_cut_gets_no_model_of_its_own(
    real_candles: Path, timeframe: Timeframe
) -> None:
    samples, _ = stocks(real_candles, timeframe, "AAPL", "LOW")
    assert len(samples.rows(Part.TRAIN, find_asset("LOW"))) > 500
    jobs, too_small = jobs_of(samples, TrainSettings((real_candles,), real_candles))
    assert "0 to validate, 0 to test" in too_small[f"LOW_{timeframe}_lstm"]
    assert [job.id for job in jobs] == [f"stocks_{timeframe}_lstm", f"AAPL_{timeframe}_lstm"]


def test_an_asset_of_five_days_is_left_out_or_only_tested_on(real_candles: Path) -> None:
    tmo = find_asset("TMO")
    samples, left_out = stocks(real_candles, Timeframe.M15, "AAPL", "TMO")
    assert "too few candles: 130 bars of 15m" in left_out["TMO 15m"]
    samples, left_out = stocks(real_candles, Timeframe.M5, "AAPL", "TMO")
    assert not left_out
    assert [len(samples.rows(part, tmo)) for part in (Part.TRAIN, Part.VALIDATION)] == [0, 0]
    _, too_small = jobs_of(samples, TrainSettings((real_candles,), real_candles))
    assert list(too_small) == ["TMO_5m_lstm"]


def test_no_feature_of_a_year_of_candles_is_missing_or_without_bound(real_candles: Path) -> None:
    samples, _ = stocks(real_candles, Timeframe.M5, "AAPL", "MA", "LOW")
    assert np.isfinite(samples.features).all()
