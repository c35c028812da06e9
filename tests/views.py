"""What models of the sixteen see, from windows alone."""

from growfolio.domain.forecast import Views, Windows
from growfolio.indicators.standard import FEATURES


def sixteen(windows: Windows) -> Views:
    """Views of windows (bars, 60, 16), without context."""
    return Views(windows, FEATURES)
