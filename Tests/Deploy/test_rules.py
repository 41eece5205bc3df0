"""Alert and recording rules: promtool loads them, each alert fires on a series made for it and on no other, none fires on
a healthy one, and every name that is asked for exists."""

import json
import pathlib
import tempfile
import unittest

from queries import RULES, alerts, documented, everything_asked, family, names, recorded
from support import DEPLOY, run, tool

INTERVAL_S = 15
MINUTES = 40
POINTS = MINUTES * 60 // INTERVAL_S
LABELS = {"job": "coxswain", "instance": "127.0.0.1:9464"}
BOUNDS = ("0.001", "0.1", "1", "5", "+Inf")


def series(name, **labels):
    inside = ",".join(f'{key}="{value}"' for key, value in {**LABELS, **labels}.items())
    return f"{name}{{{inside}}}"


def flat(value):
    return f"{value}x{POINTS}"


def growing(rate):
    """A counter that grows by `rate` a second."""
    return f"0+{rate * INTERVAL_S}x{POINTS}"


def histogram(name, rates, **labels):
    """Observations a second below each of BOUNDS, cumulative."""
    return {series(f"{name}_bucket", le=bound, **labels): growing(rate) for bound, rate in zip(BOUNDS, rates)}


def healthy():
    """A sidecar with one engine and one class, all well."""
    engine = {"server": "llama/0"}
    found = {
        series("up"): flat(1), series("coxswain_serving"): flat(1), series("coxswain_draining"): flat(0),
        series("coxswain_metrics_series"): flat(300),
        series("coxswain_start_time_seconds"): flat(1e9), series("coxswain_resource_age_seconds"): flat(0.4),
        series("coxswain_policy_last_update_failed"): flat(0), series("coxswain_sessions", state="lost"): flat(0),
        series("coxswain_resource_leaves", status="lost"): flat(0),
        series("coxswain_plan_reasons_total", reason="waiting_memory"): flat(0),
        series("coxswain_plan_reasons_total", reason="upgraded"): growing(1),
        series("coxswain_requests_arrived_total", **{"class": "interactive"}): growing(10),
        series("coxswain_requests_finished_total", **{"class": "interactive"}): growing(10),
        series("coxswain_requests_within_slo_total", **{"class": "interactive", "slo": "both"}): growing(9.9),
        **histogram("coxswain_step_duration_seconds", (100, 100, 100, 100, 100)),
    }
    for name, rate in (
            ("steps", 100), ("plans_launched", 100), ("fallback_steps", 0), ("late_plans", 0), ("withheld_plans", 0),
            ("preemptions", 1), ("engine_preemptions", 0)):
        found[series(f"coxswain_{name}_total", **engine)] = growing(rate)
    for name in ("queue_wait", "time_to_first_token", "time_per_output_token"):
        found.update(histogram(f"coxswain_{name}_seconds", (0, 10, 10, 10, 10), **{"class": "interactive"}))
    return found


