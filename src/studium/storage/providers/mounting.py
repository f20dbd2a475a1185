"""What shows a provider to a run: how rclone is told of it, with the team's secrets, at the moment the run starts."""

import base64
import csv
import io
import json
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

from studium.accounts.access import role_in
from studium.accounts.models import Team, User
from studium.accounts.states import Role, covers
from studium.errors import Refused
from studium.lib import clock
from studium.outbound.fence import allowed, check_url
from studium.outbound.spelling import Target
from studium.storage.providers import azure, google
from studium.storage.providers.errors import secret_unfit
from studium.storage.providers.models import Provider
from studium.storage.providers.opening import secret_value, target_of
from studium.storage.providers.states import Kind

# What rclone calls it; no more than a prefix of its variables.
_REMOTE = "P"
# Longer than a run goes on; the signature is known to its rclone alone.
_SIGNED_FOR = timedelta(days=30)


@dataclass(frozen=True, kw_only=True)
class Mountable:
    """`variables` hold the credentials; the rest may be written down. `hosts` are all that it is asked for."""

    name: str
    root: str
    hosts: tuple[str, ...]
    within: tuple[str, ...]
    variables: dict[str, str]


def check_mountable(provider: Provider) -> None:
    """Raises Refused for one that rclone cannot be told of."""
    if provider.kind != Kind.AZURE:
        return
    target = target_of(provider)
    # Where rclone looks for the container: in the first part of the path, behind a numeric address in the second.
    before = [part for part in target.rest.split("/") if part]
    if len(before) != int(target.is_address):
        raise Refused(
            "provider.not_mounted",
            "Of Azure only containers below the server's name, or of an account below its numeric address, can be mounted.",
            "Bring the files with `studium storage sync`, or as a dataset.",
        )


def mountable(user: User, team: Team, pk: str) -> Mountable:
    """The team's provider for a run that the user started. Raises Refused where it is gone, not theirs, or cannot be opened."""
    provider = Provider.objects.filter(pk=pk, team=team).first()
    role = role_in(user, team)
    if provider is None or role is None or not covers(role, Role.MEMBER):
        raise Refused(
            "provider.not_given",
            "A storage provider of the notebook is gone, or the run is of somebody who may not use it.",
            "Look at the notebook's inputs, then start again.",
        )
    check_mountable(provider)
    target = target_of(provider)
    key_id, key = (secret_value(provider, name) for name in (provider.key_id_secret, provider.key_secret))
    told = {Kind.S3: _s3, Kind.GCS: _gcs, Kind.AZURE: _azure, Kind.HTTP: _http}[Kind(provider.kind)]
    variables = told(provider, target, key_id, key)
    for value in variables.values():
        if not value.isprintable():
            raise secret_unfit(provider.key_secret, "has a line break or another character that no key has")
    hosts = [f"{target.host}:{target.port}"]
    if provider.kind == Kind.GCS and key:
        asked = check_url(google.token_url())
        hosts.append(f"{asked.host}:{asked.port}")
    within = "" if provider.kind == Kind.HTTP else "/".join(each for each in (provider.bucket, provider.prefix) if each)
    return Mountable(
        name=provider.name,
        # With a slash at the end it is not asked first whether this is a file: a server that is down is no reason to wait.
        root=f"{_REMOTE}:{within}/" if within else f"{_REMOTE}:",
        hosts=tuple(dict.fromkeys(hosts)),  # one door may lead to both
        within=allowed(),
        variables={f"RCLONE_CONFIG_{_REMOTE}_{name}": value for name, value in variables.items() if value},
    )


def _s3(provider: Provider, target: Target, key_id: str, key: str) -> dict[str, str]:
    return {
        "TYPE": "s3",
        "PROVIDER": "Other" if provider.endpoint else "AWS",
        "ENDPOINT": target.url.rstrip("/"),
        "REGION": provider.region or "us-east-1",
        "ACCESS_KEY_ID": key_id,
        "SECRET_ACCESS_KEY": key,
        "ENV_AUTH": "false",
        "FORCE_PATH_STYLE": "true",
        "NO_CHECK_BUCKET": "true",
    }


def _gcs(provider: Provider, target: Target, _: str, key: str) -> dict[str, str]:
    told = {"TYPE": "google cloud storage", "BUCKET_POLICY_ONLY": "true"}
    if provider.endpoint:
        told["ENDPOINT"] = f"{target.url.rstrip('/')}/storage/v1/"
    if not key:
        return {**told, "ANONYMOUS": "true"}
    try:
        given = json.loads(key)
        known = {name: str(given[name]) for name in ("private_key", "private_key_id", "client_email")}
    except (ValueError, KeyError, TypeError, RecursionError):
        raise secret_unfit(provider.key_secret, "is no key of a service account in JSON") from None
    # Not what the key's file names: the token is asked for where the operator says.
    account = {"type": "service_account", "token_uri": google.token_url(), **known}
    return {**told, "SERVICE_ACCOUNT_CREDENTIALS": json.dumps(account)}


def _azure(provider: Provider, target: Target, _: str, key: str) -> dict[str, str]:
    """Of an account's key it is given no more than a signature to read this container with."""
    signed = key.removeprefix("?")
    if key and not azure.is_signature(key):
        given = azure.key_bytes(provider.key_secret, key)
        signed = azure.reading(provider.account, provider.bucket, given, clock.now() + _SIGNED_FOR)
    place = f"{target.url.rstrip('/')}/{provider.bucket}"
    return {"TYPE": "azureblob", "SAS_URL": f"{place}?{signed}" if signed else place}


def _http(provider: Provider, target: Target, _: str, key: str) -> dict[str, str]:
    url = target.url.rstrip("/") + "/" + (f"{quote(provider.prefix)}/" if provider.prefix else "")
    told = {"TYPE": "http", "URL": url}
    if key:
        basic = "Basic " + base64.b64encode(key.encode()).decode()
        row = io.StringIO()
        csv.writer(row, lineterminator="").writerow(["Authorization", basic if ":" in key else f"Bearer {key}"])
        told["HEADERS"] = row.getvalue()
    return told
