"""Every change people make to providers. The actor comes first. What is recorded says names, never values of secrets."""

from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction

from studium.accounts.access import require
from studium.accounts.models import Team, User
from studium.accounts.states import Role
from studium.errors import BadInput
from studium.events.actions import record
from studium.outbound.fence import check_url
from studium.secrets.states import well_formed as secret_name
from studium.storage.providers.errors import bad_name, missing, name_taken, too_many
from studium.storage.providers.models import Provider
from studium.storage.providers.paths import folder_path
from studium.storage.providers.states import MOST_OF_A_TEAM, Kind, well_formed


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """All that a provider is told; what its kind has no use for is dropped."""

    kind: Kind
    bucket: str = ""
    prefix: str = ""
    region: str = ""
    account: str = ""
    endpoint: str = ""
    key_id_secret: str = ""
    key_secret: str = ""
    writable: bool = False


def make_provider(actor: User, team: Team, name: str, wanted: Wanted, *, now: datetime) -> Provider:
    """Make one. Nothing is asked of its server. Raises BadInput, Refused."""
    require(actor, team, Role.MEMBER)
    if not well_formed(name):
        raise bad_name()
    checked = _checked(wanted)
    with transaction.atomic():
        Team.objects.select_for_update().get(pk=team.pk)
        if Provider.objects.filter(team=team, name=name).exists():
            raise name_taken(name)
        if Provider.objects.filter(team=team).count() >= MOST_OF_A_TEAM:
            raise too_many()
        made = Provider.objects.create(
            team=team, name=name, created_by=actor, created_at=now, changed_by=actor, changed_at=now, **asdict(checked)
        )
        _record("provider.made", actor, made, now)
    return made


def change_provider(actor: User, provider: Provider, wanted: Wanted, *, now: datetime) -> Provider:
    """Tell it all anew; it is untested then. Its kind stays. Raises BadInput, Refused."""
    require(actor, provider.team, Role.MEMBER)
    if wanted.kind != provider.kind:
        raise BadInput("provider.kind_stays", "A provider stays of its kind.", "Make another one.")
    checked = asdict(_checked(wanted))
    with transaction.atomic():
        fresh = {"changed_by": actor, "changed_at": now, "tested_at": None, "test_code": ""}
        Provider.objects.filter(pk=provider.pk).update(**checked, **fresh)
        _record("provider.changed", actor, provider, now)
    return Provider.objects.select_related("team", "created_by", "changed_by").get(pk=provider.pk)


def remove_provider(actor: User, provider: Provider, *, now: datetime) -> None:
    """Forget it. What lies in its bucket stays there."""
    require(actor, provider.team, Role.MEMBER)
    with transaction.atomic():
        _record("provider.removed", actor, provider, now)
        Provider.objects.filter(pk=provider.pk).delete()


def note_test(provider: Provider, code: str, *, now: datetime) -> None:
    """Keep how a test went, unless the provider was changed meanwhile."""
    Provider.objects.filter(pk=provider.pk, changed_at=provider.changed_at).update(tested_at=now, test_code=code)


def note_write(actor: User, provider: Provider, what: str, path: str, *, now: datetime) -> None:
    """Keep that a file was written (`put`) or deleted (`removed`)."""
    with transaction.atomic():
        _record(f"provider.file_{what}", actor, provider, now, path=path)


def _checked(wanted: Wanted) -> Wanted:
    kind, text = wanted.kind, {key: value.strip() for key, value in asdict(wanted).items() if isinstance(value, str)}
    endpoint = text["endpoint"].rstrip("/")
    if kind == Kind.HTTP:
        if not endpoint:
            raise missing("endpoint", "An HTTP server is told by its address.")
        endpoint += "/"
        if "?" in endpoint or "#" in endpoint:
            raise BadInput(
                "provider.endpoint", "The address has a query or a fragment.", "Give the address of the topmost folder."
            )
    elif not text["bucket"]:
        raise missing("bucket", "Which bucket or container is it?")
    if kind == Kind.AZURE and not text["account"]:
        raise missing("account", "Azure wants the name of the storage account.")
    if endpoint:
        check_url(endpoint)
    _check_words(text, kind)
    s3 = kind == Kind.S3
    return Wanted(
        kind=kind,
        bucket="" if kind == Kind.HTTP else text["bucket"],
        prefix=folder_path(text["prefix"].strip("/")),
        region=text["region"] if s3 else "",
        account=text["account"] if kind == Kind.AZURE else "",
        endpoint=endpoint,
        key_id_secret=text["key_id_secret"] if s3 else "",
        key_secret=text["key_secret"],
        writable=wanted.writable and kind != Kind.HTTP,
    )


def _check_words(text: dict[str, str], kind: Kind) -> None:
    for field, most in (("bucket", 255), ("region", 60), ("account", 60)):
        plain = text[field].replace("-", "").replace(".", "").replace("_", "")
        if text[field] and (len(text[field]) > most or not plain.isalnum() or not plain.isascii()):
            raise BadInput(
                f"provider.{field}", f"{text[field][:80]!r} is no {field}.", "Give its name alone, without an address."
            )
    for field in ("key_id_secret", "key_secret"):
        if text[field] and not secret_name(text[field]):
            # Not repeated: it may well be the value.
            raise BadInput(
                f"provider.{field}",
                "This is no name of a secret.",
                "Set the value as a secret of the team, then name it.",
            )
    if kind == Kind.S3 and bool(text["key_id_secret"]) != bool(text["key_secret"]):
        raise missing("key_id_secret and key_secret", "S3 wants a key id and a key, or neither for a public bucket.")


def _record(kind: str, actor: User, row: Provider, now: datetime, **more: str) -> None:
    data = {"name": row.name, "kind": row.kind, **more}
    record(kind, subject=("provider", row.pk), actor=actor, team_id=row.team_id, now=now, data=data)
