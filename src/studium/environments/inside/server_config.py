"""JupyterLab's settings in a session. Read by Jupyter as a configuration file: `get_config` is given by its loader.

One person's server, reached only over a socket in a folder of its own and through the edge, which adds the token.
"""

import os
import sys
from pathlib import Path
from urllib.parse import quote

import surroundings

c = get_config()  # type: ignore[name-defined]  # noqa: F821

notebook = os.environ.get("STUDIUM_NOTEBOOK", "")
terminals = os.environ.get("STUDIUM_TERMINALS", "1") != "0"

server = c.ServerApp
server.sock = str(surroundings.RUN_FOLDER / "service.sock")
server.sock_mode = "0600"
server.root_dir = str(surroundings.WORKSPACE)
server.allow_root = True
server.allow_remote_access = True  # the edge passes the notebook's own host name on
server.open_browser = False
server.quit_button = False
server.terminals_enabled = terminals
server.shutdown_no_activity_timeout = 0  # when a session is idle is for the platform to say
server.log_level = "WARN"
server.default_url = f"/lab/tree/{quote(notebook)}" if notebook else "/lab"
server.jpserver_extensions = {
    "jupyterlab": True,
    "jupyter_resource_usage": True,
    "jupyter_server_terminals": terminals,
    "studium_session": True,
    "jupyter_lsp": False,
    "notebook_shim": False,
}
# The edge replaces the policy; without this the server's own would forbid the editor's frame.
server.tornado_settings = {
    "headers": {"Content-Security-Policy": "object-src 'none'"},
    "ws_ping_interval": 30_000,
    # Counted from the opening, before the first ping: no longer than the interval, it would end every websocket at once.
    "ws_ping_timeout": 90_000,
}

c.IdentityProvider.token = os.environ.get("JUPYTER_TOKEN", "")
c.ContentsManager.allow_hidden = False
server.contents_manager_class = "session_pages.SessionContents"
server.kernel_manager_class = "session_kernels.SessionKernels"
server.kernel_websocket_connection_class = "session_pages.SessionConnection"
c.FileContentsManager.delete_to_trash = False
c.FileContentsManager.use_atomic_writing = True

kernels = c.MappingKernelManager
kernels.cull_idle_timeout = 0
kernels.default_kernel_name = "python3"
kernels.kernel_manager_class = "session_kernels.SessionKernelManager"
c.KernelManager.transport = "ipc"
# A kernel that dies young is otherwise started again on new channels, and whoever listened to the old ones hears nothing
# more: it would be taken for busy until somebody opens a page. Sockets of ours cannot have been taken by others.
c.KernelRestarter.random_ports_until_alive = False
c.KernelSpecManager.ensure_native_kernel = True

# A cell that floods its output is cut short here, before it can fill the browser; progress bars stay far below.
stream = c.ZMQChannelsWebsocketConnection  # and those that inherit from it
stream.limit_rate = True
stream.iopub_msg_rate_limit = 3000
stream.iopub_data_rate_limit = 10_000_000
stream.rate_limit_window = 3

lab = c.LabApp
lab.news_url = None
lab.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
lab.extension_manager = "readonly"
lab.collaborative = False
lab.extra_labextensions_path = [str(Path(surroundings.__file__).parent / "labextensions")]
if Path(sys.prefix) != surroundings.ENVIRONMENT:  # pages of widgets that the team's environment brings along
    lab.extra_labextensions_path.append(str(surroundings.ENVIRONMENT / "share" / "jupyter" / "labextensions"))
lab.user_settings_dir = str(surroundings.PACKAGES / "share" / "jupyter" / "lab" / "user-settings")
lab.workspaces_dir = str(surroundings.SCRATCH / "workspaces")
lab.app_dir = str(Path(sys.prefix, "share", "jupyter", "lab"))

c.ResourceUseDisplay.track_cpu_percent = True
# Nobody reads them, and measuring stops the server for 70 to 110 ms in every second: a cell then waits that long.
c.ResourceUseDisplay.enable_prometheus_metrics = False
