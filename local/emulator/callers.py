"""Who calls. The emulator runs code and lives on loopback, where every page in a browser can reach it: it serves a
request only if one of its own keys signed it, under a host name that no web site can have.

Signatures are those of AWS (Signature Version 4), in the header or, as in presigned URLs, in the query:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
Their age is not checked: a program that can read a request on loopback can read the keys as well.
"""

import functools
import hashlib
import hmac
import io
import re
from urllib.parse import quote, unquote

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
_FIELD = re.compile(r"(Credential|SignedHeaders|Signature)=([^,\s]+)")
# Who has the key of the emulator's owner: the provider, the command line, the runner. Everything is allowed to it.
ROOT = "root"


class Refused(Exception):
    """A request that is not served. Its text says why."""

    status = "403 Forbidden"

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


class Caller:
    """The signer of a request: ROOT or the ARN of a role, with the service that the request is for."""

    def __init__(self, principal, service):
        self.principal, self.service = principal, service


class Gate:
    """Checks requests. keys is called with an access key id and returns (secret, principal), or None."""

    def __init__(self, port, keys):
        self.hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self.keys = keys

    def admit(self, environ):
        """The caller of a request, whose body can still be read. Raises Refused."""
        self._check_source(environ)
        signed = _in_header(environ) or _in_query(environ)
        if signed is None:
            raise Refused("MissingAuthenticationToken", "the request is not signed")
        key_id, date, region, service = _scope(signed["Credential"])
        known = self.keys(key_id)
        if known is None:
            raise Refused("InvalidClientTokenId", f"no key of this emulator has the id {key_id}")
        secret, principal = known
        text = "\n".join(
            (ALGORITHM, signed["Date"], f"{date}/{region}/{service}/aws4_request", _canonical_hash(environ, signed, service))
        )
        expected = hmac.new(_signing_key(secret, date, region, service), text.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, signed["Signature"]):
            raise Refused("SignatureDoesNotMatch", f"the signature of key {key_id} is wrong")
        if signed["InQuery"]:
            # moto finds the service of a request by this header alone.
            environ["HTTP_AUTHORIZATION"] = (
                f"{ALGORITHM} Credential={signed['Credential']}, SignedHeaders=host, Signature={expected}"
            )
        return Caller(principal, service)

    def _check_source(self, environ):
        """No program sends an Origin; every browser does, or says in another header that it is one. A name that is led
        to loopback (DNS rebinding) shows in Host. Names of AWS are those of clients behind a proxy of the lab."""
        for header in ("HTTP_ORIGIN", "HTTP_SEC_FETCH_SITE"):
            if header in environ:
                raise Refused("AccessDenied", "requests of web pages are refused")
        host = environ.get("HTTP_HOST", "").lower()
        if host not in self.hosts and not host.endswith(".amazonaws.com"):
            raise Refused("AccessDenied", f"host {host!r} is not one of this emulator's")


def _in_header(environ):
    header = environ.get("HTTP_AUTHORIZATION", "")
    if not header.startswith(ALGORITHM):
        return None
    fields = dict(_FIELD.findall(header))
    return _complete({**fields, "Date": environ.get("HTTP_X_AMZ_DATE"), "InQuery": False})


def _in_query(environ):
    query = {name: unquote(value) for name, value in _pairs(environ)}
    if query.get("X-Amz-Algorithm") != ALGORITHM:
        return None
    fields = {name: query.get(f"X-Amz-{name}") for name in ("Credential", "SignedHeaders", "Signature", "Date")}
    return _complete({**fields, "InQuery": True})


def _complete(signed):
    for name in ("Credential", "SignedHeaders", "Signature", "Date"):
        if not signed.get(name):
            raise Refused("IncompleteSignature", f"the signature lacks {name}")
    if "host" not in signed["SignedHeaders"].split(";"):
        raise Refused("IncompleteSignature", "the signature does not cover the host")
    return signed


def _scope(credential):
    parts = credential.split("/")
    if len(parts) != 5 or parts[4] != "aws4_request":
        raise Refused("IncompleteSignature", f"{credential!r} is not a credential scope")
    return parts[:4]


@functools.lru_cache(maxsize=256)
def _signing_key(secret, *scope):
    key = b"AWS4" + secret.encode()
    for part in (*scope, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _canonical_hash(environ, signed, service):
    # werkzeug decodes the request line as Latin-1.
    path = environ["RAW_URI"].partition("?")[0] or "/"
    if service != "s3":  # all services but S3 sign the path encoded twice
        path = quote(path, safe="/-_.~")
    names = signed["SignedHeaders"].split(";")
    headers = "".join(f"{name}:{_header(environ, name)}\n" for name in names)
    text = "\n".join(
        (environ["REQUEST_METHOD"], path, _canonical_query(environ), headers, ";".join(names),
         _payload_hash(environ, signed, service))
    )
    return hashlib.sha256(text.encode("latin-1")).hexdigest()


def _header(environ, name):
    name = name.upper().replace("-", "_")
    value = environ.get(name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}", "")
    return " ".join(value.split())


def _pairs(environ):
    for part in environ.get("QUERY_STRING", "").split("&"):
        if part:
            name, _, value = part.partition("=")
            yield name, value.replace("+", "%20")


def _canonical_query(environ):
    def encode(text):
        return quote(unquote(text), safe="-_.~")

    pairs = sorted((encode(name), encode(value)) for name, value in _pairs(environ))
    return "&".join(f"{name}={value}" for name, value in pairs if name != "X-Amz-Signature")


def _payload_hash(environ, signed, service):
    declared = environ.get("HTTP_X_AMZ_CONTENT_SHA256")
    if declared:
        return declared
    if service == "s3" and signed["InQuery"]:
        return UNSIGNED
    return hashlib.sha256(body(environ)).hexdigest()


def body(environ):
    """The body of a request, which can be read again afterwards."""
    if environ.get("wsgi.input_terminated"):
        data = environ["wsgi.input"].read()
    else:
        data = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(data)
    return data


def keyring(root_id, root_secret, account):
    """The keys of an emulator: its owner's, those of roles that were assumed, and those of users."""
    from moto.iam.models import iam_backends
    from moto.sts.models import sts_backends

    def find(key_id):
        if key_id == root_id:
            return root_secret, ROOT
        role = sts_backends[account]["aws"].get_assumed_role_from_access_key(key_id)
        if role is not None:
            return role.secret_access_key, role.role_arn
        for user in iam_backends[account]["aws"].users.values():
            for key in user.access_keys:
                if key.access_key_id == key_id:
                    return key.secret_access_key, user.arn
        return None

    return find
