"""What a run finds inside besides its files: variables, a few files of /etc, its environment's interpreter.

Nothing here carries a name or a user of the host.
"""

import os
from typing import Any

from . import network

USER, UID = "studium", 1000
HOME = "/notebooks"
RUN_FOLDER = "/run/studium"

# Of the host's /etc: what libraries need to load, to trust certificates and to tell the time. Read-only.
HOST_FILES = (
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/etc/ca-certificates",
    "/etc/localtime",
    "/etc/fonts",
    "/etc/mime.types",
    "/etc/protocols",
    "/etc/services",
    "/etc/R",
    "/etc/OpenCL",
    "/etc/vulkan",
)


def etc_files(run_id: str, *, outbound: bool) -> dict[str, str]:
    """Contents of the files of /etc that are written for the run."""
    files = {
        "/etc/passwd": f"root:x:0:0:root:/root:/usr/sbin/nologin\n{USER}:x:{UID}:{UID}:{USER}:{HOME}:/bin/bash\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
        "/etc/group": f"root:x:0:\ntty:x:5:\n{USER}:x:{UID}:\nnogroup:x:65534:\n",
        "/etc/hosts": f"127.0.0.1 localhost {run_id}\n::1 localhost\n",
        "/etc/hostname": f"{run_id}\n",
        "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
    }
    if outbound:
        files["/etc/resolv.conf"] = f"nameserver {network.RESOLVER}\n"
    return files


def variables(spec: dict[str, Any]) -> dict[str, str]:
    """The run's environment variables; the spec's own come last and win, but for the visible accelerators.

    Secrets come first: whatever they are called, they change none of the platform's. Their names are told, for the helper.
    """
    service = spec.get("service")
    cores = str(max(1, int(spec["limits"]["vcpu"])))
    found = {
        "PATH": f"{HOME}/.local/bin:/opt/env/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": HOME,
        "USER": USER,
        "LOGNAME": USER,
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "TMPDIR": "/tmp",  # noqa: S108 (inside: private to the run)
        "PYTHONUSERBASE": f"{HOME}/.local",
        "PIP_USER": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONUNBUFFERED": "1",
        # Without these, numeric libraries start a thread per core of the host and then wait for their share.
        "OMP_NUM_THREADS": cores,
        "OPENBLAS_NUM_THREADS": cores,
        "MKL_NUM_THREADS": cores,
        "STUDIUM_RUN": spec["run_id"],
        "STUDIUM_PROGRESS": f"{RUN_FOLDER}/progress.json",
    }
    if spec["network"] == "hosts":
        found["STUDIUM_EGRESS"] = f"{RUN_FOLDER}/egress.sock"
    if service:
        found["STUDIUM_SOCKET"] = f"{RUN_FOLDER}/{service['socket']}"
    given: dict[str, str] = spec["variables"]
    secrets: dict[str, str] = spec.get("given", {})
    if secrets:
        found["STUDIUM_SECRETS"] = " ".join(secrets)
    return secrets | found | given | accelerator_variables(spec["devices"])


def accelerator_variables(devices: list[dict[str, Any]]) -> dict[str, str]:
    """Each device's variables, joined over the devices; without an NVIDIA device none is visible."""
    found: dict[str, str] = {}
    for device in devices:
        for name, value in device["variables"].items():
            found[name] = f"{found[name]},{value}" if name in found else value
    found.setdefault("CUDA_VISIBLE_DEVICES", "")
    found.setdefault("NVIDIA_VISIBLE_DEVICES", "void")
    found["STUDIUM_ACCELERATORS"] = ",".join(device["kind"] for device in devices)
    if any(device["simulated"] for device in devices):
        found["STUDIUM_ACCELERATORS_SIMULATED"] = "1"
    return found


def device_nodes(devices: list[dict[str, Any]]) -> list[str]:
    """The nodes to show: the devices' own, and the driver's shared ones when an NVIDIA device is among them."""
    nodes = [path for device in devices for path in device["paths"]]
    if any(path.startswith("/dev/nvidia") for path in nodes):
        shared = ("/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset")
        nodes += [path for path in shared if os.path.exists(path) and path not in nodes]
    return nodes


def interpreter_prefixes(environment: str) -> dict[str, str]:
    """Folders outside /usr that the environment's Python stands on: path inside -> path on the host.

    A virtual environment only points to its base interpreter, by its `pyvenv.cfg` and by the link `bin/python`.
    """
    named: set[str] = set()
    try:
        with open(os.path.join(environment, "pyvenv.cfg"), encoding="utf-8") as stream:
            for line in stream:
                key, _, value = line.partition("=")
                if key.strip() == "home":
                    named.add(os.path.dirname(value.strip()))
    except OSError:
        return {}
    for name in ("python", "python3"):
        try:
            target = os.readlink(os.path.join(environment, "bin", name))
        except OSError:
            continue
        if os.path.isabs(target):
            named.add(os.path.dirname(os.path.dirname(target)))
    found = {}
    for path in named | {os.path.realpath(path) for path in named}:
        inside_usr = path == "/usr" or path.startswith("/usr/")
        if path not in ("", "/") and not inside_usr and os.path.isdir(path):
            found[path] = os.path.realpath(path)
    return found
