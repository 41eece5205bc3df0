"""Frames: one flag byte (0), a 4-byte big-endian length, then UTF-8 JSON."""

import json
import struct

HEADER = struct.Struct(">BI")
HEADER_BYTES = HEADER.size
FRAME_BYTES_MAX = 4 << 20

_encode_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


class FrameError(Exception):
    """The bytes are no frame; nothing after them can be read. `code` is the gRPC status to answer with."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def encode_frame(payload, limit=FRAME_BYTES_MAX):
    """The frame of a payload of bytes. Raises FrameError above `limit`."""
    if len(payload) > limit:
        raise FrameError("RESOURCE_EXHAUSTED", f"payload of {len(payload)} bytes; expected at most {limit}")
    return HEADER.pack(0, len(payload)) + payload


def encode_message(message, limit=FRAME_BYTES_MAX):
    """The frame of a JSON value."""
    return encode_frame(_encode_json(message).encode("utf-8"), limit)


def parse_header(header, limit=FRAME_BYTES_MAX):
    """The payload length announced by five bytes."""
    flag, length = HEADER.unpack(header)
    if flag != 0:
        raise FrameError("UNIMPLEMENTED", f"frame flag {flag}; expected 0 (compression is not served)")
    if length > limit:
        raise FrameError("RESOURCE_EXHAUSTED", f"frame of {length} bytes; expected at most {limit}")
    return length


class FrameReader:
    """Cuts a byte stream into payloads, however the stream was chopped."""

    def __init__(self, limit=FRAME_BYTES_MAX):
        self.limit = limit
        self._buffer = bytearray()
        self._length = None

    @property
    def pending_bytes(self):
        """Bytes of a frame that is not complete yet."""
        return len(self._buffer) + (0 if self._length is None else HEADER_BYTES)

    def feed(self, data):
        self._buffer += data

    def next(self):
        """The next complete payload, or None. Raises FrameError when the stream is no frame."""
        buffer = self._buffer
        if self._length is None:
            if len(buffer) < HEADER_BYTES:
                return None
            self._length = parse_header(bytes(buffer[:HEADER_BYTES]), self.limit)
            del buffer[:HEADER_BYTES]
        if len(buffer) < self._length:
            return None
        payload = bytes(buffer[:self._length])
        del buffer[:self._length]
        self._length = None
        return payload
