"""Headers of a gateway reach the request's arguments, and nothing else is touched."""

import asyncio
import json
import unittest

from coxswain.vllm.middleware import BODY_BYTES_MAX, HeaderMiddleware


def call(headers, chunks, method="POST", kind="http"):
    """(scope, body) as the application behind the middleware sees them."""
    seen = {}

    async def app(scope, receive, send):
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        seen.update(scope=scope, body=body)

    messages = [{"type": "http.request", "body": chunk, "more_body": index < len(chunks) - 1}
                for index, chunk in enumerate(chunks)]

    async def receive():
        return messages.pop(0)

    scope = {"type": kind, "method": method, "headers": [
        (b"content-length", str(sum(map(len, chunks))).encode()), *headers]}
    asyncio.run(HeaderMiddleware(app)(scope, receive, None))
    return seen["scope"], seen["body"]


class HeaderMiddlewareTest(unittest.TestCase):
    HEADERS = [(b"x-coxswain-tenant", b"acme"), (b"x-coxswain-class", b"interactive"),
               (b"x-coxswain-ttft-slo-ms", b"250")]

    def test_headers_win_over_the_body(self):
        body = json.dumps({"prompt": "a", "vllm_xargs": {"coxswain_tenant": "me", "other": 1}}).encode()
        scope, seen = call(self.HEADERS, [body[:10], body[10:]])
        self.assertEqual(json.loads(seen), {"prompt": "a", "vllm_xargs": {
            "coxswain_tenant": "acme", "other": 1, "coxswain_class": "interactive", "coxswain_ttft_slo_ms": "250"}})
        self.assertEqual(dict(scope["headers"])[b"content-length"], str(len(seen)).encode())

    def test_everything_else_passes_as_it_is(self):
        for headers, chunks, method in (
                ([], [b'{"a":1}'], "POST"), (self.HEADERS, [b"no json"], "POST"), (self.HEADERS, [b"[1]"], "POST"),
                (self.HEADERS, [b'{"vllm_xargs":[1]}'], "POST"), (self.HEADERS, [b"{}"], "GET"),
                (self.HEADERS, [b"{" + b" " * BODY_BYTES_MAX, b"}"], "POST")):
            scope, seen = call(headers, chunks, method)
            self.assertEqual(seen, b"".join(chunks))
            self.assertEqual(dict(scope["headers"])[b"content-length"], str(len(seen)).encode())


if __name__ == "__main__":
    unittest.main()
