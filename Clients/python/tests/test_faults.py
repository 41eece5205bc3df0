"""A short run of the fault driver against the real sidecar; `python3 -m coxswain.faults` is the long one."""

import os
import unittest

from tests.support import loud_skip
from coxswain.faults.process import SidecarProcess, find_executable
from coxswain.faults.world import World

STEPS = int(os.environ.get("COXSWAIN_FAULT_STEPS", "20000"))
SEED = int(os.environ.get("COXSWAIN_FAULT_SEED", "2"))


class FaultTests(unittest.TestCase):
    def test_short_run(self):
        executable = find_executable()
        if executable is None:
            loud_skip("FaultTests")
        with SidecarProcess(executable, policy="exerciser") as sidecar:
            world = World(SEED, sidecar)
            world.run(STEPS)
            for kind in ("compared", "charges_compared", "resync", "cut_in_payload", "sidecar_restart", "late_plan"):
                self.assertGreater(world.counts[kind], 0, kind)


if __name__ == "__main__":
    unittest.main()
