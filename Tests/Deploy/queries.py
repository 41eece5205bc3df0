"""Names of metrics: those that Docs/metrics.md promises, and those that rules and dashboards ask for."""

import json
import re

import yaml

from support import DEPLOY, ROOT

RULES = sorted((DEPLOY / "prometheus").glob("*rules.yml"))
DASHBOARDS = sorted((DEPLOY / "grafana").glob("*.json"))
# A recorded series has colons and the metric's name between them.
RECORDED = re.compile(r"\b[a-z_]+:coxswain_[a-z_]+:[a-z0-9_]+")
EXPORTED = re.compile(r"(?<![:\w])(?:coxswain_[a-z_]+|vllm:[a-z_]+)")
HISTOGRAM_PARTS = re.compile(r"_(bucket|sum|count)$")


def documented():
    """Name to type of every metric in the table of Docs/metrics.md."""
    table = re.findall(r"^\| `([^`]+)` \| (\w+) \|", (ROOT / "Docs" / "metrics.md").read_text(encoding="utf-8"), re.M)
    return dict(table)


def rules():
    """(file, rule) of every rule."""
    for path in RULES:
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            for rule in group["rules"]:
                yield path, rule


def alerts():
    return [rule for _, rule in rules() if "alert" in rule]


def recorded():
    return {rule["record"] for _, rule in rules() if "record" in rule}


def expressions(node):
    """Every value under the key "expr" or, for Grafana's variables, "query" of a JSON document."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("expr", "query") and isinstance(value, str):
                yield value
            else:
                yield from expressions(value)
    elif isinstance(node, list):
        for value in node:
            yield from expressions(value)


def everything_asked():
    """(where, expression) of all rules and dashboards."""
    for path, rule in rules():
        yield f"{path.name}: {rule.get('alert') or rule['record']}", rule["expr"]
    for path in DASHBOARDS:
        for expression in expressions(json.loads(path.read_text(encoding="utf-8"))):
            yield path.name, expression


def names(expression):
    """(exported, recorded) names in an expression, as they are written there. Names inside quotes are values."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    return set(EXPORTED.findall(RECORDED.sub("", bare))), set(RECORDED.findall(bare))


def family(name, known):
    """The metric that a series' name belongs to: histograms have three names each."""
    base = HISTOGRAM_PARTS.sub("", name)
    return base if known.get(base) == "histogram" and base != name else name
