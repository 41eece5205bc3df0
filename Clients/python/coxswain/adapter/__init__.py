"""What an engine needs to be served by the sidecar: a link that never blocks, the ledger of what the sidecar knows, and
plans that were checked. Nothing here knows a particular engine."""

from .breaker import Breaker
from .counters import Counters
from .ledger import Arrival, Ledger, Tracked
from .link import Link, LinkState
from .plan import Plan, PlanError, read_plan
from .processors import ProcessorWatch
from .settings import Settings, SettingsError

__all__ = [
    "Arrival", "Breaker", "Counters", "Ledger", "Link", "LinkState", "Plan", "PlanError", "ProcessorWatch", "Settings",
    "SettingsError", "Tracked", "read_plan",
]
