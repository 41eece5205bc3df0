"""`vllm serve` as a child process, and many HTTP clients at once."""

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import support

START_TIMEOUT_S = 300
REQUEST_TIMEOUT_S = 240


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, model, *options, scheduler=None, **environment):
        self.port, self.log_path = free_port(), tempfile.mktemp(prefix="coxswain-serve-", suffix=".log")
        self.stats_path = self.log_path + ".stats"
        command = [
            os.path.join(os.path.dirname(sys.executable), "vllm"), "serve", model, "--port", str(self.port),
            "--host", "127.0.0.1", "--dtype", "float32", "--enforce-eager", "--max-model-len", "1024",
            "--block-size", "32", "--no-enable-prefix-caching", *map(str, options)]
        if scheduler:
            command += ["--scheduler-cls", scheduler]
        self.log_file = open(self.log_path, "w", encoding="utf-8")
        self.process = support.start_child(
            command, stdout=self.log_file, stderr=self.log_file,
            env=support.offline_environment(COXSWAIN_STATS_FILE=self.stats_path, **environment))
        try:
            self._wait()
        except BaseException:
            self.close()
            raise

    def _wait(self):
        until = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise AssertionError(f"vllm serve ended: {self.log()[-4000:]}")
            try:
                if self.get("/health") == 200:
                    return
            except OSError:
                pass
            time.sleep(0.5)
        raise AssertionError(f"vllm serve did not start: {self.log()[-4000:]}")

    def log(self):
        return Path(self.log_path).read_text(encoding="utf-8")

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        connection.request("GET", path)
        status = connection.getresponse().status
        connection.close()
        return status

    def complete(self, prompt, max_tokens, xargs=None, headers=None):
        """(status, text) of one completion of token ids."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=REQUEST_TIMEOUT_S)
        body = {"prompt": prompt, "max_tokens": max_tokens, "temperature": 0, "ignore_eos": True}
        if xargs:
            body["vllm_xargs"] = xargs
        connection.request("POST", "/v1/completions", json.dumps(body), {
            "Content-Type": "application/json", **(headers or {})})
        response = connection.getresponse()
        answer = json.loads(response.read())
        connection.close()
        if response.status != 200:
            return response.status, str(answer)
        return 200, answer["choices"][0]["text"]

    def complete_all(self, requests, clients=12):
        """Answers in the order of `requests`, asked by so many clients at once."""
        def one(request):
            try:
                return self.complete(request["prompt"], request["max_tokens"], {
                    "coxswain_tenant": request["tenant"], "coxswain_class": request["class"]})
            except OSError as error:
                return 0, repr(error)
        with ThreadPoolExecutor(clients) as pool:
            return list(pool.map(one, requests))

    def stats(self):
        """Counters of the adapter, at most about a second old; empty before the first step."""
        try:
            return json.loads(Path(self.stats_path).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, 9)
                self.process.wait()
        self.log_file.close()
        for path in (self.log_path, self.stats_path):
            Path(path).unlink(missing_ok=True)
