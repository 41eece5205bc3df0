"""Frames survive any chopping; what is no frame is refused."""

import random
import unittest

from coxswain.framing import FRAME_BYTES_MAX, HEADER, FrameError, FrameReader, encode_frame, encode_message

PAYLOADS = [b"{}", b"", b'{"id":1}', b"x" * 300]
STREAM = b"".join(encode_frame(payload) for payload in PAYLOADS)


def read_all(pieces):
    reader, found = FrameReader(), []
    for piece in pieces:
        reader.feed(piece)
        while True:
            payload = reader.next()
            if payload is None:
                break
            found.append(payload)
    return found, reader


class FramingTests(unittest.TestCase):
    def test_cut_at_any_byte(self):
        for place in range(len(STREAM) + 1):
            found, reader = read_all([STREAM[:place], STREAM[place:]])
            self.assertEqual(found, PAYLOADS, f"cut at byte {place}")
            self.assertEqual(reader.pending_bytes, 0)

    def test_byte_by_byte(self):
        self.assertEqual(read_all([STREAM[i:i + 1] for i in range(len(STREAM))])[0], PAYLOADS)

    def test_random_chopping(self):
        for seed in range(200):
            rng = random.Random(seed)
            cuts = sorted(rng.sample(range(len(STREAM)), 7))
            pieces = [STREAM[a:b] for a, b in zip([0, *cuts], [*cuts, len(STREAM)])]
            self.assertEqual(read_all(pieces)[0], PAYLOADS, f"seed {seed}")

    def test_half_a_frame_is_nothing(self):
        for place in range(len(encode_frame(b"abc"))):
            found, reader = read_all([encode_frame(b"abc")[:place]])
            self.assertEqual((found, reader.pending_bytes), ([], place))

    def test_flag_and_length_are_refused(self):
        for flag, length, code in ((1, 0, "UNIMPLEMENTED"), (255, 9, "UNIMPLEMENTED"),
                                   (0, FRAME_BYTES_MAX + 1, "RESOURCE_EXHAUSTED"),
                                   (0, 0xFFFFFFFF, "RESOURCE_EXHAUSTED")):
            with self.assertRaises(FrameError) as caught:
                read_all([HEADER.pack(flag, length)])
            self.assertEqual(caught.exception.code, code)

    def test_the_limit_itself_is_allowed(self):
        payload = b"x" * FRAME_BYTES_MAX
        self.assertEqual(read_all([encode_frame(payload)])[0], [payload])
        with self.assertRaises(FrameError):
            encode_frame(payload + b"x")

    def test_text_is_utf8_and_compact(self):
        self.assertEqual(encode_message({"id": "ü"})[5:], '{"id":"ü"}'.encode())


if __name__ == "__main__":
    unittest.main()
