"""The CRC-32 of a whole from those of its parts, without reading them again.

Appending n bytes multiplies a CRC by x^(8n) modulo the polynomial of CRC-32; powers of x are found by squaring.
"""

from functools import cache

_POLYNOMIAL = 0xEDB88320  # bits reversed: the coefficient of x^0 is the highest
_ONE = 1 << 31


def _multiplied(a: int, b: int) -> int:
    """The product of two polynomials modulo that of CRC-32."""
    product, mask = 0, _ONE
    while mask:
        if a & mask:
            product ^= b
        mask >>= 1
        b = (b >> 1) ^ _POLYNOMIAL if b & 1 else b >> 1
    return product


@cache
def _squared(times: int) -> int:
    """x to the power of 2^times."""
    if times == 0:
        return _ONE >> 1
    half = _squared(times - 1)
    return _multiplied(half, half)


@cache
def _table(times: int) -> tuple[list[int], ...]:
    """What each value of each byte of a CRC, the lowest first, comes to when it is multiplied by x to the power of 2^times."""
    by = _squared(times)
    bits = [_multiplied(1 << bit, by) for bit in range(32)]
    found = []
    for first in range(0, 32, 8):
        values = [0]
        for bit in bits[first : first + 8]:
            values += [value ^ bit for value in values]
        found.append(values)
    return tuple(found)


def combined(first: int, second: int, second_size: int) -> int:
    """The CRC-32 of two parts behind each other, of which the second has so many bytes."""
    size, times = second_size, 3
    while size:
        if size & 1:
            a, b, c, d = _table(times)
            first = a[first & 255] ^ b[first >> 8 & 255] ^ c[first >> 16 & 255] ^ d[first >> 24]
        size >>= 1
        times += 1
    return first ^ second
