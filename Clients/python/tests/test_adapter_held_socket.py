"""Calls on a socket that keep the interpreter's lock."""

import os
import shutil
import socket
import sys
import tempfile
import threading
import time
import unittest

from coxswain.adapter.held_socket import HeldSocket


class HeldSocketTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        self.path = os.path.join(folder, "s")
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(self.listener.close)
        self.listener.bind(self.path)
        self.listener.listen(1)
        self.held = HeldSocket(self.path)
        self.addCleanup(self.held.close)
        self.peer, _ = self.listener.accept()
        self.addCleanup(self.peer.close)

    def test_bytes_go_and_come(self):
        self.assertEqual(self.held.send(b"there"), 5)
        self.assertEqual(self.peer.recv(16), b"there")
        self.assertIsNone(self.held.receive())
        self.peer.sendall(b"\x00back\x00")
        self.assertEqual(bytes(self.held.receive()), b"\x00back\x00")
        self.assertIsNone(self.held.receive())

    def test_what_the_kernel_does_not_take_is_not_sent(self):
        sent = 0
        while (count := self.held.send(b"x" * 65_536)) > 0:
            sent += count
        got = 0
        while got < sent:
            got += len(self.peer.recv(1 << 20))
        self.assertEqual(self.held.send(b"again"), 5)

    def test_a_closed_peer_is_an_error_each_way(self):
        self.peer.close()
        with self.assertRaises(OSError):
            self.held.receive()
        with self.assertRaises(BrokenPipeError):
            self.held.send(b"x")

    def test_nobody_listens(self):
        with self.assertRaises(FileNotFoundError):
            HeldSocket(self.path + "-none")

    def test_waiting_ends_with_bytes_or_time(self):
        began_s = time.monotonic()
        self.held.wait(0.05)
        self.assertGreaterEqual(time.monotonic() - began_s, 0.05)
        self.peer.sendall(b"x")
        self.held.wait(30)
        self.assertEqual(bytes(self.held.receive()), b"x")

    def test_no_other_thread_runs_meanwhile(self):
        counts, stop = [0], threading.Event()

        def count():
            while not stop.is_set():
                counts[0] += 1
        # Nobody loses the lock between two statements for this long.
        self.addCleanup(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(0.2)
        other = threading.Thread(target=count)
        other.start()
        try:
            while not counts[0]:
                time.sleep(0.001)
            before = counts[0]
            self.held.wait(0.02)
            self.held.receive()
            self.held.send(b"x")
            self.assertEqual(counts[0], before)
        finally:
            stop.set()
            other.join()


if __name__ == "__main__":
    unittest.main()
