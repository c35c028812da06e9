"""The routes that readers call, over the store's port: alike on Lambda and under any ASGI server."""

from pydantic import BaseModel

# FastAPI brings forty models for the OpenAPI document alone. They are built when somebody asks for it.
BaseModel.model_config["defer_build"] = True
import fastapi  # noqa: E402, F401

del BaseModel.model_config["defer_build"]

SERVICE = "api"
"""The name in logs and metrics."""
