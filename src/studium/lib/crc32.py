"""The CRC-32 of a whole from those of its parts, without reading them again.

Appending n bytes multiplies a CRC by x^(8n) modulo the polynomial of CRC-32; powers of x are found by squaring.
"""

from functools import cache, lru_cache

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


@lru_cache(maxsize=4096)
def _moved(size: int) -> int:
    """x to the power of 8 times `size`."""
    power, bit = _ONE, 3
    while size:
        if size & 1:
            power = _multiplied(_squared(bit), power)
        size >>= 1
        bit += 1
    return power


def combined(first: int, second: int, second_size: int) -> int:
    """The CRC-32 of two parts behind each other, of which the second has so many bytes."""
    return _multiplied(_moved(second_size), first) ^ second
