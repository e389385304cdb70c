import base64
import hashlib
import hmac
from uuid import UUID

from synapse.webhooks import signing

ID = UUID("7d444840-9dc0-11d1-b245-5ffdce74fad2")


def test_a_known_message_has_the_signature_of_the_published_convention():
    """The example of the Standard Webhooks specification."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    signature = signing.signature_of(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')

    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_both_secrets_sign_while_the_old_one_is_valid(now):
    old, new = signing.new_secret(), signing.new_secret()

    headers = signing.headers_for(ID, b"{}", secrets_in_use=[new, old], at=now)

    signed = f"{ID}.{headers['Webhook-Timestamp']}.".encode() + b"{}"
    expected = [
        "v1," + base64.b64encode(hmac.new(base64.b64decode(secret[6:]), signed, hashlib.sha256).digest()).decode()
        for secret in (new, old)
    ]
    assert headers["Webhook-Signature"].split(" ") == expected
    assert int(headers["Webhook-Timestamp"]) == int(now.timestamp())


def test_a_secret_is_never_made_twice_and_has_256_bits():
    assert len({signing.new_secret() for _ in range(50)}) == 50
    assert len(base64.b64decode(signing.new_secret().removeprefix("whsec_"))) == 32
