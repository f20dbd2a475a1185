"""Every setting an operator has, from `STUDIUM_*` variables or `<home>/studium.env`; docs/operators/settings.md explains them.

`Options` refuses nonsense at start with a sentence; nothing else in the platform reads the environment.
"""

import hashlib
import hmac
import os
import secrets
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from studium.errors import BadInput
from studium.runner import addresses


def default_home() -> Path:
    """Where the platform keeps everything: sandboxes of other uids must be able to pass through it, so not root's home."""
    if os.geteuid() == 0:
        return Path("/var/lib/studium")
    return Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local/share")) / "studium"


def default_home_or_given() -> Path:
    """The home folder before any setting was looked at."""
    given = os.environ.get("STUDIUM_HOME")
    return Path(given) if given else default_home()


class Options(BaseSettings):
    """The settings of one installation."""

    model_config = SettingsConfigDict(env_prefix="STUDIUM_", extra="ignore", frozen=True)

    home: Path = Field(default_factory=default_home, description="Folder of the database, blobs, volumes and sockets.")
    host: str = Field("localhost", description="Host name people type; never shared with user content.")
    port: int = Field(8000, ge=1, le=65535, description="Port of the edge, the one public port.")
    bind: str = Field("127.0.0.1", description="Address the edge listens on.")
    public_url: str = Field("", description="Address people use, when a TLS front stands before the edge.")
    content_domain: str = Field(
        "", description="Domain under which user content gets its hosts; another site than `host`."
    )
    database_url: str = Field(
        "", description="`postgresql://user:password@host/name`; empty for SQLite in the home folder."
    )
    storage_url: str = Field("", description="`s3://bucket/prefix`; empty for a folder in the home folder.")
    secret_key: str = Field("", description="Key of signatures; made once and kept in the home folder when empty.")
    open_signup: bool = Field(False, description="Whether strangers may sign up. Refused while isolation is not full.")
    default_plan: str = Field("open", description="Plan of a new team.")
    teams_per_person: int = Field(
        5, ge=0, description="Shared teams one person may own; each brings its own allowances. Not for administrators."
    )
    simulate: str = Field("", description="Simulated accelerators, as `P100:1,M4000:2,tpu-v3-8:1`.")
    accelerators: str = Field(
        "", description="Declared accelerators, as a JSON list of kind, index, paths and memory_bytes."
    )
    reserve_memory: str = Field("1G", description="Memory of this machine that runs may not have.")
    provider_cache: str = Field(
        "5G", description="Disk kept beside a run for what it read of one mounted storage provider."
    )
    notebook_bytes: int = Field(64 * 1024**2, description="Largest notebook file taken, in bytes.")
    email_url: str = Field("", description="`smtp://user:password@host:587`; empty writes mail to the log.")
    email_from: str = Field("studium@localhost", description="Sender of mail.")
    oidc: str = Field(
        "", description="OpenID Connect sign-in, as a JSON list of name, client_id, secret and server_url."
    )
    outbound_allow: str = Field(
        "",
        description="Networks, addresses and hosts beside the public internet that members may have called, as by webhooks.",
    )
    google_token_url: str = Field(
        "https://oauth2.googleapis.com/token",
        description="Where keys of Google service accounts are exchanged for tokens, for storage providers.",
    )
    log_level: str = Field("INFO", description="`DEBUG`, `INFO`, `WARNING` or `ERROR`.")
    metrics_token: str = Field("", description="Bearer token of `/metrics`; empty lets only administrators read it.")
    package_index: str = Field("", description="Package index that environments are built from; empty for pip's own.")
    package_hosts: str = Field("", description="Further hosts, `name` or `name:port`, that builds fetch files from.")
    web_threads: int = Field(8, ge=1, le=128, description="Threads of the web process.")

    @field_validator("home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("host", "content_domain")
    @classmethod
    def _bare_host(cls, value: str) -> str:
        if "/" in value or "@" in value:
            raise ValueError("give a host name without scheme or path")
        return value.lower()

    @field_validator("outbound_allow")
    @classmethod
    def _networks_and_hosts(cls, value: str) -> str:
        for each in value.replace(",", " ").split():
            addresses.entry(each)
        return value

    @field_validator("google_token_url")
    @classmethod
    def _whole_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise ValueError("give a whole address, as https://oauth2.googleapis.com/token")
        return value

    @cached_property
    def outbound_allowed(self) -> tuple[str, ...]:
        """The entries of `outbound_allow`, as `studium.runner.addresses` reads them."""
        return tuple(self.outbound_allow.replace(",", " ").split())

    @cached_property
    def platform_url(self) -> str:
        """Scheme, host and port of the platform's pages, with no slash at the end."""
        return self.public_url.rstrip("/") or f"http://{self.host}:{self.port}"

    @cached_property
    def platform_host(self) -> str:
        """What browsers send as Host to the platform's pages."""
        return self.platform_url.split("://", 1)[1]

    @cached_property
    def content_host_suffix(self) -> str:
        """What follows `<label>.` in a content host, port included."""
        if self.content_domain:
            return self.content_domain
        return self.platform_host

    def content_url(self, label: str) -> str:
        return f"{self.platform_url.split('://', 1)[0]}://{label}.{self.content_host_suffix}"

    @property
    def run_folder(self) -> Path:
        """Sockets of the platform's own processes."""
        return self.home / "run"

    @property
    def web_socket(self) -> Path:
        return self.run_folder / "web.sock"

    @property
    def controller_hints(self) -> Path:
        return self.run_folder / "controller.sock"

    @property
    def edge_hints(self) -> Path:
        return self.run_folder / "edge.sock"

    @property
    def edge_key_file(self) -> Path:
        """The secrets that edge and web share; made when missing."""
        self.key("edge")
        return self.home / "keys" / "edge"

    @cached_property
    def edge_key(self) -> str:
        """What the edge shows to web with each question; derived from the first line of the key file, as the edge does."""
        first = self.key("edge").split()[0].encode()
        return hmac.new(first, b"studium edge and web", hashlib.sha256).hexdigest()

    def key(self, name: str) -> str:
        """A secret of this installation, made on first use and kept in `<home>/keys/<name>`."""
        if name == "django" and self.secret_key:
            return self.secret_key
        folder = self.home / "keys"
        path = folder / name
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            fresh = folder / f".{name}.{os.getpid()}"
            fresh.touch(mode=0o600)
            fresh.write_text(secrets.token_urlsafe(48))
            try:
                os.link(fresh, path)  # atomic, and the first of two starters wins
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
        return path.read_text()


@lru_cache(maxsize=1)
def options() -> Options:
    """The settings of this process. Read once; `<home>/studium.env` fills what the environment does not set.

    Raises BadInput for a setting that is wrong.
    """
    try:
        first: Any = Options()
        return Options(_env_file=first.home / "studium.env", home=first.home)
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False)[0]  # what was given may be a secret
        name = f"STUDIUM_{'_'.join(str(part) for part in wrong['loc'])}".upper()
        raise BadInput(
            "setting.wrong",
            f"{name} is wrong: {wrong['msg'].removeprefix('Value error, ')}.",
            f"Set it right in the environment or in {default_home_or_given() / 'studium.env'}.",
        ) from None
