"""Which worker runs which file: browser tests go to two, so that a third starts neither a browser nor a server."""

import pytest
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

WITH_BROWSER = ("gw0", "gw1")


class ByRoom(LoadFileScheduling):
    """File by file in their order. A further worker takes browser tests only where nothing else is left."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        if node.gateway.id not in WITH_BROWSER:
            other = next((file for file in self.workqueue if "/browser/" not in file), None)
            if other is not None:
                self.workqueue.move_to_end(other, last=False)
        super()._assign_work_unit(node)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadFileScheduling | None:
    return ByRoom(config, log) if config.getoption("dist") == "loadfile" else None
