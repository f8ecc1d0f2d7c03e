"""A small OpenID Connect provider on this machine, whose users say who they are by a link."""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey
from local_http import answering

CLIENT, SECRET = "inffeed", "a secret of the client"
USERS = {
    "ada": {"sub": "1", "name": "Ada Lovelace", "email": "ada@example.org", "email_verified": True},
    "eve": {"sub": "2", "name": "Ada Lovelace", "email": "ada@example.org", "email_verified": False},
}


@dataclass
class Provider:
    """The authorization code flow with PKCE."""

    url: str
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k", "alg": "RS256", "use": "sig"}))
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    signed_out: int = 0

    def metadata(self) -> dict[str, Any]:
        places = ("authorization", "token", "end_session")
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        } | {f"{place}_endpoint": f"{self.url}/{place}" for place in places}

    def links(self, asked: dict[str, str]) -> str:
        """Where each user goes back to, with a code."""
        assert asked["client_id"] == CLIENT
        found = []
        for user in USERS:
            code = secrets.token_urlsafe()
            self.codes[code] = {**asked, "user": user}
            back = f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"
            found.append(f'<a href="{back}">I am {user}</a>')
        return " ".join(found)

    def token(self, asked: dict[str, str], authorization: str) -> dict[str, Any]:
        given = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        assert given.split(":", 1)[0] == CLIENT
        code = self.codes.pop(asked["code"])
        challenge = base64.urlsafe_b64encode(hashlib.sha256(asked["code_verifier"].encode()).digest()).rstrip(b"=")
        assert challenge.decode() == code["code_challenge"]
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 600, "nonce": code["nonce"]}
        token = jwt.encode({"alg": "RS256", "kid": "k"}, claims | USERS[code["user"]], self.key)
        return {"access_token": secrets.token_urlsafe(), "token_type": "Bearer", "expires_in": 600, "id_token": token}


@contextmanager
def provider() -> Iterator[Provider]:
    """One that answers while the block lasts."""
    with answering(_Handler) as serving:
        serving.provider = Provider(f"http://127.0.0.1:{serving.server_port}")  # type: ignore[attr-defined]
        yield serving.provider  # type: ignore[attr-defined]


class _Handler(BaseHTTPRequestHandler):
    @property
    def _provider(self) -> Provider:
        return self.server.provider  # type: ignore[attr-defined, no-any-return]

    def do_GET(self) -> None:
        place, asked = urlsplit(self.path).path, {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
        if place == "/.well-known/openid-configuration":
            self._answer(json.dumps(self._provider.metadata()))
        elif place == "/jwks":
            self._answer(json.dumps({"keys": [self._provider.key.as_dict(private=False)]}))
        elif place == "/authorization":
            self._answer(self._provider.links(asked), "text/html")
        elif place == "/end_session":
            self._provider.signed_out += 1
            self.send_response(302)
            self.send_header("location", asked["post_logout_redirect_uri"])
            self.end_headers()
        elif place == "/favicon.ico":
            self._answer("", "image/png")
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        asked = {k: v[0] for k, v in parse_qs(body).items()}
        self._answer(json.dumps(self._provider.token(asked, self.headers.get("authorization", ""))))

    def _answer(self, body: str, kind: str = "application/json") -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass
