"""What the answer of a bucket's server means, as a `Trouble`. The library gives it as text, of which only codes are kept."""

import re
from enum import StrEnum

from studium.errors import StudiumError
from studium.storage.providers.errors import Trouble, trouble

_CODE = re.compile(r"<Code>(\w{1,60})</Code>")
_STATUS = re.compile(r"status code: (\d{3})")
_REGION = re.compile(r"<Region>([\w-]{1,40})</Region>|expecting '([\w-]{1,40})'")


class Doing(StrEnum):
    """What was asked for when it was refused."""

    LIST = "list"
    READ = "read"
    WRITE = "write"
    REMOVE = "remove"


_DENIED = {
    Doing.LIST: Trouble.NO_LIST,
    Doing.READ: Trouble.NO_READ,
    Doing.WRITE: Trouble.NO_WRITE,
    Doing.REMOVE: Trouble.NO_REMOVE,
}
# Of S3 (and Google's interface like it) and of Azure.
_MEANS = {
    "NoSuchBucket": Trouble.BUCKET_UNKNOWN,
    "InvalidBucketName": Trouble.BUCKET_UNKNOWN,
    "ContainerNotFound": Trouble.BUCKET_UNKNOWN,
    "InvalidAccessKeyId": Trouble.KEY_UNKNOWN,
    "SignatureDoesNotMatch": Trouble.SIGNATURE_WRONG,
    "AuthenticationFailed": Trouble.SIGNATURE_WRONG,
    "AuthenticationRequired": Trouble.CREDENTIALS_NEEDED,
    "NoAuthenticationInformation": Trouble.CREDENTIALS_NEEDED,
    "PublicAccessNotPermitted": Trouble.CREDENTIALS_NEEDED,
    "RequestTimeTooSkewed": Trouble.CLOCK,
    "RequestExpired": Trouble.CLOCK,
    "AuthorizationHeaderMalformed": Trouble.REGION_WRONG,
    "PermanentRedirect": Trouble.REGION_WRONG,
    "TemporaryRedirect": Trouble.REGION_WRONG,
    "IllegalLocationConstraintException": Trouble.REGION_WRONG,
    "SlowDown": Trouble.AWAY,
    "ServerBusy": Trouble.AWAY,
    "InternalError": Trouble.AWAY,
    "ServiceUnavailable": Trouble.AWAY,
}
_REFUSING = frozenset(
    "AccessDenied AllAccessDisabled AccountIsDisabled AuthorizationFailure AuthorizationPermissionMismatch "
    "AuthorizationResourceTypeMismatch AuthorizationServiceMismatch InsufficientAccountPermissions".split()
)
# What Azure says of a container that is not public to whoever shows no credentials.
_HIDING = frozenset({"ResourceNotFound"})
# Our own proxy's words (`runner.egress`): the server was not asked at all.
_OWN = ("It cannot be reached:", "which is not open to runs", "not among the hosts")


def never_asked(text: str) -> bool:
    """Whether there was no answer of the server, so that the way to it has to be looked at."""
    return not _STATUS.search(text) or any(own in text for own in _OWN)


def meaning(text: str, doing: Doing, where: str, *, anonymous: bool) -> StudiumError:
    """The error that a server's answer is for people."""
    status, found = _STATUS.search(text), _CODE.search(text)
    number, code = int(status[1]) if status else 0, found[1] if found else ""
    kind = _MEANS.get(code) or _by_status(number, code, doing)
    if code == "AuthorizationFailure" and "failed to authenticate" in text:  # Azurite's code for a wrong key
        kind = Trouble.SIGNATURE_WRONG
    if kind is Trouble.REGION_WRONG and (region := _REGION.search(text)):
        return trouble(kind, where, f", {region[1] or region[2]}")
    if anonymous and (kind is Trouble.SIGNATURE_WRONG or kind in _DENIED.values() or code in _HIDING):
        kind = Trouble.CREDENTIALS_NEEDED
    elif kind is Trouble.CREDENTIALS_NEEDED and not anonymous:  # so Google says of a token that it does not take
        kind = Trouble.SIGNATURE_WRONG
    more = "" if kind is Trouble.REGION_WRONG else code or (f"status {number}" if number else "no answer")
    return trouble(kind, where, more)


def _by_status(number: int, code: str, doing: Doing) -> Trouble:
    if code in _REFUSING or (number == 403 and not code):
        return _DENIED[doing]
    if number == 401:
        return Trouble.SIGNATURE_WRONG
    if number in (301, 307):
        return Trouble.REGION_WRONG
    if number in (408, 429) or number >= 500:
        return Trouble.AWAY
    return Trouble.ENDPOINT_WRONG if not code or doing == Doing.LIST else _DENIED[doing]