def sick():
    """What differs from a healthy sidecar where an alert must fire, by alert."""
    engine, interactive = {"server": "llama/0"}, {"class": "interactive"}
    slow = (0, 5, 5, 9, 10)
    return {
        "CoxswainSidecarDown": {series("up"): flat(0)},
        "CoxswainNotServing": {series("coxswain_serving"): flat(0)},
        "CoxswainDraining": {series("coxswain_serving"): flat(0), series("coxswain_draining"): flat(1)},
        "CoxswainRestarts": {series("coxswain_start_time_seconds"): f"1000000000+1x{POINTS}"},
        "CoxswainFallback": {series("coxswain_fallback_steps_total", **engine): growing(5)},
        "CoxswainLatePlans": {series("coxswain_late_plans_total", **engine): growing(1)},
        "CoxswainStepTailLatency": histogram("coxswain_step_duration_seconds", (50, 100, 100, 100, 100)),
        "CoxswainQueueWaitP99": histogram("coxswain_queue_wait_seconds", slow, **interactive),
        "CoxswainTimeToFirstTokenTail": histogram("coxswain_time_to_first_token_seconds", slow, **interactive),
        "CoxswainTimePerOutputTokenTail": histogram("coxswain_time_per_output_token_seconds", slow, **interactive),
        "CoxswainLowGoodput": {
            series("coxswain_requests_within_slo_total", **interactive, slo="both"): growing(5)},
        "CoxswainUpgradeRatio": {series("coxswain_plan_reasons_total", reason="upgraded"): growing(5)},
        "CoxswainPreemptionStorm": {series("coxswain_preemptions_total", **engine): growing(20)},
        "CoxswainMemoryGuard": {series("coxswain_plan_reasons_total", reason="waiting_memory"): growing(1)},
        # One plan, once, late in the run.
        "CoxswainInvariantGuard": {
            series("coxswain_withheld_plans_total", **engine): f"0x{POINTS - 20} 1x20"},
        "CoxswainStaleSnapshot": {series("coxswain_resource_age_seconds"): f"0+{INTERVAL_S}x{POINTS}"},
        "CoxswainLostFigures": {series("coxswain_resource_leaves", status="lost"): flat(4)},
        "CoxswainPolicyRefused": {series("coxswain_policy_last_update_failed"): flat(1)},
        "CoxswainSessionLost": {series("coxswain_sessions", state="lost"): flat(1)},
        "CoxswainTooManySeries": {series("coxswain_metrics_series"): flat(1900)},
    }


def case(values, firing):
    """One of promtool's tests: which alerts fire at the end."""
    return {
        "interval": f"{INTERVAL_S}s",
        "input_series": [{"series": name, "values": text} for name, text in values.items()],
        "promql_expr_test": [{
            "expr": 'count by (alertname) (ALERTS{alertstate="firing"})', "eval_time": f"{MINUTES - 1}m",
            "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in firing],
        }],
    }


class RuleTests(unittest.TestCase):
    def promtool(self, *cases):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "tests.yml")
            # JSON is YAML.
            path.write_text(json.dumps({
                "rule_files": [str(rule) for rule in RULES], "evaluation_interval": f"{INTERVAL_S}s",
                "tests": list(cases)}))
            return run(tool("promtool", "prometheus"), "test", "rules", path, timeout=120)

    def test_promtool_loads_rules_and_configuration(self):
        promtool = tool("promtool", "prometheus")
        for command in (("check", "rules", *RULES), ("check", "config", DEPLOY / "prometheus" / "prometheus.yml")):
            result = run(promtool, *command)
            self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_each_alert_fires_on_its_own_series_and_none_on_healthy_ones(self):
        made = sick()
        self.assertEqual(sorted(made), sorted(rule["alert"] for rule in alerts()))
        cases = [case(healthy(), [])] + [case({**healthy(), **values}, [name]) for name, values in made.items()]
        result = self.promtool(*cases)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_the_test_can_fail(self):
        self.assertNotEqual(self.promtool(case(healthy(), ["CoxswainFallback"])).returncode, 0)

    def test_a_sidecar_without_requests_raises_nothing(self):
        idle = {name: flat(0) if "_total" in name or "_bucket" in name else values
                for name, values in healthy().items()}
        result = self.promtool(case(idle, []))
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_alerts_say_what_to_do(self):
        for rule in alerts():
            self.assertIn(rule["labels"]["severity"], ("info", "warning", "critical"), rule["alert"])
            self.assertEqual(sorted(rule["annotations"]), ["description", "summary"], rule["alert"])

    def test_every_name_that_is_asked_for_exists(self):
        known, made, asked = documented(), recorded(), 0
        for where, expression in everything_asked():
            exported, from_rules = names(expression)
            for name in exported:
                self.assertIn(family(name, known), known, f"{where}: {expression}")
            self.assertLessEqual(from_rules, made, f"{where}: {expression}")
            asked += len(exported) + len(from_rules)
        self.assertGreater(asked, 60)

    def test_every_recorded_series_is_used(self):
        used = set().union(*(names(expression)[1] for _, expression in everything_asked()))
        self.assertEqual(recorded() - used, set())


if __name__ == "__main__":
    unittest.main()
