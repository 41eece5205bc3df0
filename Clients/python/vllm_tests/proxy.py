"""Between vLLM and the sidecar: passes everything on, or spoils what the sidecar says.
`python -m vllm_tests.proxy PATH TARGET` is one of its own process, which takes a mode and a delay per line."""

import os
import socket
import subprocess
import sys
import threading
import time

from . import support


class FaultyProxy:
    """One within this process."""

    def __init__(self, path, target):
        self.path, self.target, self.mode, self.delay_s = path, target, "pass", 0.0
        self.spoiled = 0
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(path)
        self.listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            sidecar = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                sidecar.connect(self.target)
            except OSError:
                sidecar.close()
                peer.close()
                continue
            threading.Thread(target=self._pump, args=(peer, sidecar, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(sidecar, peer, True), daemon=True).start()

    def _pump(self, source, sink, from_sidecar):
        try:
            while True:
                data = source.recv(1 << 18)
                if not data:
                    break
                if from_sidecar and self.mode == "slow":
                    time.sleep(self.delay_s)
                    self.spoiled += 1
                elif from_sidecar and self.mode == "garbage":
                    data = os.urandom(len(data))
                    self.spoiled += 1
                elif from_sidecar and self.mode == "wrong_plan" and b'"plan"' in data:
                    # A valid frame with a plan for requests that do not exist.
                    data = data.replace(b'"plan":{', b'"plan":{"pause":[4000000000],', 1)
                    length = len(data) - 5
                    data = b"\0" + length.to_bytes(4, "big") + data[5:]
                    self.spoiled += 1
                sink.sendall(data)
        except OSError:
            pass
        finally:
            for end in (source, sink):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def close(self):
        self.listener.close()


class SeparateProxy:
    """One in a process of its own: within the engine's process it could not answer while the engine waits for it."""

    def __init__(self, path, target):
        self.process = support.start_child(
            [sys.executable, "-m", "vllm_tests.proxy", path, target], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env=support.offline_environment())
        self.set("pass", 0.0)

    def set(self, mode, delay_s):
        self.process.stdin.write(f"{mode} {delay_s}\n")
        self.process.stdin.flush()
        if self.process.stdout.readline() != "set\n":
            raise AssertionError("the proxy ended")

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)


def main():
    proxy = FaultyProxy(*sys.argv[1:])
    for line in sys.stdin:
        mode, delay_s = line.split()
        proxy.delay_s, proxy.mode = float(delay_s), mode
        print("set", flush=True)
    proxy.close()


if __name__ == "__main__":
    main()
