"""Systemd socket activation: the sidecar takes listening sockets that were opened for it."""

import fcntl
import os
import shlex
import signal
import socket
import subprocess
import tempfile
import unittest

from tests.support import loud_skip
from coxswain.client import Client
from coxswain.faults.process import find_executable

STOP_TIMEOUT_S = 20
FIRST_DESCRIPTOR = 3
# Out of the way of the descriptors that the sockets end up as.
HIGH_DESCRIPTOR = 20


class ActivationTests(unittest.TestCase):
    def test_passed_sockets_are_served_and_stay(self):
        executable = find_executable()
        if executable is None:
            loud_skip("ActivationTests")
        with tempfile.TemporaryDirectory() as directory:
            names = ("admin", "engine")
            listeners = {name: self.listen(f"{directory}/{name}.sock") for name in names}
            process = self.start(executable, directory, [listeners[name] for name in names], ":".join(names))
            try:
                # The connection waits in the socket's queue until the sidecar is up: that is the point of activation.
                with Client(f"{directory}/engine.sock", idle_timeout_s=STOP_TIMEOUT_S) as client:
                    reply = client.call("grpc.health.v1.Health/Check", {}, timeout_us=STOP_TIMEOUT_S * 10 ** 6)
                    self.assertEqual(reply["status"], "SERVING")
                with Client(f"{directory}/admin.sock", idle_timeout_s=STOP_TIMEOUT_S) as client:
                    reply = client.call("coxswain.v1.Admin/Status", {}, timeout_us=STOP_TIMEOUT_S * 10 ** 6)
                    self.assertEqual(reply["sessions"], [])
            finally:
                process.send_signal(signal.SIGTERM)
                self.assertEqual(process.wait(STOP_TIMEOUT_S), 0)
            for name in names:
                self.assertTrue(os.path.exists(f"{directory}/{name}.sock"), "the sockets belong to systemd")

    def listen(self, path):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(listener.close)
        listener.bind(path)
        listener.listen(8)
        return listener

    @staticmethod
    def start(executable, directory, listeners, names):
        """Runs the sidecar with `listeners` as descriptors 3 and 4, as systemd would."""
        high = [fcntl.fcntl(listener, fcntl.F_DUPFD, HIGH_DESCRIPTOR) for listener in listeners]
        moves = " ".join(f"{FIRST_DESCRIPTOR + i}<&{descriptor}" for i, descriptor in enumerate(high))
        command = (
            f"export LISTEN_PID=$$ LISTEN_FDS={len(listeners)} LISTEN_FDNAMES={names}; "
            f"exec {shlex.quote(str(executable))} serve --runtime-dir {shlex.quote(directory)} {moves}"
        )
        try:
            return subprocess.Popen(
                ["bash", "-c", command], pass_fds=high, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        finally:
            for descriptor in high:
                os.close(descriptor)


if __name__ == "__main__":
    unittest.main()
