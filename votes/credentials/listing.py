"""The list of credentials: all that are, ordered, without a word of whose they are (docs/protocol/votes.md, 3)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from loopixmix.errors import FormatError
from loopixmix.group.group import BadElementError, Group
from votes.record.merkle import MerkleTree, Path, leaf_hash

MOST_CREDENTIALS = 2**24


class CredentialList:
    """Encoded credentials in the order of their bytes, and their Merkle tree."""

    def __init__(self, data: bytes, credential_bytes: int) -> None:
        """`data`: the list as a file. Raises `FormatError` unless it is whole, ordered, and has none twice.

        Whether each is an element of the group is another question, see `check_members`.
        """
        count, rest = divmod(len(data), credential_bytes)
        if rest:
            raise FormatError(f"a list of credentials of {credential_bytes} bytes each has no {len(data)} bytes")
        if count > MOST_CREDENTIALS:
            raise FormatError(f"a list has at most {MOST_CREDENTIALS} credentials, not {count}")
        self.data = data
        self._size = credential_bytes
        before = b""
        for index in range(count):
            after = self[index]
            if before >= after:
                kind = "stands in the list twice" if before == after else "is out of order"
                raise FormatError(f"credential {index} {kind}")
            before = after

    @classmethod
    def of(cls, credentials: Iterable[bytes], credential_bytes: int) -> CredentialList:
        """Order credentials. Raises `FormatError` if one is there twice."""
        return cls(b"".join(sorted(credentials)), credential_bytes)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.data) // self._size

    def __getitem__(self, index: int) -> bytes:
        """Return the credential at `index`."""
        return self.data[index * self._size : (index + 1) * self._size]

    def __contains__(self, credential: bytes) -> bool:
        return self.index(credential) is not None

    def index(self, credential: bytes) -> int | None:
        """Return where a credential stands; None if it is not in the list."""
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self[middle] < credential:
                low = middle + 1
            else:
                high = middle
        return low if low < len(self) and self[low] == credential else None

    @cached_property
    def root(self) -> bytes:
        """The root of the tree, which stands in the record."""
        return self._tree.root()

    def path(self, index: int) -> Path:
        """Return the proof that the credential at `index` is in the list."""
        return self._tree.inclusion(index)

    def check_members(self, group: Group) -> None:
        """Raise `FormatError` if a credential is no element of the group, or the neutral one."""
        try:
            neutral = group.elements(self.data).is_identity()
        except BadElementError as error:
            raise FormatError(f"credential {error.index} is no element of {group.name}") from error
        if any(neutral):
            raise FormatError(f"credential {neutral.index(True)} is the neutral element")

    @cached_property
    def _tree(self) -> MerkleTree:
        return MerkleTree(leaf_hash(self[index]) for index in range(len(self)))
