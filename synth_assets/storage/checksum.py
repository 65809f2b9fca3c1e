"""CRC-32s of parts make the CRC-32 of the whole, without a look at the bytes.

The method is that of zlib's `crc32_combine`: appending n bytes multiplies the checksum by x^(8n), modulo the
polynomial of CRC-32. Polynomials are written as zlib writes them: the highest bit is the coefficient of x^0.
"""

from functools import lru_cache

_POLYNOMIAL = 0xEDB88320
_ONE = 1 << 31


def combine_crc32(first: int, second: int, second_length: int) -> int:
    """The CRC-32 of two stretches of bytes, one after the other, of which the second has `second_length` bytes."""
    return _multiply(_shift(second_length), first) ^ second


@lru_cache(maxsize=64)
def _shift(length: int) -> int:
    """x^(8n) for n bytes. Most pages of a column are equally long."""
    shift, power = _ONE, 3  # 2^3 bits a byte
    while length:
        if length & 1:
            shift = _multiply(_SQUARES[power % 32], shift)
        length >>= 1
        power += 1
    return shift


def _multiply(a: int, b: int) -> int:
    """The product of two polynomials, modulo the polynomial of CRC-32."""
    product = 0
    while a:
        if a & _ONE:
            product ^= b
        a = a << 1 & 0xFFFFFFFF
        b = b >> 1 ^ _POLYNOMIAL if b & 1 else b >> 1
    return product


def _squares() -> list[int]:
    """x^(2^n) for n from 0 to 31; there they begin again."""
    powers = [_ONE >> 1]
    while len(powers) < 32:
        powers.append(_multiply(powers[-1], powers[-1]))
    return powers


_SQUARES = _squares()
