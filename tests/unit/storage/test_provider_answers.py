"""What answers of Google Cloud and Azure mean, in the words of their documentation, as the library hands them on."""

import pytest

from studium.storage.providers.answers import Doing, meaning, never_asked
from studium.storage.providers.errors import Trouble

ANSWERS = [
    ("401 Unauthorized", "AuthenticationRequired", "Authentication required.", Trouble.SIGNATURE_WRONG),
    ("403 Forbidden", "AccessDenied", "Access denied.", Trouble.NO_LIST),
    ("404 Not Found", "NoSuchBucket", "The specified bucket does not exist.", Trouble.BUCKET_UNKNOWN),
    ("429 Too Many Requests", "SlowDown", "Please reduce your request rate.", Trouble.AWAY),
    ("503 Service Unavailable", "ServiceUnavailable", "Please try again.", Trouble.AWAY),
    ("403 Forbidden", "AuthenticationFailed", "Server failed to authenticate the request.", Trouble.SIGNATURE_WRONG),
    ("403 Forbidden", "AuthorizationFailure", "Server failed to authenticate the request.", Trouble.SIGNATURE_WRONG),
    ("403 Forbidden", "AuthorizationFailure", "This request is not authorized to perform it.", Trouble.NO_LIST),
    ("403 Forbidden", "AuthorizationPermissionMismatch", "This request is not authorized.", Trouble.NO_LIST),
    ("404 Not Found", "ContainerNotFound", "The specified container does not exist.", Trouble.BUCKET_UNKNOWN),
    ("503 Service Unavailable", "ServerBusy", "The server is currently unable to receive requests.", Trouble.AWAY),
]
# To whoever shows no credentials.
HIDDEN = [
    ("401 Unauthorized", "AuthenticationRequired", "Authentication required."),
    ("401 Unauthorized", "NoAuthenticationInformation", "Server failed to authenticate the request."),
    ("403 Forbidden", "AccessDenied", "Anonymous caller does not have storage.objects.list access."),
    ("404 Not Found", "ResourceNotFound", "The specified resource does not exist."),
    ("409 Conflict", "PublicAccessNotPermitted", "Public access is not permitted on this storage account."),
]


def text(status: str, code: str, message: str) -> str:
    return (
        f"Generic error: Error performing GET https://cloud.example/b?list-type=2 in 20ms - Server returned non-2xx status "
        f'code: {status}: <?xml version="1.0"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    )


@pytest.mark.parametrize(("status", "code", "message", "kind"), ANSWERS)
def test_with_credentials(status: str, code: str, message: str, kind: Trouble) -> None:
    said = text(status, code, message)
    assert not never_asked(said)
    assert meaning(said, Doing.LIST, "cloud.example", anonymous=False).code == kind


@pytest.mark.parametrize(("status", "code", "message"), HIDDEN)
def test_without_credentials(status: str, code: str, message: str) -> None:
    error = meaning(text(status, code, message), Doing.LIST, "cloud.example", anonymous=True)
    assert error.code == Trouble.CREDENTIALS_NEEDED
