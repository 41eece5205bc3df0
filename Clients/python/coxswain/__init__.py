"""Client of the Coxswain scheduling sidecar. Standard library only."""

from .client import Client, ConnectionLost, DeadlinePassed, Reply, StatusError
from .framing import FRAME_BYTES_MAX, FrameError, FrameReader, encode_frame, encode_message
from .paths import admin_socket, engine_socket, runtime_directory

__all__ = [
    "Client", "ConnectionLost", "DeadlinePassed", "Reply", "StatusError",
    "FRAME_BYTES_MAX", "FrameError", "FrameReader", "encode_frame", "encode_message",
    "admin_socket", "engine_socket", "runtime_directory",
]
