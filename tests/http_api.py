"""Events as API Gateway's HTTP API sends them (payload format 2.0), and the context beside them."""

from base64 import b64encode
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote


@dataclass(frozen=True, slots=True)
class LambdaContext:
    function_name: str = "growfolio-test-api"
    function_version: str = "$LATEST"
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:growfolio-test-api"
    memory_limit_in_mb: int = 512
    aws_request_id: str = "0e0ba3b1-7c57-4f13-9d3f-6b1f5b1a2c3d"


def http_event(
    path: str, *, method: str = "GET", headers: dict[str, str] | None = None, body: bytes | None = None
) -> dict[str, Any]:
    """A request to the $default stage; path may have a query string. A body goes in base64."""
    raw_path, _, query = path.partition("?")
    names = dict.fromkeys(name for name, _ in parse_qsl(query, keep_blank_values=True))
    pairs = parse_qsl(query, keep_blank_values=True)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": unquote(raw_path),
        "rawQueryString": query,
        "headers": {
            "accept": "*/*",
            "host": "abc123.execute-api.us-east-1.amazonaws.com",
            "x-forwarded-for": "203.0.113.7",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
            **(headers or {}),
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abc123",
            "domainName": "abc123.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "abc123",
            "http": {
                "method": method,
                "path": unquote(raw_path),
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "curl/8.5.0",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "$default",
            "stage": "$default",
            "time": "05/Sep/2024:18:00:30 +0000",
            "timeEpoch": 1725559230000,
        },
        "isBase64Encoded": body is not None,
    }
    if query:
        event["queryStringParameters"] = {
            name: ",".join(value for other, value in pairs if other == name) for name in names
        }
    if body is not None:
        event["body"] = b64encode(body).decode()
    return event
