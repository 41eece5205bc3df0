"""How an adapter is configured: environment variables, overridden by options of the engine's command line."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from typing import Any, Mapping

PREFIX = "COXSWAIN_"
DEADLINE_MS_MAX = 1000.0
ANNOUNCE = ("auto", "on", "off")


class SettingsError(ValueError):
    """A setting that cannot be used. The message names it, its value and what was expected."""


@dataclass(frozen=True)
class Settings:
    """Each field is read from `COXSWAIN_<NAME>`, or from the same name in lower case among the engine's options."""

    #: False: the engine's own scheduler, nothing else. The switch to turn everything off.
    enabled: bool = True
    #: Directory of the sockets; empty: $COXSWAIN_RUNTIME_DIR, /run/coxswain or $XDG_RUNTIME_DIR/coxswain.
    runtime_dir: str = ""
    #: Name of this server, the same for its data-parallel ranks. Empty: model and a random suffix.
    server_id: str = ""
    #: Longest time that one step may spend on the sidecar, everything included.
    deadline_ms: float = 2.0
    #: Late or unusable answers in a row after which the sidecar is left alone for a while.
    failures_max: int = 3
    #: The engine's own scheduler takes one step when nothing ran for so long although somebody waits.
    stall_ms: float = 250.0
    #: The engine's own scheduler takes one step when the request that waits longest, or one that is paused, made no
    #: progress for so long.
    patience_s: float = 120.0
    #: Tells the sidecar that a Step will come, so that it is awake: on, off, or auto, where the engine's thread does
    #: not have to wait for a processor.
    announce: str = "auto"
    #: Tenant and class of requests that name none.
    tenant: str = "default"
    request_class: str = "standard"
    #: Verbs not to declare, separated by commas.
    without_verbs: str = ""
    #: True: run with an engine version outside the tested range.
    allow_untested: bool = False
    #: Counters are written to this file once a second, as JSON. Empty: nowhere.
    stats_file: str = ""

    def __post_init__(self):
        if not 0 < self.deadline_ms <= DEADLINE_MS_MAX:
            raise SettingsError(f"deadline_ms is {self.deadline_ms}; expected more than 0, at most {DEADLINE_MS_MAX:g}")
        for name in ("stall_ms", "patience_s"):
            if not getattr(self, name) > 0:
                raise SettingsError(f"{name} is {getattr(self, name)}; expected more than 0")
        if self.announce not in ANNOUNCE:
            raise SettingsError(f"announce is {self.announce!r}; expected one of {', '.join(ANNOUNCE)}")
        if self.failures_max < 1:
            raise SettingsError(f"failures_max is {self.failures_max}; expected at least 1")

    @property
    def excluded_verbs(self) -> frozenset[str]:
        return frozenset(verb.strip() for verb in self.without_verbs.split(",") if verb.strip())

    @classmethod
    def read(cls, options: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None) -> "Settings":
        """`options` win over `environment` (default: the process's own). An unknown option is an error."""
        environment = os.environ if environment is None else environment
        options = dict(options or {})
        values: dict[str, Any] = {}
        for field in fields(cls):
            given = options.pop(field.name, None)
            source = f"option {field.name}"
            if given is None:
                source = PREFIX + field.name.upper()
                given = environment.get(source)
            if given is not None and given != "":
                values[field.name] = _convert(source, given, type(field.default))
        if options:
            raise SettingsError(
                f"unknown option {sorted(options)[0]}; expected one of {', '.join(f.name for f in fields(cls))}")
        return cls(**values)


def _convert(source: str, given: Any, kind: type) -> Any:
    if kind is bool:
        if isinstance(given, bool):
            return given
        word = str(given).lower()
        if word in ("1", "true", "yes", "on"):
            return True
        if word in ("0", "false", "no", "off"):
            return False
        raise SettingsError(f"{source} is {given!r}; expected true or false")
    try:
        return kind(given)
    except (TypeError, ValueError) as error:
        raise SettingsError(f"{source} is {given!r}; expected {kind.__name__}") from error
