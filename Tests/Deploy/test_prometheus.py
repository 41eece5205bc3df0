"""A real Prometheus scrapes a real sidecar under load, loads the rules, and finds every metric that they ask for; and
hostile names do not get more series out of it than it promises."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import urllib.parse
import urllib.request

import yaml

from queries import documented, everything_asked, family, names
from support import DEPLOY, ROOT, Sidecar, executable, free_port, run, tool, wait_for

sys.path.insert(0, str(ROOT / "Clients" / "python"))
from coxswain import examples  # noqa: E402
from coxswain.client import Client  # noqa: E402

SERIES_MAX = 2000
HTTP_TIMEOUT_S = 20
CALL_TIMEOUT_US = 20_000_000
HOSTILE_ENGINES = 40
HOSTILE_TENANTS = 5000
HOSTILE_CLASSES = 300


def fetch(url):
    with urllib.request.urlopen(url, timeout=HTTP_TIMEOUT_S) as reply:
        return reply.read().decode()


def samples(text):
    """Lines that are series, of a scrape."""
    # Not splitlines: names may hold every other separator that Unicode has.
    return [line for line in text.split("\n") if line and not line.startswith("#")]


class Prometheus:
    """A server of its own with the configuration of Deploy/, faster and on other ports."""

    def __init__(self, target_port):
        program = tool("prometheus", "prometheus")
        self.directory = tempfile.mkdtemp(prefix="coxswain-prometheus-")
        self.url = f"http://127.0.0.1:{free_port()}"
        configuration = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
        configuration["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s", "scrape_timeout": "1s"}
        configuration["rule_files"] = [str(DEPLOY / "prometheus" / name) for name in configuration["rule_files"]]
        configuration["scrape_configs"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{target_port}"]
        path = pathlib.Path(self.directory, "prometheus.yml")
        path.write_text(yaml.safe_dump(configuration))
        self.log_path = pathlib.Path(self.directory, "log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [program, f"--config.file={path}", f"--storage.tsdb.path={self.directory}/data",
                 f"--web.listen-address={self.url.removeprefix('http://')}"], stdout=log, stderr=log)

    def close(self):
        self.process.terminate()
        self.process.wait(HTTP_TIMEOUT_S)
        shutil.rmtree(self.directory, ignore_errors=True)

    def api(self, path, **parameters):
        try:
            answer = json.loads(fetch(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"))
        except OSError:
            if self.process.poll() is not None:
                raise AssertionError(f"prometheus ended: {self.log_path.read_text()[-2000:]}") from None
            return None
        assert answer["status"] == "success", answer
        return answer["data"]

    def value(self, query):
        """The one value of an instant query; None without any."""
        data = self.api("query", query=query)
        return float(data["result"][0]["value"][1]) if data and data["result"] else None


class ScrapeTests(unittest.TestCase):
    def test_prometheus_scrapes_a_sidecar_under_load(self):
        port = free_port()
        with Sidecar("--metrics-port", str(port)) as sidecar:
            prometheus = Prometheus(port)
            self.addCleanup(prometheus.close)
            environment = dict(os.environ, COXSWAIN_RUNTIME_DIR=sidecar.directory)
            load = subprocess.Popen(
                [executable(), "engine", "--requests", "200000", "--rate", "12"], env=environment,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                self.check_target(prometheus)
                self.check_rules(prometheus)
                self.check_names(prometheus, fetch(f"http://127.0.0.1:{port}/metrics"))
            finally:
                load.terminate()
                load.wait(HTTP_TIMEOUT_S)

    def check_target(self, prometheus):
        wait_for(lambda: prometheus.value('up{job="coxswain"}') == 1, "up == 1")
        target = prometheus.api("targets")["activeTargets"][0]
        self.assertEqual((target["health"], target["lastError"]), ("up", ""))
        wait_for(lambda: (prometheus.value("rate(coxswain_steps_total[10s])") or 0) > 0, "Steps to be counted")
        self.assertLessEqual(prometheus.value("scrape_samples_scraped"), SERIES_MAX)
        self.assertEqual(prometheus.value("scrape_samples_scraped"), prometheus.value("coxswain_metrics_series"))

    def check_rules(self, prometheus):
        def evaluated():
            groups = (prometheus.api("rules") or {"groups": []})["groups"]
            found = [rule for group in groups for rule in group["rules"]]
            return found if found and all(rule["health"] != "unknown" for rule in found) else None

        found = wait_for(evaluated, "the rules to be evaluated")
        self.assertEqual([(rule["name"], rule.get("lastError")) for rule in found if rule["health"] != "ok"], [])
        self.assertEqual(len([rule for rule in found if rule["type"] == "alerting"]),
                         len([1 for where, _ in everything_asked() if where.startswith("alert-rules")]))

    def check_names(self, prometheus, scrape):
        """Every metric and every recorded series that something asks for is there; every query is understood."""
        known = documented()
        exported = {family(re.split("[{ ]", line)[0], known) for line in samples(scrape)}
        self.assertEqual(exported - set(known), set(), "not in Docs/metrics.md")
        for where, expression in everything_asked():
            for name in names(expression)[0]:
                self.assertIn(family(name, known), exported, f"{where}: {expression}")
        wanted = {name for where, expression in everything_asked() for name in names(expression)[1]
                  if "upgrade" not in name}
        # Groups are evaluated one after the other, and ratios need two scrapes: not all are there at once.
        wait_for(lambda: not wanted - self.recorded_by(prometheus), f"all of {sorted(wanted)} to be recorded")
        for _, expression in everything_asked():
            if "label_values" not in expression:
                prometheus.api("query", query=expression.replace("$instance", ".*"))

    @staticmethod
    def recorded_by(prometheus):
        return {name for name in prometheus.api("label/__name__/values") or [] if ":coxswain_" in name}


class HostileNameTests(unittest.TestCase):
    """Engines choose server ids, model names, classes and tenants: thousands of them, with every odd character."""

    def test_series_stay_bounded_and_readable(self):
        port = free_port()
        with Sidecar("--metrics-port", str(port)) as sidecar:
            clients = []
            try:
                for index in range(HOSTILE_ENGINES):
                    clients.append(self.attack(sidecar, index))
                text = fetch(f"http://127.0.0.1:{port}/metrics")
            finally:
                for client in clients:
                    client.close()
        lines = samples(text)
        self.assertLessEqual(len(lines), SERIES_MAX)
        self.assertEqual(float(re.search(r"^coxswain_metrics_series (\S+)$", text, re.M)[1]), len(lines))
        self.assertIn('server="other"', text, "the attack reached the metrics")
        self.assertGreaterEqual(float(re.search(r"^coxswain_tenants (\S+)$", text, re.M)[1]), HOSTILE_TENANTS)
        self.assertNotIn("tenant-of-ill-will", text)
        self.assertEqual(len(lines), len({line.rsplit(" ", 1)[0] for line in lines}), "no series twice")
        checked = run(tool("promtool", "prometheus"), "check", "metrics", input=text)
        complaints = [line for line in checked.stdout.splitlines() + checked.stderr.splitlines()
                      # A name of the model-server protocol, and not ours to choose.
                      if "vllm:" not in line]
        self.assertEqual(complaints, [])

    def attack(self, sidecar, index):
        """One engine with names of its own: quotes, backslashes, line breaks, long ones, all of Unicode."""
        odd = ['"', "\\", "\n", "é", "漢", "}", "{", "\u2028", "'", " "][index % 10]
        client = Client(sidecar.socket("engine"), idle_timeout_s=HTTP_TIMEOUT_S)
        description = examples.register(server_id=f"server {odd} {index}")
        description["model"]["id"] = f"model {odd} {index}"
        description["limits"].update(step_tokens=1 << 16, sequences=1000)
        reply = client.call("coxswain.v1.Scheduler/Register", description, CALL_TIMEOUT_US)
        tenants = HOSTILE_TENANTS // HOSTILE_ENGINES + 1
        classes = HOSTILE_CLASSES // HOSTILE_ENGINES + 1
        fields = [f"tenant-of-ill-will {odd} {index} {number}" for number in range(tenants)]
        fields += [f"class {odd} {index} {number}" for number in range(classes)]
        count, rows = tenants, range(tenants)
        step = {
            "epoch": reply["epoch"], "seq": 1, "now_us": 1_000_000, "kv_free_blocks": [1000], "names": fields,
            "arrived": {
                "h": [row + 1 for row in rows], "id": [f"request {index} {row}" for row in rows],
                "tenant": list(rows), "class": [tenants + row % classes for row in rows],
                "prompt": [16] * count, "max_output": [1] * count, "age_us": [0] * count}}
        plan = client.call("coxswain.v1.Scheduler/Step", step, CALL_TIMEOUT_US)
        # They run to their end, so that they are charged and every histogram of their class exists.
        removed = {"h": [row + 1 for row in rows], "why": ["stop"] * count}
        settled = [{"seq": plan["seq"], "elapsed_us": 900}] if plan.get("plan", {}).get("run") else []
        client.call("coxswain.v1.Scheduler/Step", {
            "epoch": reply["epoch"], "seq": 2, "now_us": 2_000_000, "kv_free_blocks": [1000], "removed": removed,
            **({"launched": {"seq": 1, "mode": "plan"}, "settled": settled} if settled else {})}, CALL_TIMEOUT_US)
        return client


if __name__ == "__main__":
    unittest.main()
