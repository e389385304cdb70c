"""A small WebAuthn authenticator for tests: ES256 keys, "none" attestation, a counter, real signatures."""

import hashlib
import json
import secrets
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

USER_PRESENT, KEY_INCLUDED = 0x01, 0x40


def to_base64(data):
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64(text):
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class SecurityKey:
    """One key pair; `origin` and `site` are what the browser would put in, so a test may lie."""

    origin: str = "http://localhost:8000"
    site: str = "localhost"
    count: int = 0
    step: int = 1
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    private_key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def make(self, options):
        """Answer `navigator.credentials.create`."""
        numbers = self.private_key.public_key().public_numbers()
        x, y = (number.to_bytes(32, "big") for number in (numbers.x, numbers.y))
        key = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        described = bytes(16) + struct.pack(">H", len(self.credential_id)) + self.credential_id + key
        statement = {"fmt": "none", "attStmt": {}, "authData": self._data(USER_PRESENT | KEY_INCLUDED) + described}
        client_data = self._client_data("webauthn.create", options)
        return self._answer(client_data, attestationObject=to_base64(cbor2.dumps(statement)))

    def use(self, options):
        """Answer `navigator.credentials.get`."""
        self.count += self.step
        data, client_data = self._data(USER_PRESENT), self._client_data("webauthn.get", options)
        signed = data + hashlib.sha256(client_data).digest()
        signature = self.private_key.sign(signed, ec.ECDSA(hashes.SHA256()))
        return self._answer(client_data, authenticatorData=to_base64(data), signature=to_base64(signature))

    def _data(self, flags):
        return hashlib.sha256(self.site.encode()).digest() + bytes([flags]) + struct.pack(">I", self.count)

    def _client_data(self, kind, options):
        challenge = json.loads(options)["challenge"]
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()

    def _answer(self, client_data, **response):
        credential_id = to_base64(self.credential_id)
        body = {"clientDataJSON": to_base64(client_data), **response}
        return json.dumps({"id": credential_id, "rawId": credential_id, "type": "public-key", "response": body})
