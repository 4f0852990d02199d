"""The HTTP server in front of moto, and the paths that only local mode has."""

import json
import sys
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import escape

from moto.awslambda.models import lambda_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

import calls
import callers
import limits
from patches import changes, codedeploy_deployments, eks, kinesis_faults, runner

LOCAL_PATH = "/_local/"
CODE_PATH = "/_local/code/"
RUNNER_PATH = "/_local/runner"
CHANGES_PATH = "/_local/changes"
EKS_PATH = "/_local/eks"
KINESIS_PATH = "/_local/kinesis/"
CALLS_PATH = "/_local/calls"
DEPLOYMENTS_PATH = "/_local/deployments"

# How long a request for changes waits for one.
CHANGES_WAIT_SECONDS = 20


class Handler(WSGIRequestHandler):
    """Keep-alive connections (a connection per request costs more than most operations) and no access log."""

    protocol_version = "HTTP/1.1"
    # Headers and a small body leave in one segment.
    wbufsize = 64 << 10
    # Small responses must not wait for the client's delayed acknowledgement.
    disable_nagle_algorithm = True

    def handle_expect_100(self):
        # run_wsgi responds, once.
        return True

    def run_wsgi(self):
        if self.headers.get("Expect", "").lower().strip() == "100-continue":
            # At once: the client holds back the body until it has this.
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
            del self.headers["Expect"]
        super().run_wsgi()

    def log_request(self, code="-", size="-"):
        pass

    def log(self, type, message, *args):
        # werkzeug logs a client that closed its connection as an error.
        if type != "error" or "timed out" not in message % args:
            sys.stderr.write(message % args + "\n")


def answer(start_response, status, body, content_type="application/json"):
    start_response(status, [("Content-Type", content_type), ("Content-Length", str(len(body)))])
    return [body]


def serve_code(path, start_response):
    """GET /_local/code/ACCOUNT/REGION/FUNCTION/VERSION: the zip of one version."""
    account, region, name, version = (unquote(p) for p in path[len(CODE_PATH) :].split("/"))
    function = lambda_backends[account][region].get_function(name, version)
    return answer(start_response, "200 OK", function.code_bytes, "application/zip")


def register_runner(environ, start_response):
    """PUT /_local/runner {"url": ..., "token": ...}: from now on invocations go there, with the token. An empty url
    unregisters the runner."""
    registered = json.loads(callers.body(environ))
    runner.url, runner.token = registered["url"], registered["token"]
    return answer(start_response, "200 OK", b"{}")


def locate_clusters(environ, start_response):
    """PUT /_local/eks {"endpoint": ..., "certificateAuthority": ...}: from now on all clusters have this endpoint."""
    eks.location.update(json.loads(callers.body(environ)))
    return answer(start_response, "200 OK", b"{}")


def provoke_stream(path, environ, start_response):
    """PUT /_local/kinesis/STREAM {...}: what goes wrong with a stream from now on, as in kinesis_faults.Faults."""
    try:
        kinesis_faults.provoke(unquote(path[len(KINESIS_PATH) :]), json.loads(callers.body(environ)))
    except (KeyError, TypeError) as error:
        return answer(start_response, "400 Bad Request", json.dumps({"message": str(error)}).encode())
    return answer(start_response, "200 OK", b"{}")


def list_deployments(start_response):
    """GET /_local/deployments: CodeDeploy's deployments that have not ended, for the runner, which moves them along."""
    return answer(start_response, "200 OK", json.dumps(codedeploy_deployments.unfinished()).encode())


def proceed_deployment(path, environ, start_response):
    """PUT /_local/deployments/ID {...}: the progress of a deployment."""
    try:
        codedeploy_deployments.proceed(path[len(DEPLOYMENTS_PATH) + 1 :], json.loads(callers.body(environ)))
    except KeyError as missing:
        return answer(start_response, "404 Not Found", json.dumps({"message": f"no deployment {missing}"}).encode())
    return answer(start_response, "200 OK", b"{}")


