"""`python -m studium.edge`: run one edge until SIGTERM or Ctrl-C.

Every option can also be given as an environment variable, `STUDIUM_EDGE_` and the option's name in capitals.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from studium.edge.app import create_app
from studium.edge.grants import load_keys
from studium.edge.server import EdgeServer, configure_log, inherit, listen, raise_file_limit
from studium.edge.settings import EdgeConfig, Limits
from studium.edge.webport import WebPort


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="studium.edge", description="The one public port of a Studium installation.")

    def option(name: str, help_text: str, default: str = "") -> None:
        variable = "STUDIUM_EDGE_" + name.upper().replace("-", "_")
        parser.add_argument(f"--{name}", default=os.environ.get(variable, default), help=f"{help_text} [{variable}]")

    option("platform-host", "host of the pages as browsers show it", "localhost:8000")
    option("content-domain", "content is served one label below this host", "localhost:8000")
    option("scheme", "http or https, as browsers see it", "http")
    option("web-socket", "unix socket of the web process")
    option("key-file", "file of secrets, one a line, newest first; shared with the web process")
    option("bind", "address to listen on, HOST:PORT", "127.0.0.1:8000")
    option("fd", "listen on this inherited file descriptor instead")
    option("reuse-port", "1: let a second edge listen on the same address", "0")
    option("hint-socket", "unix datagram socket to hear hints on")
    option("files-folder", "folder of the store, whose files are then sent from here")
    option("trusted-proxies", "addresses whose X-Forwarded-For is believed, separated by commas")
    option("platform-cookies", "further cookie names that content must not receive, separated by commas")
    option("platform-body", "largest request body for the platform's pages, in bytes", str(Limits().platform_body))
    option("access-log", "1: log every exchange, not only failures", "0")
    return parser


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())


def main(argv: Sequence[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(argv)
    for name in ("web_socket", "key_file"):
        if not getattr(options, name):
            parser.error(f"--{name.replace('_', '-')} is needed")
    try:
        keys = load_keys(Path(options.key_file))
        config = EdgeConfig(
            platform_host=options.platform_host.lower(),
            content_domain=options.content_domain.lower(),
            web_socket=options.web_socket,
            signing_keys=keys.signing,
            edge_key=keys.edge,
            scheme=options.scheme,
            hint_socket=options.hint_socket,
            files_folder=options.files_folder,
            trusted_proxies=_names(options.trusted_proxies),
            platform_cookies=_names(options.platform_cookies),
            access_log=options.access_log == "1",
            limits=Limits(platform_body=int(options.platform_body)),
        )
        host, _, port = options.bind.rpartition(":")
        if options.fd:
            listener = inherit(int(options.fd))
        else:
            listener = listen(host.strip("[]"), int(port), reuse_port=options.reuse_port == "1")
    except (OSError, ValueError) as error:
        print(f"studium.edge: {error}", file=sys.stderr)
        return 2
    configure_log()
    raise_file_limit()
    EdgeServer(create_app(config, WebPort(config.web_socket, config.edge_key)), alone=True).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
