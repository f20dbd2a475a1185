"""The kernel managers of a session's server: the ordinary ones, and what a session needs beyond."""

from typing import Any

import session_pages
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager, ServerKernelManager
from kernel_specs import FollowsItsFile
from warm_kernel import TakesWarmKernel


class SessionKernelManager(TakesWarmKernel, FollowsItsFile, ServerKernelManager):  # type: ignore[misc]
    """Takes over the kernel started beforehand, and starts others as their files say. Named in server_config.py."""


class SessionKernels(AsyncMappingKernelManager):  # type: ignore[misc]
    """Says of each kernel whether it waits for a person, which is not work although the kernel is busy."""

    def kernel_model(self, kernel_id: str) -> dict[str, Any]:
        model: dict[str, Any] = super().kernel_model(kernel_id)
        model["waits_for_input"] = kernel_id in session_pages.asking and model["execution_state"] == "busy"
        return model

    async def _async_restart_kernel(self, kernel_id: str, now: bool = False) -> Any:
        """Until the new process is heard, nobody knows what it does: that the old one was idle at its end says nothing."""
        started = await super()._async_restart_kernel(kernel_id, now=now)
        self.get_kernel(kernel_id).execution_state = "starting"
        return started

    restart_kernel = _async_restart_kernel
