"""The AWS emulator: moto in one process on loopback, with the patches that a data plane needs.

    export AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=...
    python3 emulator.py [--port N] [--account ID] [--region NAME] [--history-events N] [--check]

The key is its owner's: every request must be signed, with that key or with one of a role that was assumed.
Port 0 (the default) takes a free port. When the server listens, one line of JSON goes to stdout:
{"endpoint": "http://127.0.0.1:PORT"}. All state lives in memory and ends with the process.

The process exits at the end of its standard input: its parent holds the other end of the pipe, so that it never
outlives the parent, however that dies. Lambda invocations go to the runner that registered last with
PUT /_local/runner.
"""

import argparse
import importlib.metadata
import json
import os
import socket
import sys
import threading

MOTO_VERSION = "5.2.1"


# Exit code if this machine lacks what the emulator needs; standard error says what to install.
EXIT_UNAVAILABLE = 3


def check_moto():
    """Every patch is written against the internals of one release: any other version is rejected."""
    problem = None
    try:
        found = importlib.metadata.version("moto")
        if found != MOTO_VERSION:
            problem = f"version {found} is installed"
        importlib.metadata.version("flask")
    except importlib.metadata.PackageNotFoundError as missing:
        problem = f"{missing.name} is not installed"
    if problem:
        install = f"pip install 'moto[server]=={MOTO_VERSION}'"
        print(f"local mode needs moto {MOTO_VERSION} with its server and {problem}: {install}", file=sys.stderr)
        sys.exit(EXIT_UNAVAILABLE)


def exit_with_parent():
    """Exits at the end of standard input. os._exit: worker threads hold no state worth saving."""

    def watch():
        while os.read(0, 4096):
            pass
        os._exit(0)

    threading.Thread(target=watch, daemon=True, name="parent-watch").start()


def configure(port, account, region):
    """Settings that moto reads from the environment, some of them at import time."""
    os.environ.update(
        {
            # Step Functions tasks call back the server at this port.
            "MOTO_PORT": str(port),
            "MOTO_ACCOUNT_ID": account,
            "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
            # A web page must not read what a request returns.
            "MOTO_DISABLE_GLOBAL_CORS": "true",
            "AWS_DEFAULT_REGION": region,
        }
    )
    from moto.core.config import default_user_config

    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    default_user_config["iam"] = {"load_aws_managed_policies": True}


def main():
    parser = argparse.ArgumentParser(description="AWS emulator of local mode")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--account", default="123456789012")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--history-events", type=int, default=25_000, help="with which an execution fails")
    parser.add_argument("--check", action="store_true", help="only check that this machine can run it")
    args = parser.parse_args()

    check_moto()
    if args.check:
        return
    # boto3 inside moto, which calls this server, signs with the owner's key too.
    key = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if not all(key):
        sys.exit("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set: the emulator serves signed requests only")
    exit_with_parent()
    # Bound before moto is imported: MOTO_PORT must be right from the start, and no other process can take the port.
    listener = socket.create_server(("127.0.0.1", args.port), backlog=512)
    port = listener.getsockname()[1]
    configure(port, args.account, args.region)

    import callers
    import patches
    import server
    from patches import service_metrics

    patches.apply(f"http://127.0.0.1:{port}", args.region, args.history_events)
    service_metrics.apply(args.account, args.region)
    gate = callers.Gate(port, callers.keyring(*key, args.account))
    httpd = server.make(listener, gate, args.account)
    print(json.dumps({"endpoint": f"http://127.0.0.1:{port}"}), flush=True)
    httpd.serve_forever()


if __name__ == "__main__":
    main()
