"""Verifies a token of ours with PyJWT, and signs one for us. See interop_test.go."""

import json
import sys

import jwt

task = json.load(sys.stdin)
accept = {"algorithms": ["HS256"], "issuer": "https://id.example.com", "audience": "shop"}


def refused(secret):
    try:
        jwt.decode(task["token"], secret, **accept)
    except jwt.InvalidSignatureError:
        return True
    return False


def sign(secret):
    return jwt.encode(task["sign"], secret, algorithm="HS256", headers={"kid": "v2", "typ": "at+jwt"})


print(json.dumps({
    "subject": jwt.decode(task["token"], task["secret"], **accept)["sub"],
    "refused": refused(task["wrong"]),
    "signed": sign(task["secret"]),
    "forged": sign(task["wrong"]),
}))
