"""Signs what is packaged, and verifies what is loaded, by Ed25519 keys; off unless keys are given.

Keys are PEM, as `openssl genpkey -algorithm ed25519` writes them, and a signature is the 64 bytes
of `openssl pkeyutl -sign -rawin`. `cryptography` is imported when there is a key: a service that
verifies nothing need not hold it in memory.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from salary_kedro.bundle.secret_files import find_secret, read_secret
from salary_kedro.errors import UserError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

SIGNING_KEY, VERIFY_KEY = "SALARY_SIGNING_KEY", "SALARY_VERIFY_KEY"
MAX_KEYS_BYTES = 100_000
_PUBLIC_KEY = re.compile(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)


class SignatureError(UserError):
    """A signature that is missing, or that none of the keys made."""


@dataclass(frozen=True)
class Signer:
    """Signs with a private key."""

    _key: "Ed25519PrivateKey"

    def __repr__(self) -> str:
        return "Signer(...)"

    def sign(self, content: bytes) -> bytes:
        """The signature of some bytes; the same bytes have the same one."""
        return self._key.sign(content)

    @property
    def verifier(self) -> "Verifier":
        """Verifies what this key has signed."""
        return Verifier([self._key.public_key()])


@dataclass(frozen=True)
class Verifier:
    """Verifies with one or several public keys."""

    _keys: Sequence["Ed25519PublicKey"]

    def verify(self, content: bytes, signature: bytes | None, what: str) -> None:
        """Let pass what one of the keys has signed.

        Raises:
            SignatureError: If it is not signed, or by another key.
        """
        if signature is None:
            raise SignatureError(
                f"{what} is not signed, and {VERIFY_KEY}_FILE asks for it: package or export it "
                f"again with {SIGNING_KEY}_FILE set, or sign it with openssl (docs/deploy.md)"
            )
        if not any(_has_signed(key, content, signature) for key in self._keys):
            raise SignatureError(
                f"{what} is signed by no key that {VERIFY_KEY}_FILE names, or was altered since: "
                f"if you trust whoever signed it, add their public key; else have it signed again"
            )


def _has_signed(key: "Ed25519PublicKey", content: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True


def read_signer(environment: Mapping[str, str] = os.environ) -> Signer | None:
    """The private key that `SALARY_SIGNING_KEY` holds, or `SALARY_SIGNING_KEY_FILE` names.

    Returns:
        None if neither is set: nothing is signed then.

    Raises:
        UserError: If it is no such key.
    """
    pem = _read(SIGNING_KEY, environment)
    if pem is None:
        return None
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    how = "`openssl genpkey -algorithm ed25519 -out signing.pem` makes one"
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UserError(
            f"{SIGNING_KEY} is not a private key in PEM, or has a password: {how}"
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UserError(f"{SIGNING_KEY} is not an Ed25519 key: {how}")
    return Signer(key)


def read_verifier(environment: Mapping[str, str] = os.environ) -> Verifier | None:
    """The public keys that `SALARY_VERIFY_KEY` holds, or `SALARY_VERIFY_KEY_FILE` names.

    Several stand one after the other.

    Returns:
        None if neither is set: nothing is verified then.

    Raises:
        UserError: If there is no key in it, or one of another kind.
    """
    pem = _read(VERIFY_KEY, environment)
    if pem is None:
        return None
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    how = "`openssl pkey -in signing.pem -pubout` writes the public half of an Ed25519 key"
    try:
        keys = [load_pem_public_key(found.encode()) for found in _PUBLIC_KEY.findall(pem.decode())]
    except (ValueError, UnsupportedAlgorithm):
        raise UserError(f"{VERIFY_KEY} holds a damaged key: {how}") from None
    if not keys or not all(isinstance(key, Ed25519PublicKey) for key in keys):
        raise UserError(f"{VERIFY_KEY} must hold public Ed25519 keys in PEM: {how}")
    return Verifier([key for key in keys if isinstance(key, Ed25519PublicKey)])


def _read(name: str, environment: Mapping[str, str]) -> bytes | None:
    found = find_secret(name, environment)
    if isinstance(found, Path):
        return read_secret(name, found, MAX_KEYS_BYTES)
    return None if found is None else found.encode()
