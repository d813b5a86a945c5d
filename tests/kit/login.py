"""The login server of the tests: its keys, its clients, and the settings that name them."""

import json

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

LOGIN_ISSUER = "https://login.broker.example"
DESKTOP, OLD_DESKTOP, MOBILE = "polestar-9.3", "polestar-9.2", "easystar"
CLIENTS = {
    DESKTOP: {"channel": "desktop", "may_bind": True},
    OLD_DESKTOP: {"channel": "desktop", "may_bind": False},
    MOBILE: {"channel": "mobile", "may_bind": False},
}
LOGIN_KEY = rsa.generate_private_key(65537, 2048)
LOGIN_EC_KEY = ec.generate_private_key(ec.SECP256R1())
KEY_SET = {
    "keys": [
        {**RSAAlgorithm.to_jwk(LOGIN_KEY.public_key(), as_dict=True), "kid": "rsa"},
        {**ECAlgorithm.to_jwk(LOGIN_EC_KEY.public_key(), as_dict=True), "kid": "ec"},
    ]
}
SETTINGS = {
    "OTP_ISSUER": "极星期货",
    "PASS_ISSUER": "https://2fa.broker.example",
    "PASS_AUDIENCE": "trading-gateway",
    "LOGIN_ISSUER": LOGIN_ISSUER,
    "LOGIN_KEY_SET": json.dumps(KEY_SET),
    "LOGIN_CLIENTS": json.dumps(CLIENTS),
}
