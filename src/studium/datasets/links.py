"""Links by which anybody can take a file or an archive for a while, without signing in.

A link says who made it, of what and until when, and is signed with the platform's key; nothing of it is kept. It is good for as
long as whoever made it may read the dataset.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core import signing

from studium.accounts.models import User
from studium.datasets.access import version_for
from studium.datasets.models import DatasetVersion
from studium.datasets.queries import file_of
from studium.errors import BadInput, NotFound, StudiumError

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=7)
_SALT = "studium.datasets.links"


@dataclass(frozen=True, kw_only=True)
class Linked:
    """What a link leads to: the file at `path`, or where `archive` is set the archive of all below it."""

    user: User
    version: DatasetVersion
    path: str
    archive: bool
    until: datetime


def make(user: User, version: DatasetVersion, path: str, *, archive: bool, lasts: timedelta, now: datetime) -> str:
    """The part of the address that says it all, for a version fetched as the user. Raises BadInput, NotFound for no such file."""
    if not SHORTEST <= lasts <= LONGEST:
        raise BadInput("link.lasts", "A link is good for a minute to seven days.", "Write it as 1h or 2d.")
    if not archive and file_of(version, path) is None:
        raise NotFound("dataset.no_file", f"Version {version.number} has no such file.", "See the dataset's page.")
    said = [user.pk, version.dataset_id, version.number, path, archive, int((now + lasts).timestamp())]
    return signing.dumps(said, salt=_SALT, compress=True)


def address(token: str) -> str:
    """The path of the platform at which a link is taken up."""
    return f"/links/{token}/"


def read(token: str, *, now: datetime) -> Linked:
    """What a link leads to. Raises NotFound for one that is none, is over, or whose maker may no longer read what it leads to."""
    try:
        pk, dataset, number, path, archive, until = signing.loads(token, salt=_SALT)
        end = datetime.fromtimestamp(until, tz=now.tzinfo)
    except (signing.BadSignature, ValueError, TypeError, OverflowError) as error:
        raise _over() from error
    user = User.objects.filter(pk=pk, is_active=True).first()
    if user is None or now >= end:
        raise _over()
    try:
        version = version_for(user, dataset, number)
    except StudiumError as error:
        raise _over() from error
    return Linked(user=user, version=version, path=path, archive=archive, until=end)


def _over() -> NotFound:
    return NotFound("link.over", "This link is over, or never was one.", "Ask whoever gave it to you for a new one.")
