"""An origin that would never match is refused at start, with the form that does."""

import pytest
from growfolio.errors import ConfigurationError
from growfolio.settings import Settings

ID = "abcdefghijklmnopabcdefghijklmnop"
RIGHT = f"chrome-extension://{ID}"


def allowed(text: str) -> tuple[str, ...]:
    return Settings.of_function(
        "api", {"GROWFOLIO_TABLE": "t", "GROWFOLIO_ALLOWED_ORIGINS": text}
    ).allowed_origins


@pytest.mark.parametrize(
    "given",
    [
        RIGHT,
        "https://example.com",
        "https://sub.example.co.uk:8443",
        "http://localhost:3000",
        "http://127.0.0.1:8000",
        "http://[::1]:3000",
        "moz-extension://0f8fad5b-d9cb-469f-a165-70867728950e",
        "*",
    ],
)
def test_origins_that_browsers_send_are_taken(given: str) -> None:
    assert allowed(given) == (given,)
    assert allowed(f"{RIGHT}, {given}") == (RIGHT, given)


@pytest.mark.parametrize(
    ("given", "right"),
    [
        (f"{RIGHT}/", RIGHT),
        (ID, RIGHT),
        (f"{ID}/", RIGHT),
        (ID.upper(), RIGHT),
        (f'"{RIGHT}"', RIGHT),
        (f"'{RIGHT}'", RIGHT),
        (f'"{ID}"', RIGHT),
        (f"{RIGHT}/panel.html", RIGHT),
        (RIGHT.upper(), RIGHT),
        ("https://example.com/", "https://example.com"),
        ("https://example.com/page?x=1", "https://example.com"),
        ("https://Example.com", "https://example.com"),
        ("https://example.com:443", "https://example.com"),
        ("http://example.com:80/", "http://example.com"),
        ("example.com", "https://example.com"),
        ("example.com:8443/", "https://example.com:8443"),
    ],
)
def test_a_slip_is_refused_with_the_right_form(given: str, right: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        allowed(given)
    assert str(raised.value).startswith("GROWFOLIO_ALLOWED_ORIGINS")
    assert str(raised.value).endswith(f"; write {right}")
    assert allowed(right) == (right,)


@pytest.mark.parametrize(
    "given",
    [
        "null",
        "chrome-extension://abc",
        "chrome-extension://",
        f"chrome-extension://{ID}q",
        f"chrome-extension://{ID.replace('a', 'z')}",
        "https://",
        "https://*.example.com",
        "file:///page.html",
        "https://a b",
        "://",
        "x" * 5000,
    ],
)
def test_what_cannot_be_guessed_is_refused_with_an_example(given: str) -> None:
    with pytest.raises(ConfigurationError, match="write chrome-extension://<id>") as raised:
        allowed(f"{RIGHT},{given}")
    assert len(str(raised.value)) < 300


def test_origins_are_checked_however_settings_are_made() -> None:
    with pytest.raises(ConfigurationError, match=r"write https://example\.com$"):
        Settings(allowed_origins=("https://example.com/",))
