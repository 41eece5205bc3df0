"""Headers of a gateway become what the scheduler reads: `vllm serve ... --middleware coxswain.vllm.HeaderMiddleware`.

A header wins over what the body says, so that a gateway decides about tenants and classes, not its clients."""

from __future__ import annotations

import json
from typing import Any, Awaitable, Callable

from .metadata import CLASS, TENANT, TPOT_SLO_MS, TTFT_SLO_MS

HEADERS = {
    b"x-coxswain-tenant": TENANT, b"x-coxswain-class": CLASS, b"x-coxswain-ttft-slo-ms": TTFT_SLO_MS,
    b"x-coxswain-tpot-slo-ms": TPOT_SLO_MS,
}
#: A larger body is passed on as it is.
BODY_BYTES_MAX = 32 << 20

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class HeaderMiddleware:
    """ASGI middleware. Touches only POST requests that carry one of the headers and a JSON object."""

    def __init__(self, app: Callable[[dict[str, Any], Receive, Send], Awaitable[None]]):
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        given = self._given(scope)
        if not given:
            await self.app(scope, receive, send)
            return
        messages, body = await self._read(receive)
        changed = self._with_arguments(body, given) if body is not None else None
        if changed is not None:
            messages = [{"type": "http.request", "body": changed, "more_body": False}]
            headers = [(name, value) for name, value in scope["headers"] if name != b"content-length"]
            scope = {**scope, "headers": [*headers, (b"content-length", str(len(changed)).encode())]}

        async def replay() -> dict[str, Any]:
            return messages.pop(0) if messages else await receive()

        await self.app(scope, replay, send)

    @staticmethod
    def _given(scope: dict[str, Any]) -> dict[str, str]:
        if scope.get("type") != "http" or scope.get("method") != "POST":
            return {}
        return {HEADERS[name]: value.decode("latin-1") for name, value in scope["headers"] if name in HEADERS}

    @staticmethod
    async def _read(receive: Receive) -> tuple[list[dict[str, Any]], bytes | None]:
        """What was received so far, and the whole body; None when it is too large or the client went away."""
        messages, size = [], 0
        while True:
            message = await receive()
            messages.append(message)
            size += len(message.get("body", b""))
            if message["type"] != "http.request" or size > BODY_BYTES_MAX:
                return messages, None
            if not message.get("more_body"):
                return messages, b"".join(m.get("body", b"") for m in messages)

    @staticmethod
    def _with_arguments(body: bytes, given: dict[str, str]) -> bytes | None:
        try:
            value = json.loads(body)
        except ValueError:
            return None
        arguments = value.get("vllm_xargs") or {} if isinstance(value, dict) else None
        if not isinstance(arguments, dict):
            return None
        value["vllm_xargs"] = {**arguments, **given}
        return json.dumps(value).encode()
