"""The Rust signer of blinded messages (crate `native/signing/`). Absent where no Rust toolchain was at install."""

from collections.abc import Sequence

class Signer:
    """A private RSA key that signs blinded messages (RFC 9474, section 4.3), its base blinded anew for each."""

    def __init__(self, private_key: bytes) -> None:
        """`private_key`: DER of PKCS #8. Raises `ValueError` for anything else; the message holds no secret bytes."""

    def sign_many(self, blinded: Sequence[bytes], /, threads: int) -> list[bytes]:
        """Sign messages, in order, on up to `threads` threads, outside the GIL.

        Each has as many bytes as the modulus and is below it: otherwise `ValueError`, and nothing is signed. Every
        signature was checked by the public key; `RuntimeError` if one was wrong, and then none is given out.
        """
