"""Sends invocations to the Lambda runner, which runs the real binaries."""

import http.client
from urllib.parse import quote, urlsplit

from . import changes

# The runner's invoke API, set when it registers. Empty: no runner is registered.
url = ""
# What the runner demands of whoever invokes: its port is open to every program and web page of this machine.
token = ""

# Above Lambda's maximum timeout: the runner, not this connection, times out functions.
TIMEOUT_SECONDS = 920


class Unavailable(Exception):
    """No runner is registered, or it is unreachable."""


def invoke(function, qualifier, body, invocation_type="Event", log_type="None"):
    """Invokes a function by name or ARN. Returns (status, headers, body) of the runner's response."""
    if not url:
        raise Unavailable("no Lambda runner is registered with the emulator")
    path = f"/2015-03-31/functions/{quote(function, safe='')}/invocations"
    if qualifier:
        path += f"?Qualifier={quote(str(qualifier), safe='')}"
    headers = {
        "Authorization": f"Bearer {token}",
        "X-Amz-Invocation-Type": invocation_type,
        "X-Amz-Log-Type": log_type,
        # The runner first reads the control plane up to this revision: an update before this call takes effect.
        "X-Local-Revision": str(changes.current()),
    }
    if isinstance(body, str):
        body = body.encode()
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("POST", path, body=body or b"{}", headers=headers)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    except OSError as error:
        raise Unavailable(f"the Lambda runner at {url} is unreachable: {error}") from error
    finally:
        connection.close()


def send_event(arn, body):
    """Invokes asynchronously, as S3 and EventBridge do. Retries and destinations are the runner's business."""
    status, _, answer = invoke(arn, None, body)
    if status >= 300:
        raise Unavailable(f"asynchronous invocation of {arn}: {status} {answer[:200]!r}")
