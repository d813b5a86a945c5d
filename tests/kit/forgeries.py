"""Forged login tokens, each with the error that the contract asks for."""

import json
import string
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.kit.clock import Clock
from tests.kit.login import KEY_SET, LOGIN_EC_KEY, LOGIN_ISSUER, LOGIN_KEY
from tests.unit.logins import OTHER_EC_KEY, OTHER_KEY, RS256, crafted, segment, usual_claims

SMALL_KEY = rsa.generate_private_key(65537, 1024)
WIDE_EC_KEY = ec.generate_private_key(ec.SECP384R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()
ES256 = {"alg": "ES256", "kid": "ec"}
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order of P-256's group: no valid signature has an r or s of zero or of this number."""


@dataclass(frozen=True)
class Forger:
    """A stranger with the usual claims, a key of their own and a key set on their own server."""

    clock: Clock
    url: str

    @property
    def now(self) -> int:
        return int(self.clock())

    @property
    def claims(self) -> dict[str, Any]:
        return usual_claims(self.clock)

    def by_the_login_server(self, **claims: Any) -> str:
        """A token under the login server's own key; a claim of ``...`` is left out."""
        kept = {name: value for name, value in (self.claims | claims).items() if value is not ...}
        return crafted(RS256, kept)

    def by_a_stranger(self, **header: Any) -> str:
        return crafted(RS256 | header, self.claims, OTHER_KEY)

    def signed(self, header: Any, sign: Callable[[bytes], bytes]) -> str:
        signed = segment(header) + b"." + segment(self.claims)
        return (signed + b"." + segment(sign(signed))).decode()


Forge = Callable[[Forger], str]
FORGERIES: dict[str, tuple[str, Forge]] = {}


def forged(name: str, forge: Forge, error: str = "login_invalid") -> None:
    assert name not in FORGERIES, name
    FORGERIES[name] = (error, forge)


def public(key: Any, encoding: Encoding) -> bytes:
    raw: bytes = key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    return raw


# Algorithms

for number, alg in enumerate(
    ["none", "None", "NONE", "nOnE", "", None, 256, ["RS256"], "rs256", "RS256 "]
):
    header = {"alg": alg, "kid": "rsa"}
    forged(f"alg {number}: {alg!r}, unsigned", lambda f, header=header: f.signed(header, lambda _: b""))
    forged(f"alg {number}: {alg!r}, signed by the stranger",
           lambda f, header=header: crafted(header, f.claims, OTHER_KEY))  # fmt: skip
forged("no alg at all", lambda f: crafted({"kid": "rsa"}, f.claims))
for alg in (
    "HS256",
    "HS384",
    "HS512",
    "RS384",
    "RS512",
    "PS384",
    "PS512",
    "ES384",
    "ES512",
    "ES256K",
    "EdDSA",
):
    forged(
        f"alg {alg} over a good signature",
        lambda f, alg=alg: crafted({"alg": alg, "kid": "rsa"}, f.claims),
    )
forged("PS256 under a key that verifies RS256", lambda f: f.signed(
    {"alg": "PS256", "kid": "rsa"},
    lambda signed: LOGIN_KEY.sign(signed, padding.PSS(padding.MGF1(SHA256()), 32), SHA256()),
))  # fmt: skip
forged("RS256 with SHA-384 inside", lambda f: f.signed(
    RS256, lambda signed: LOGIN_KEY.sign(signed, padding.PKCS1v15(), SHA384())))  # fmt: skip
forged("EdDSA by the stranger", lambda f: f.signed({"alg": "EdDSA", "kid": "ec"}, ED_KEY.sign))

# Key confusion

for name, secret in {
    "RSA key as PEM": public(LOGIN_KEY, Encoding.PEM),
    "RSA key as PEM, stripped": public(LOGIN_KEY, Encoding.PEM).strip(),
    "RSA key as DER": public(LOGIN_KEY, Encoding.DER),
    "EC key as PEM": public(LOGIN_EC_KEY, Encoding.PEM),
    "EC key as DER": public(LOGIN_EC_KEY, Encoding.DER),
    "modulus": KEY_SET["keys"][0]["n"].encode(),
    "key set": json.dumps(KEY_SET).encode(),
    "empty secret": b"\0",
}.items():
    forged(
        f"HS256 by the {name}",
        lambda f, secret=secret: crafted({"alg": "HS256", "kid": "rsa"}, f.claims, secret),
    )
forged("RS256 that names the EC key", lambda f: crafted(RS256 | {"kid": "ec"}, f.claims))
forged("ES256 that names the RSA key", lambda f: crafted(ES256 | {"kid": "rsa"}, f.claims, LOGIN_EC_KEY))
forged("an EC signature called RS256", lambda f: crafted(RS256, f.claims, LOGIN_EC_KEY))
forged("an RSA signature called ES256", lambda f: crafted(ES256, f.claims, LOGIN_KEY))

# Keys and signatures

forged("the stranger's RSA key", lambda f: f.by_a_stranger())
forged("the stranger's EC key", lambda f: crafted(ES256, f.claims, OTHER_EC_KEY))
forged("the stranger's key without kid", lambda f: crafted({"alg": "RS256"}, f.claims, OTHER_KEY))
forged("an RSA key of 1024 bits", lambda f: crafted(RS256, f.claims, SMALL_KEY))
forged(
    "a P-384 key called ES256",
    lambda f: f.signed(ES256, lambda s: WIDE_EC_KEY.sign(s, ec.ECDSA(SHA256()))),
)
forged(
    "an EC signature in DER",
    lambda f: f.signed(ES256, lambda s: LOGIN_EC_KEY.sign(s, ec.ECDSA(SHA256()))),
)
for name, (r, s) in {
    "0, 0": (0, 0),
    "0, 1": (0, 1),
    "1, 0": (1, 0),
    "n, n": (ORDER, ORDER),
    "n, 1": (ORDER, 1),
}.items():
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    forged(f"an EC signature of r, s = {name}", lambda f, raw=raw: f.signed(ES256, lambda _: raw))
forged("a signature of zeros", lambda f: f.signed(RS256, lambda _: bytes(256)))
forged("a signature of one", lambda f: f.signed(RS256, lambda _: (1).to_bytes(256, "big")))
forged("the hash for a signature", lambda f: f.signed(RS256, lambda s: sha256(s).digest()))
forged("a signature cut short", lambda f: f.by_the_login_server()[:-4])
forged("a signature with a byte more", lambda f: f.by_the_login_server() + "AA")
forged("a signature of another token", lambda f: ".".join(
    [*f.by_the_login_server(username="88000002").split(".")[:2], f.by_the_login_server().split(".")[2]]
))  # fmt: skip
forged("a header changed after signing", lambda f: ".".join(
    [segment(RS256 | {"typ": "JWT"}).decode(), *f.by_the_login_server().split(".")[1:]]
))  # fmt: skip

# Where the key is said to be

for number, kid in enumerate(
    [
        "strange",
        "",
        "RSA",
        "rsa\0",
        "../../../dev/null",
        "rsa' OR '1'='1",
        "http://127.0.0.1/key",
        "k" * 20_000,
    ]
):
    forged(f"kid {number}: {kid[:20]!r}", lambda f, kid=kid: f.by_a_stranger(kid=kid))
for name, kid in {
    "null": None,
    "number": 1,
    "list": ["rsa"],
    "object": {"kid": "rsa"},
    "true": True,
}.items():
    forged(f"kid that is a {name}", lambda f, kid=kid: f.by_a_stranger(kid=kid))
forged("jku", lambda f: f.by_a_stranger(jku=f.url))
forged("jku with a strange kid", lambda f: f.by_a_stranger(jku=f.url, kid="stranger"))
forged("x5u", lambda f: f.by_a_stranger(x5u=f.url))
forged("x5u with a strange kid", lambda f: f.by_a_stranger(x5u=f.url, kid="stranger"))
forged("kid that is the stranger's URL", lambda f: f.by_a_stranger(kid=f.url))
forged(
    "issuer that is the stranger's URL", lambda f: crafted(RS256, f.claims | {"iss": f.url}, OTHER_KEY)
)
forged("jwk in the header", lambda f: f.by_a_stranger(
    jwk=RSAAlgorithm.to_jwk(OTHER_KEY.public_key(), as_dict=True)))  # fmt: skip
forged("jwk of an EC key in the header", lambda f: crafted(
    ES256 | {"jwk": ECAlgorithm.to_jwk(OTHER_EC_KEY.public_key(), as_dict=True)}, f.claims, OTHER_EC_KEY
))  # fmt: skip
forged("x5c in the header", lambda f: f.by_a_stranger(
    x5c=[b64encode(public(OTHER_KEY, Encoding.DER)).decode()]))  # fmt: skip

# Headers that change the meaning

for name, extra in {
    "crit exp": {"crit": ["exp"]},
    "crit b64": {"crit": ["b64"], "b64": False},
    "crit empty": {"crit": []},
    "crit of an unknown name": {"crit": ["http://example.com/x"], "http://example.com/x": 1},
    "crit that is a string": {"crit": "exp"},
    "b64 false": {"b64": False},
    "b64 true": {"b64": True},
    "typ of a pass": {"typ": "totp-pass+jwt"},
    "typ of a logout token": {"typ": "logout+jwt"},
    "typ of a proof": {"typ": "dpop+jwt"},
    "typ JOSE": {"typ": "JOSE"},
    "typ empty": {"typ": ""},
    "typ number": {"typ": 1},
    "typ list": {"typ": ["JWT"]},
}.items():
    forged(name, lambda f, extra=extra: crafted(RS256 | extra, f.claims))

# Duplicate members

for name, text in {
    "alg none, then RS256": b'{"alg":"none","alg":"RS256","kid":"rsa"}',
    "alg RS256, then none": b'{"alg":"RS256","alg":"none","kid":"rsa"}',
    "kid twice": b'{"alg":"RS256","kid":"stranger","kid":"rsa"}',
    "alg HS256, then RS256": b'{"alg":"HS256","alg":"RS256","kid":"rsa"}',
}.items():
    forged(f"duplicate: {name}", lambda f, text=text: crafted(text, f.claims, OTHER_KEY))
forged("duplicate: username in the claims", lambda f: crafted(
    RS256, json.dumps(f.claims).encode()[:-1] + b',"username":"88000002"}', OTHER_KEY))  # fmt: skip

# Tokens that the login server signed for something else

for claim, values in {
    "iss": [
        "",
        f"{LOGIN_ISSUER}/",
        LOGIN_ISSUER.upper(),
        "https://evil.example",
        [LOGIN_ISSUER],
        None,
        ...,
    ],
    "aud": ["trading-gateway", ["trading-gateway"], [], None],
    "token_use": ["id", "refresh", "ACCESS", "", None, ["access"]],
    "username": [
        "",
        "a" * 65,
        "88000001\n",
        "8800 0001",
        "８８００００００１",
        "a/b",
        88000001,
        None,
        ["a", "b"],
        {},
        ...,
    ],
    "client_id": [
        "",
        "stranger",
        "POLESTAR-9.3",
        "polestar-9.3 ",
        1,
        None,
        ["polestar-9.3", "x"],
        {},
        ...,
    ],
    "exp": ["soon", None, True, [1], {}, 1e300, -1e300, ...],
    "iat": ["now", None, True, {}],
    "nbf": ["now", None, False, []],
    "auth_time": ["now", True, {}],
}.items():
    for value in values:
        shown = "missing" if value is ... else f"{value!r}"[:30]
        forged(
            f"claim {claim} {shown}",
            lambda f, claim=claim, value=value: f.by_the_login_server(**{claim: value}),
        )

# The clock, at each edge

for claim in ("iat", "nbf", "auth_time"):
    forged(f"{claim} 31 s ahead", lambda f, claim=claim: f.by_the_login_server(**{claim: f.now + 31}))
forged("exp now", lambda f: f.by_the_login_server(exp=f.now), "login_expired")
forged("exp a moment ago", lambda f: f.by_the_login_server(exp=f.now - 0.001), "login_expired")
forged("exp at the epoch", lambda f: f.by_the_login_server(exp=0), "login_expired")
forged("exp before the epoch", lambda f: f.by_the_login_server(exp=-1), "login_expired")
forged("password 301 s ago", lambda f: f.by_the_login_server(auth_time=f.now - 301), "login_expired")
forged("password 300.5 s ago", lambda f: f.by_the_login_server(auth_time=f.now - 300.5), "login_expired")
forged("password a year ago, renewed now", lambda f: f.by_the_login_server(
    auth_time=f.now - 31_536_000), "login_expired")  # fmt: skip
forged("expired and by the stranger", lambda f: crafted(RS256, f.claims | {"exp": 0}, OTHER_KEY))

# Payloads

for name, payload in {
    "an array": b"[]",
    "a string": b'"88000001"',
    "a number": b"1",
    "null": b"null",
    "nothing": b"",
    "half an object": b'{"iss":',
    "no UTF-8": b'{"iss":"\xff"}',
    "UTF-16": '{"iss":"x"}'.encode("utf-16"),
    "nested 3,000 deep": b"[" * 3_000 + b"]" * 3_000,
    "two objects": b"{}{}",
}.items():
    forged(f"payload: {name}", lambda f, payload=payload: crafted(RS256, payload))
    forged(f"header: {name}", lambda f, payload=payload: crafted(payload, f.claims))

# Encodings and sizes

for name, change in {
    "two parts": lambda t: t.rsplit(".", 1)[0],
    "four parts": lambda t: f"{t}.AA",
    "five parts, as a JWE has": lambda t: f"{t}.AA.AA",
    "an empty part before": lambda t: f".{t}",
    "nothing but dots": lambda t: "..",
    "one dot": lambda t: ".",
    "no part": lambda t: "token",
    "no header": lambda t: "." + t.split(".", 1)[1],
    "lower case": str.lower,
    "upper case": str.upper,
    "backwards": lambda t: t[::-1],
    "encoded again": lambda t: segment(t.encode()).decode(),
    "percent-encoded dots": lambda t: t.replace(".", "%2E"),
    "full-width dots": lambda t: t.replace(".", "．"),
    "a NUL at the end": lambda t: f"{t}\0",
    "the first character twice": lambda t: t[0] + t,
    "other characters": lambda t: t.translate(
        str.maketrans(string.ascii_lowercase, string.ascii_uppercase)
    ),
    "a header of 100 kB": lambda t: "A" * 100_000 + t,
    "a signature of 1 MB": lambda t: t + "A" * 1_000_000,
    "10,000 dots": lambda t: t + "." * 10_000,
}.items():
    forged(f"encoding: {name}", lambda f, change=change: change(f.by_the_login_server()))
forged("encoding: JSON serialisation", lambda f: json.dumps(
    dict(zip(("protected", "payload", "signature"), f.by_the_login_server().split("."), strict=True)),
    separators=(",", ":"),
))  # fmt: skip
for name, change in {
    "empty": lambda t: "",
    "two tokens": lambda t: f"{t} {t}",
    "a space inside": lambda t: t.replace(".", " .", 1),
    "a line break inside": lambda t: t.replace(".", "\n.", 1),
}.items():
    forged(f"form: {name}", lambda f, change=change: change(f.by_the_login_server()), "login_required")
forged(
    "a token inside a token", lambda f: crafted(RS256 | {"cty": "JWT"}, f.by_the_login_server().encode())
)
forged("PyJWT's own unsigned token", lambda f: jwt.encode(f.claims, None, "none"))
