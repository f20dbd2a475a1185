"""Why a server cannot be reached: the steps of a connection, one by one, each with its own error."""

import concurrent.futures
import socket
import ssl
from functools import lru_cache

from studium.outbound.fence import allowed
from studium.outbound.spelling import Target
from studium.runner import addresses
from studium.storage.providers.errors import Trouble, trouble

SECONDS = 4.0


@lru_cache(maxsize=1)
def tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def connected(target: Target, seconds: float = SECONDS) -> socket.socket:
    """A connection to the server, secure where its address says so. Raises a StudiumError that says which step failed."""
    where = target.netloc
    try:
        _resolved(target, seconds)
        plain = addresses.dial(target.host, target.port, allowed(), seconds)
    except (socket.gaierror, UnicodeError):
        raise trouble(Trouble.NAME_UNKNOWN, target.host) from None
    except addresses.ClosedError as error:
        shown = target.host if str(error) == target.host else f"{target.host} ({error})"
        raise trouble(Trouble.CLOSED, shown) from None
    except ConnectionRefusedError:
        raise trouble(Trouble.CONNECTION_REFUSED, where) from None
    except TimeoutError:
        raise trouble(Trouble.TIMEOUT, where) from None
    except OSError as error:
        raise trouble(Trouble.UNREACHABLE, where, error.strerror or type(error).__name__) from None
    plain.settimeout(seconds)
    if target.scheme != "https":
        return plain
    try:
        return tls().wrap_socket(plain, server_hostname=target.host)
    except (OSError, ValueError) as error:
        plain.close()
        if isinstance(error, TimeoutError):
            raise trouble(Trouble.TIMEOUT, where) from None
        raise trouble(Trouble.TLS, where, _why(error)) from None


def check(target: Target, seconds: float = SECONDS) -> None:
    """Connect and hang up. Raises as `connected`."""
    connected(target, seconds).close()


def _resolved(target: Target, seconds: float) -> None:
    """A resolver that does not answer has no bound of its own."""
    pool = concurrent.futures.ThreadPoolExecutor(1)
    try:
        pool.submit(addresses.resolve, target.host, target.port).result(seconds)
    except concurrent.futures.TimeoutError:
        raise TimeoutError from None
    finally:
        pool.shutdown(wait=False)


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message.rstrip(".")
    if isinstance(error, ssl.SSLError) and error.reason:
        return str(error.reason).lower().replace("_", " ")
    return getattr(error, "strerror", None) or "it hung up"
