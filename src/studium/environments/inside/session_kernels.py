"""The kernel manager of a session's server: the ordinary one, which takes over the kernel started beforehand."""

from jupyter_server.services.kernels.kernelmanager import ServerKernelManager
from warm_kernel import TakesWarmKernel


class SessionKernelManager(TakesWarmKernel, ServerKernelManager):  # type: ignore[misc]
    """Named in server_config.py."""
