"""AppSpecs: which function's alias a deployment moves, from which version to which, and the hooks that it asks."""

import hashlib
import json

import yaml

from .codedeploy_api import error


def read(revision):
    """What the AppSpec of a revision says: function, alias, versions and hooks. Source: "AppSpec File structure",
    CodeDeploy User Guide."""
    kind = (revision or {}).get("revisionType")
    if kind is None:
        raise error("RevisionRequired", "revision is missing")
    part = revision.get({"AppSpecContent": "appSpecContent", "String": "string"}.get(kind))
    if not part or not part.get("content"):
        raise error("InvalidRevision", f"the emulator takes an AppSpec as AppSpecContent or String, not a revision {kind}")
    text = part["content"]
    given = part.get("sha256")
    if given and given != hashlib.sha256(text.encode()).hexdigest():
        raise error("InvalidRevision", "sha256 is not that of the content")
    try:
        return _parse(yaml.safe_load(text))
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as problem:
        raise error("InvalidRevision", f"the AppSpec is invalid: {problem!r}") from None


def _parse(document):
    if float(document["version"]) != 0.0:
        raise ValueError(f"version {document['version']}, want 0.0")
    (resource,) = document["Resources"]
    ((_, body),) = resource.items()
    if body["Type"] != "AWS::Lambda::Function":
        raise ValueError(f"type {body['Type']}")
    properties = body["Properties"]
    names = {"function": "Name", "alias": "Alias", "current": "CurrentVersion", "target": "TargetVersion"}
    spec = {ours: str(properties[theirs]) for ours, theirs in names.items()}
    hooks = {}
    for hook in document.get("Hooks") or []:
        hooks |= hook
    unknown = set(hooks) - {"BeforeAllowTraffic", "AfterAllowTraffic"}
    if unknown:
        raise ValueError(f"hooks {sorted(unknown)}")
    return {**spec, "hooks": hooks}


def write(function, alias, current, target):
    """A revision without hooks."""
    properties = {"Name": function, "Alias": alias, "CurrentVersion": current, "TargetVersion": target}
    resource = {function: {"Type": "AWS::Lambda::Function", "Properties": properties}}
    text = json.dumps({"version": 0.0, "Resources": [resource]})
    content = {"content": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}
    return {"revisionType": "AppSpecContent", "appSpecContent": content}
