"""Open a provider with the team's secrets, at the moment it is used. Nothing of this machine's own is ever used instead."""

import json
from datetime import timedelta
from typing import Any

from obstore.store import AzureStore, GCSStore, ObjectStore, S3Store

from studium.outbound.fence import check_url
from studium.outbound.proxy import proxy_url
from studium.outbound.spelling import Target
from studium.secrets.access import Place
from studium.secrets.queries import own
from studium.secrets.sealing import value_of
from studium.storage.providers.bucket import Bucket
from studium.storage.providers.errors import secret_missing, secret_unfit
from studium.storage.providers.models import Provider
from studium.storage.providers.remote import Remote
from studium.storage.providers.states import Kind
from studium.storage.providers.webfiles import WebFiles

_GOOGLE = "https://storage.googleapis.com"


def opened(provider: Provider, *, seconds: float = 30.0, retries: int = 2) -> Remote:
    """The provider, to be asked. One request takes at most `seconds`; nothing is asked yet.

    Raises Refused where a secret is missing or unfit, or the address may not be called.
    """
    key_id, key = _secret(provider, provider.key_id_secret), _secret(provider, provider.key_secret)
    target = target_of(provider)
    if provider.kind == Kind.HTTP:
        return WebFiles(target, provider.prefix, key, seconds=min(seconds, 15.0))
    common: dict[str, Any] = {
        "client_options": {
            "allow_http": target.scheme == "http",
            "allow_invalid_certificates": False,
            "proxy_url": proxy_url(),
            "proxy_excludes": "",
            "connect_timeout": timedelta(seconds=min(seconds, 5.0)),
            # Of the whole request, body included: a large file takes as long as it moves.
            "timeout": timedelta(seconds=seconds) if seconds < 30 else timedelta(hours=6),
            "read_timeout": timedelta(seconds=seconds),
        },
        "retry_config": {"max_retries": retries, "retry_timeout": timedelta(seconds=seconds)},
    }
    make: Any = {Kind.S3: _s3, Kind.GCS: _gcs, Kind.AZURE: _azure}[Kind(provider.kind)]
    return Bucket(make(provider, target, key_id, key, common), target, provider.prefix, anonymous=not key)


def target_of(provider: Provider) -> Target:
    """The server that is asked. Raises BadInput, Refused."""
    clouds = {
        Kind.S3: f"https://s3.{provider.region or 'us-east-1'}.amazonaws.com",
        Kind.GCS: _GOOGLE,
        Kind.AZURE: f"https://{provider.account}.blob.core.windows.net",
    }
    return check_url(provider.endpoint or clouds[Kind(provider.kind)])


def _secret(provider: Provider, name: str) -> str:
    if not name:
        return ""
    row = own(Place(provider.team)).filter(name=name).first()
    if row is None:
        raise secret_missing(name)
    return value_of(row).strip()


def _s3(provider: Provider, target: Target, key_id: str, key: str, common: dict[str, Any]) -> ObjectStore:
    """Given credentials stand before all that the library would look for, and where there are none nothing is signed.

    What its variables could change of where and how it asks is said as well.
    """
    given = {"access_key_id": key_id, "secret_access_key": key, "token": None, "expires_at": None}
    endpoint = target.url.rstrip("/")
    config: Any = {
        "endpoint": endpoint,
        "aws_endpoint_url_s3": endpoint,
        "region": provider.region or "us-east-1",
        "virtual_hosted_style_request": False,
        "s3_express": False,
        "skip_signature": not key,
    }
    if key:
        common = {**common, "credential_provider": lambda: given}
    return S3Store(provider.bucket, config=config, **common)


def _gcs(provider: Provider, target: Target, _: str, key: str, common: dict[str, Any]) -> ObjectStore:
    config: Any = {"base_url": target.url.rstrip("/"), "skip_signature": not key}
    if key:
        config["service_account_key"] = _account_key(provider.key_secret, key)
    return GCSStore(provider.bucket, config=config, **common)


def _account_key(name: str, text: str) -> str:
    """What of a service account's key is used; it can name servers too, which nobody looked at."""
    try:
        told = json.loads(text)
        kept = {field: str(told[field]) for field in ("client_email", "private_key", "private_key_id")}
    except (ValueError, KeyError, TypeError, RecursionError):
        raise secret_unfit(name, "is no key of a service account in JSON") from None
    return json.dumps({"type": "service_account", **kept})


def _azure(provider: Provider, target: Target, _: str, key: str, common: dict[str, Any]) -> ObjectStore:
    config: Any = {
        "account_name": provider.account,
        "endpoint": target.url.rstrip("/"),
        "use_emulator": False,
        "use_azure_cli": False,
        "use_fabric_endpoint": False,
        "skip_signature": not key,
    }
    if key:
        signed = "sig=" in key
        given: Any = {"sas_token": key.removeprefix("?")} if signed else {"access_key": key}
        common = {**common, "credential_provider": lambda: {**given, "expires_at": None}}
    return AzureStore(provider.bucket, config=config, **common)
