"""The routes that readers call, over the store's port: alike on Lambda and under any ASGI server."""

SERVICE = "api"
"""The name in logs and metrics."""