def wait_for_changes(environ, start_response):
    """GET /_local/changes?since=N: the revision of what the runner mirrors, once it is past N or after a while."""
    since = int(parse_qs(environ.get("QUERY_STRING", "")).get("since", ["-1"])[0])
    revision = changes.wait_past(since, CHANGES_WAIT_SECONDS)
    return answer(start_response, "200 OK", json.dumps({"revision": revision}).encode())


# How much of a refused request's body is read, so that its sender sees the response rather than a broken connection.
DRAIN_BYTES = 1 << 20


def refuse(environ, start_response, refused):
    """Responds as AWS does to requests that it does not accept, in the form that the client of a service reads."""
    environ["wsgi.input"].read(min(int(environ.get("CONTENT_LENGTH") or 0), DRAIN_BYTES))
    if "HTTP_X_AMZ_TARGET" in environ or "json" in environ.get("CONTENT_TYPE", ""):
        kind, text = "application/json", json.dumps({"__type": refused.code, "message": str(refused)})
    else:
        error = f"<Error><Code>{refused.code}</Code><Message>{escape(str(refused))}</Message></Error>"
        s3 = "/s3/aws4_request" in environ.get("HTTP_AUTHORIZATION", "")
        kind, text = "application/xml", error if s3 else f"<ErrorResponse>{error}</ErrorResponse>"
    headers = [("Content-Type", kind), ("Content-Length", str(len(text.encode()))), ("Connection", "close"),
               ("x-amzn-errortype", refused.code)]
    start_response(refused.status, headers)
    return [text.encode()]


def owned(environ, start_response):
    """The paths of local mode. They belong to the emulator's owner."""
    path, method = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
    if path.startswith(CODE_PATH):
        return serve_code(path, start_response)
    if path == RUNNER_PATH and method == "PUT":
        return register_runner(environ, start_response)
    if path == EKS_PATH and method == "PUT":
        return locate_clusters(environ, start_response)
    if path.startswith(KINESIS_PATH) and method == "PUT":
        return provoke_stream(path, environ, start_response)
    if path == DEPLOYMENTS_PATH and method == "GET":
        return list_deployments(start_response)
    if path.startswith(DEPLOYMENTS_PATH + "/") and method == "PUT":
        return proceed_deployment(path, environ, start_response)
    if path == CHANGES_PATH:
        return wait_for_changes(environ, start_response)
    if path == CALLS_PATH:
        return answer(start_response, "200 OK", json.dumps(calls.recorded()).encode())
    return answer(start_response, "404 Not Found", b"{}")


def application(gate, account):
    moto = DomainDispatcherApplication(create_backend_app)

    def wsgi(environ, start_response):
        path = environ.get("PATH_INFO", "")
        try:
            caller = gate.admit(environ)
            if path.startswith(LOCAL_PATH) and caller.principal != callers.ROOT:
                raise callers.Refused("AccessDenied", f"{path} belongs to the emulator's owner")
            limits.check(caller.service, environ)
        except callers.Refused as refused:
            return refuse(environ, start_response, refused)
        if path.startswith(LOCAL_PATH):
            return owned(environ, start_response)
        if caller.principal != callers.ROOT:
            start_response = calls.record(caller, environ, account, start_response)
        body = moto(environ, start_response)
        # Before the client has the response: a caller that acts on it finds the revision already counted.
        if changes.concerns_runner(environ["REQUEST_METHOD"], path, environ.get("HTTP_X_AMZ_TARGET", "")):
            changes.count()
        return body

    return wsgi


def make(listener, gate, account):
    """A threaded server on a socket that is already listening. gate checks who calls."""
    host, port = listener.getsockname()
    # Requests are CPU-bound and short: with long time slices one big request would delay all small ones.
    sys.setswitchinterval(0.001)
    return make_server(
        host, port, application(gate, account), threaded=True, request_handler=Handler, fd=listener.detach()
    )
