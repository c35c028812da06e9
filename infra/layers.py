"""What each Lambda layer holds, and what is left out of it."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Layer:
    """One folder under layers/, built from its requirements.lock."""

    name: str
    beside: tuple[str, ...] = ()
    """Layers that every function with this one has too; what they hold is not shipped a second time."""
    without: tuple[str, ...] = ()
    """Distributions of the lock that the product never imports."""
    prune: tuple[str, ...] = ()
    """Patterns of files below python/ that the product never reads."""


_MARKET = Path(__file__).resolve().parent.parent / "layers" / "core" / "growfolio" / "market"
EXCHANGES: tuple[str, ...] = tuple(json.loads((_MARKET / "exchanges.json").read_text("utf-8")))
"""What the crypto layer holds of ccxt: importing all hundred takes 1.7 s. Read from the source tree,
for layers are built where the package is not installed."""

LAYERS = {
    layer.name: layer
    for layer in (
        Layer("core"),
        Layer(
            "forecast",
            beside=("core",),
            without=("hf-xet",),  # downloads go over plain HTTP: HF_HUB_DISABLE_XET
            prune=(
                "numpy/f2py",
                "onnxruntime/backend",
                "onnxruntime/datasets",
                "onnxruntime/quantization",
                "onnxruntime/tools",
                "onnxruntime/transformers",
            ),
        ),
        Layer("stocks", beside=("core", "forecast"), prune=("lxml/includes", "lxml/isoschematron")),
        Layer(
            "crypto",
            beside=("core", "forecast"),
            # What only ccxt's asynchronous classes and its signing of orders import.
            without=(
                "aiohappyeyeballs",
                "aiohttp",
                "aiohttp-fast-zlib",
                "aiosignal",
                "attrs",
                "coincurve",
                "frozenlist",
                "multidict",
                "propcache",
                "uvloop",
                "winloop",
                "yarl",
                "zlib-ng",
            ),
            prune=("ccxt/async_support", "ccxt/pro", "ccxt/prediction", "ccxt/test"),
        ),
        Layer("web", beside=("core",), prune=("pydantic/v1",)),  # which FastAPI would import to look for it
        Layer(
            "llm",
            beside=("core",),
            prune=("googleapiclient/discovery_cache/documents/*",),  # Gemini's own is fetched, if ever
        ),
    )
}
