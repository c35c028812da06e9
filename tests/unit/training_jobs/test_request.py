"""What the train function accepts, before a machine is paid for."""

import pytest
from growfolio.domain.assets import ASSETS, Timeframe
from growfolio.errors import BadTrainingRequest
from growfolio.training_jobs.request import TrainingRequest

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_an_empty_request_trains_everything_and_publishes_nothing() -> None:
    request = TrainingRequest.from_event({})
    assert len(request.symbols) == len(ASSETS)
    assert request.timeframes == tuple(Timeframe)
    assert (request.network, request.publish, request.promote, request.warm_start) == (
        "ensemble",
        False,
        False,
        "",
    )


def test_a_request_becomes_the_arguments_of_the_job() -> None:
    event = {"symbols": ["AAPL", "btc/usdt"], "timeframes": ["5m"], "network": "gru", "publish": True}
    expected = "job --symbols AAPL BTC --timeframes 5m --network gru --publish"
    assert TrainingRequest.from_event(event).arguments() == expected.split()


def test_fine_tuning_names_the_revision_to_start_from() -> None:
    for revision in (COMMIT, "active"):
        arguments = TrainingRequest.from_event({"warm_start": revision}).arguments()
        assert arguments[-2:] == ["--warm-start", revision]


def test_an_asset_named_twice_is_trained_once() -> None:
    assert TrainingRequest.from_event({"symbols": ["BTC", "BTC_USDT"]}).symbols == ("BTC",)


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ({"symbol": ["AAPL"]}, "cannot read symbol"),
        ({"symbols": "AAPL"}, "symbols is a list"),
        ({"symbols": []}, "symbols is a list"),
        ({"symbols": ["TWTR"]}, "no asset 'TWTR'"),
        ({"symbols": [None]}, "no asset 'None'"),
        ({"timeframes": ["1h"]}, "no timeframe '1h': choose 5m, 15m"),
        ({"network": "mlp"}, "no network 'mlp': choose lstm"),
        ({"network": ["lstm"]}, "no network"),
        ({"publish": "yes"}, "publish is true or false"),
        ({"promote": True}, "send publish too"),
        ({"warm_start": "main"}, "warm_start is a commit hash or 'active'"),
        ({"warm_start": True}, "warm_start is a commit hash or 'active'"),
    ],
)
def test_a_request_that_cannot_be_carried_out_says_what_to_send(event: dict[str, object], says: str) -> None:
    with pytest.raises(BadTrainingRequest, match=says):
        TrainingRequest.from_event(event)


def test_no_word_of_a_request_can_become_another_argument_of_the_job() -> None:
    for field in ("symbols", "timeframes"):
        with pytest.raises(BadTrainingRequest):
            TrainingRequest.from_event({field: ["--publish"]})
