"""Open a provider with the team's secrets, at the moment it is used. Nothing of this machine's own is ever used instead."""

from datetime import UTC, datetime, timedelta
from typing import Any

from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, ObjectStore, S3Store

from studium.outbound.fence import check_url
from studium.outbound.proxy import proxy_url
from studium.outbound.spelling import Target
from studium.secrets.access import Place
from studium.secrets.queries import own
from studium.secrets.sealing import value_of
from studium.storage.providers import azure, google
from studium.storage.providers.bucket import Bucket
from studium.storage.providers.errors import Trouble, secret_missing, trouble
from studium.storage.providers.models import Provider
from studium.storage.providers.remote import Remote
from studium.storage.providers.states import Kind
from studium.storage.providers.webfiles import WebFiles

_GOOGLE = "https://storage.googleapis.com"


def opened(provider: Provider, *, seconds: float = 30.0, retries: int = 2) -> Remote:
    """The provider, to be asked. One request takes at most `seconds`. Nothing is asked yet, but Google for a token.

    Raises Refused where a secret is missing or unfit, or the address may not be called.
    """
    key_id, key = secret_value(provider, provider.key_id_secret), secret_value(provider, provider.key_secret)
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
    try:
        store = make(provider, target, key_id, key, common)
    except BaseError:  # a variable of this machine that the library cannot read, say
        raise trouble(Trouble.ENDPOINT_WRONG, target.netloc, "it cannot be asked with these settings") from None
    refused = (lambda: google.forget(key)) if provider.kind == Kind.GCS else None
    return Bucket(store, target, provider.prefix, anonymous=not key, refused=refused)


def target_of(provider: Provider) -> Target:
    """The server that is asked. Raises BadInput, Refused."""
    clouds = {
        Kind.S3: f"https://s3.{provider.region or 'us-east-1'}.amazonaws.com",
        Kind.GCS: _GOOGLE,
        Kind.AZURE: f"https://{provider.account}.blob.core.windows.net",
    }
    return check_url(provider.endpoint or clouds[Kind(provider.kind)])


def secret_value(provider: Provider, name: str) -> str:
    """The value of the team's secret of that name; empty without a name. Raises Refused where there is none."""
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
    """The token is got here and not by the library, which would call wherever the key's file says."""
    config: Any = {"base_url": target.url.rstrip("/"), "skip_signature": not key}
    # Else Google unpacks files that are kept with gzip, and they are longer than it says.
    packed = {"default_headers": {"accept-encoding": "gzip"}}
    common = {**common, "client_options": {**common["client_options"], **packed}}
    if key:
        google.token(provider.key_secret, key)  # what is wrong with it is said now

        def given() -> dict[str, Any]:
            token, until = google.token(provider.key_secret, key)
            return {"token": token, "expires_at": datetime.fromtimestamp(until, UTC)}

        common = {**common, "credential_provider": given}
    return GCSStore(provider.bucket, config=config, **common)


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
        signed = azure.is_signature(key)
        if not signed:
            azure.key_bytes(provider.key_secret, key)
        given: Any = {"sas_token": key.removeprefix("?")} if signed else {"access_key": key}
        common = {**common, "credential_provider": lambda: {**given, "expires_at": None}}
    return AzureStore(provider.bucket, config=config, **common)
