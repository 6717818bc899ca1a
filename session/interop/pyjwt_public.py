"""Verifies a token of ours with PyJWT and the JWK Set that we publish. See public_test.go."""

import json
import sys

import jwt

task = json.load(sys.stdin)
keys = {key.key_id: key.key for key in jwt.PyJWKSet.from_dict(task["set"]).keys}
accept = {"algorithms": [task["alg"]], "issuer": "https://id.example.com", "audience": "shop"}


def verify(token):
    return jwt.decode(token, keys[jwt.get_unverified_header(token)["kid"]], **accept)


def refused(token):
    try:
        verify(token)
    except jwt.InvalidSignatureError:
        return True
    return False


print(json.dumps({"subject": verify(task["token"])["sub"], "refused": refused(task["forged"]), "keys": len(keys)}))
