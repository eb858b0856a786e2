"""The issuer's private keys, and signing with them (RFC 9474, section 4.3, BlindSign).

The native engine signs where it is there, otherwise Python's integers do. Both blind the base of each exponentiation
anew, because its time may depend on the base, and a client chooses what is signed. Both check each signature by the
public key before they give it out: one that is right modulo one prime only would betray the other (Boneh, DeMillo &
Lipton 1997).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from loopixmix.errors import FormatError, LoopixmixError, MisuseError
from loopixmix.seams import Rng
from loopixmix.tokens.keys import MODULUS_BITS, PUBLIC_EXPONENT, encode_public

try:
    from loopixmix import _signing
except ImportError:
    _NATIVE_IS_HERE = False
else:
    _NATIVE_IS_HERE = True


class SigningFaultError(LoopixmixError):
    """The machine computed a signature wrongly; it was not given out."""


class Signer(Protocol):
    """Signs the blinded messages of one key."""

    @property
    def public(self) -> bytes:
        """The public key in DER, as `loopixmix.tokens.keys` has it."""

    def sign_many(self, blinded: Sequence[bytes]) -> list[bytes]:
        """Sign messages, each as long as the modulus and below it, in order; blocks for milliseconds each.

        Raises `MisuseError` if one is not, and `SigningFaultError` if a signature failed its check.
        """


def generate_key(bits: int = 2048) -> bytes:
    """Make a private key, in DER of PKCS #8. Its randomness is OpenSSL's own, which it does not let others give."""
    if bits not in MODULUS_BITS:
        raise MisuseError(f"a token key has 2048, 3072 or 4096 bits, not {bits}")
    return generate_private_key(PUBLIC_EXPONENT, bits).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def load_signer(private: bytes, *, rng: Rng, threads: int = 1) -> Signer:
    """Return what signs with a key that `generate_key` has made; raise `FormatError` if it is none.

    `rng`: blinds, where Python signs. `threads`: at most so many at once, where the native engine does.
    """
    if _NATIVE_IS_HERE:
        return NativeSigner(private, threads=threads)
    return PythonSigner(private, rng=rng)


class NativeSigner:
    """Signs by the native engine, outside the GIL."""

    def __init__(self, private: bytes, *, threads: int) -> None:
        """`private`: the key in DER of PKCS #8. `threads`: at most so many at once."""
        self.public = _public_of(_load(private))
        self._signer = _signing.Signer(private)
        self._threads = threads

    def sign_many(self, blinded: Sequence[bytes]) -> list[bytes]:
        """Sign messages in order; see `Signer.sign_many`."""
        try:
            return self._signer.sign_many(blinded, threads=self._threads)
        except ValueError as error:
            raise MisuseError(str(error)) from error
        except RuntimeError as error:
            raise SigningFaultError(str(error)) from error


class PythonSigner:
    """Signs by Python's integers: a tenth as fast, and with the GIL."""

    def __init__(self, private: bytes, *, rng: Rng) -> None:
        """`private`: the key in DER of PKCS #8. `rng`: blinds the base."""
        numbers = _load(private).private_numbers()
        self.public = encode_public(numbers.public_numbers.n)
        self._modulus = numbers.public_numbers.n
        self._p, self._q = numbers.p, numbers.q
        self._dp, self._dq, self._q_inverse = numbers.dmp1, numbers.dmq1, numbers.iqmp
        self._length = (self._modulus.bit_length() + 7) // 8
        self._rng = rng

    def sign_many(self, blinded: Sequence[bytes]) -> list[bytes]:
        """Sign messages in order; see `Signer.sign_many`."""
        numbers = [int.from_bytes(message) for message in blinded]
        for index, (message, number) in enumerate(zip(blinded, numbers, strict=True)):
            if len(message) != self._length or number >= self._modulus:
                raise MisuseError(f"blinded message {index} is not below the modulus")
        return [self._sign(number).to_bytes(self._length) for number in numbers]

    def _sign(self, message: int) -> int:
        base, unblinding = self._draw_blind()
        blinded = message * base % self._modulus
        # Modulo the primes (RFC 8017, section 5.1.2, step 2.b): a third of the time.
        of_p, of_q = pow(blinded, self._dp, self._p), pow(blinded, self._dq, self._q)
        power = of_q + (of_p - of_q) * self._q_inverse % self._p * self._q
        signature = power * unblinding % self._modulus
        if pow(signature, PUBLIC_EXPONENT, self._modulus) != message:
            raise SigningFaultError("a signature failed its own check")
        return signature

    def _draw_blind(self) -> tuple[int, int]:
        """Return a random base that is known to be a power, and what takes it off the signature."""
        while True:
            blind = self._rng.randrange(1, self._modulus)
            try:
                return pow(blind, PUBLIC_EXPONENT, self._modulus), pow(blind, -1, self._modulus)
            except ValueError:  # it shares a factor with the modulus
                continue


def _load(private: bytes) -> RSAPrivateKey:
    try:
        key = load_der_private_key(private, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        # Nothing of the error is told: it may quote the key.
        raise FormatError("this is no private RSA key in PKCS #8") from error
    if not isinstance(key, RSAPrivateKey) or key.public_key().public_numbers().e != PUBLIC_EXPONENT:
        raise FormatError(f"a token key is an RSA key with the exponent {PUBLIC_EXPONENT}")
    return key


def _public_of(key: RSAPrivateKey) -> bytes:
    try:
        return encode_public(key.public_key().public_numbers().n)
    except MisuseError as error:
        raise FormatError(str(error)) from error
