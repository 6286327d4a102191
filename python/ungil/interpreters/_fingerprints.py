"""Fingerprints of what is sent, by which both sides see that it has not changed."""

from __future__ import annotations

import hashlib

from .._arrays.addresses import address_of
from ._sharing import COPIED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._arrivals import Piece

SHORT_PICKLE = 64  # bytes; a pickle up to this length is its own fingerprint


def hash_of(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def fingerprint_of(piece: Piece) -> bytes:
    """Bytes that are equal for equal values."""
    if isinstance(piece, bytes):
        return piece if len(piece) <= SHORT_PICKLE else hash_of(piece)
    data, memory = piece
    found = hashlib.blake2b(data, digest_size=16)
    for buffer in memory:
        view = buffer.raw()
        # What is larger is not copied: it is the same on both sides, whatever is written to it.
        found.update(view if view.nbytes <= COPIED else b"%d %d" % (address_of(view)[0], view.nbytes))
    return found.digest()
