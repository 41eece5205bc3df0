"""A Unix socket whose calls keep the interpreter's lock."""

from __future__ import annotations

import ctypes
import errno
import os
import select
import socket

RECEIVE_BYTES = 1 << 18
_AGAIN = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR)

# Python's own sockets let go of the lock in each call. Whichever thread of the engine waits for it then (the one that
# serializes answers, say) has it for as long as it likes, up to 5 ms, and the step waits for that thread. Only `wait`
# blocks, for no longer than it is told.
_libc = ctypes.PyDLL(None, use_errno=True)
_send, _receive, _poll = _libc.send, _libc.recv, _libc.ppoll
for _function, _buffer in ((_send, ctypes.c_char_p), (_receive, ctypes.c_void_p)):
    _function.argtypes = (ctypes.c_int, _buffer, ctypes.c_size_t, ctypes.c_int)
    _function.restype = ctypes.c_ssize_t


class _Watched(ctypes.Structure):
    """`struct pollfd`"""

    _fields_ = (("descriptor", ctypes.c_int), ("events", ctypes.c_short), ("found", ctypes.c_short))


class _Time(ctypes.Structure):
    """`struct timespec`"""

    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


_poll.argtypes = (ctypes.POINTER(_Watched), ctypes.c_ulong, ctypes.POINTER(_Time), ctypes.c_void_p)
_poll.restype = ctypes.c_int


class HeldSocket:
    """A connected stream that never blocks. Raises OSError when the connection is lost."""

    def __init__(self, path: str):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        try:
            self._socket.connect(path)
        except OSError:
            self._socket.close()
            raise
        self._buffer = ctypes.create_string_buffer(RECEIVE_BYTES)
        self._view = memoryview(self._buffer)
        self._address = ctypes.addressof(self._buffer)

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def send(self, data: bytes) -> int:
        """How many bytes the kernel took; 0 when it takes none now."""
        sent = _send(self._socket.fileno(), data, len(data), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        return sent if sent >= 0 else self._nothing()

    def receive(self) -> memoryview | None:
        """What has come, valid until the next call; None when nothing has."""
        count = _receive(self._socket.fileno(), self._address, RECEIVE_BYTES, socket.MSG_DONTWAIT)
        if count > 0:
            return self._view[:count]
        if count == 0:
            raise OSError(errno.ECONNRESET, "the sidecar closed the connection")
        self._nothing()
        return None

    def wait(self, timeout_s: float) -> None:
        """Sleeps until something has come, or for less than a second. All other threads wait meanwhile."""
        watched = _Watched(self._socket.fileno(), select.POLLIN, 0)
        if _poll(watched, 1, _Time(0, min(999_999_999, int(timeout_s * 1e9))), None) < 0:
            self._nothing()

    @staticmethod
    def _nothing() -> int:
        code = ctypes.get_errno()
        if code not in _AGAIN:
            raise OSError(code, os.strerror(code))
        return 0
