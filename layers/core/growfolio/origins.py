"""Origins as browsers send them: an API that allows any other spelling allows nobody."""

import re

from growfolio.errors import ConfigurationError

_ORIGIN = re.compile(
    r"""\*
    | chrome-extension://[a-p]{32}
    | (moz|safari-web)-extension://[0-9A-Za-z-]{36}
    | https?://([a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?""",
    re.VERBOSE,
)
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
EXAMPLE = "chrome-extension://<id>, with the 32 letters of chrome://extensions, or https://example.com"


def checked_origin(given: str, setting: str) -> str:
    """The origin as given. Raises ConfigurationError, which names the right form where it can be guessed."""
    if is_origin(given):
        return given
    meant = _meant(given)
    advice = f"write {meant}" if is_origin(meant) else f"write {EXAMPLE}"
    raise ConfigurationError(f"{setting}: no browser calls from {given[:80]!r}; {advice}")


def is_origin(text: str) -> bool:
    """Whether a browser may send it: scheme, host in lower case, and a port other than the scheme's own."""
    return bool(_ORIGIN.fullmatch(text)) and not text.endswith(
        _DEFAULT_PORTS.get(text.partition(":")[0], " ")
    )


def _meant(given: str) -> str:
    """What it looks like without quotes, path and capitals; an id alone is an extension's."""
    text = given.strip(" \t\"'`<>").lower()
    if re.fullmatch("[a-p]{32}/?", text):
        text = f"chrome-extension://{text}"
    scheme, _, rest = text.rpartition("://")
    if not scheme and "." not in rest:
        return ""
    scheme = scheme or "https"
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].removesuffix(_DEFAULT_PORTS.get(scheme, " "))
    return f"{scheme}://{host}"
