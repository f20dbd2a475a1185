"""One bounded HTTP request to an address that somebody wrote down. Redirects are not followed, answers are not read.

Never called inside a transaction.
"""

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from functools import lru_cache

from studium.errors import Refused, StudiumError
from studium.outbound.fence import allowed, check_url, closed
from studium.outbound.spelling import Target
from studium.runner import addresses

SECONDS = 10.0


class CallFailedError(Exception):
    """The call did not go through; the text is for people and carries nothing of the address but its host."""


def post(url: str, body: bytes, headers: Mapping[str, str], *, seconds: float = SECONDS) -> int:
    """Send a body and return the status of the answer. Raises CallFailedError when none came within the time.

    The name is resolved once and one of the addresses that were looked at is what is connected to.
    """
    try:
        target = check_url(url)
        with _connection(target, seconds) as connection:
            connection.request("POST", target.rest, body=body, headers={"Host": target.netloc, **headers})
            return connection.getresponse().status
    except StudiumError as error:
        raise CallFailedError(error.message) from None
    except ssl.SSLError as error:
        raise CallFailedError(f"No secure connection to {target.host}: {error.reason or error}.") from None
    except TimeoutError:
        raise CallFailedError(f"{target.host} did not answer within {seconds:.0f} s.") from None
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        words = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise CallFailedError(f"{target.host} did not answer: {words[:200]}.") from None


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


@contextlib.contextmanager
def _connection(target: Target, seconds: float) -> Iterator[http.client.HTTPConnection]:
    """A connection that is cut when the time is up, whatever drips in meanwhile."""
    plain = _dialled(target, seconds)
    with contextlib.closing(plain.dup()) as handle:
        late = threading.Event()

        def cut() -> None:
            late.set()
            with contextlib.suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(seconds, cut)
        timer.daemon = True
        timer.start()
        connection = http.client.HTTPConnection(target.host, target.port)
        try:
            if target.scheme == "https":
                plain = _tls().wrap_socket(plain, server_hostname=target.host)
            connection.sock = plain
            yield connection
            if late.is_set():  # what was cut off in the middle can look like an answer
                raise TimeoutError
        except (OSError, http.client.HTTPException) as error:
            if late.is_set():
                raise TimeoutError from error
            raise
        finally:
            timer.cancel()
            timer.join()
            plain.close()
            connection.close()


def _dialled(target: Target, seconds: float) -> socket.socket:
    try:
        return addresses.dial(target.host, target.port, allowed(), seconds)
    except addresses.ClosedError as error:
        raise _leads_to(target, str(error)) from None


def _leads_to(target: Target, address: str) -> Refused:
    return closed(address) if target.host == address else closed(f"{target.host} ({address})")
