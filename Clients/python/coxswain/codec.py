"""JSON of messages: msgspec where it is installed, the standard library otherwise."""

from __future__ import annotations

import json
from typing import Any

try:
    import msgspec
except ImportError:  # the standard library does the same, a few times slower
    msgspec = None

_standard_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode

#: Which of the two is in use, for logs and benchmarks.
CODEC = "msgspec" if msgspec else "json"


def _encode_standard(value: Any) -> bytes:
    return _standard_encode(value).encode("utf-8")


def _decode_standard(payload: bytes) -> Any:
    return json.loads(payload)


if msgspec:
    _encoder = msgspec.json.Encoder()
    _decoder = msgspec.json.Decoder()
    encode = _encoder.encode
    decode = _decoder.decode
else:
    encode = _encode_standard
    decode = _decode_standard

#: What `decode` raises for bytes that are no JSON.
DECODE_ERRORS = (ValueError, RecursionError, msgspec.DecodeError) if msgspec else (ValueError, RecursionError)
