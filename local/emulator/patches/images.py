"""The images that EKS nodes start from: the public parameters that name them, which moto lacks."""

import hashlib

import moto.ssm.models as models
from moto.core.utils import utcnow

_PREFIX = "/aws/service/eks/optimized-ami"
_ARCHITECTURES = {"x86_64": "AL2023_x86_64_STANDARD", "arm64": "AL2023_ARM_64_STANDARD"}
_RESOLVE = "resolve:ssm:"
# The Kubernetes minors that EKS supports. Source: "Amazon EKS Kubernetes release calendar", November 2026.
_MINORS = ("1.31", "1.32", "1.33", "1.34", "1.35", "1.36")


def parameter(minor, architecture, what="image_id"):
    return f"{_PREFIX}/{minor}/amazon-linux-2023/{architecture}/standard/recommended/{what}"


def image(minor, architecture):
    """The same id on every start."""
    return "ami-" + hashlib.sha256(f"{minor} {architecture}".encode()).hexdigest()[:17]


def of_type(minor, ami_type):
    """The image of a managed group; groups of other types than Amazon Linux 2023 get the one for x86_64."""
    found = [architecture for architecture, known in _ARCHITECTURES.items() if known == ami_type]
    return image(minor, found[0] if found else "x86_64")


def architecture(image_id):
    known = {image(minor, name): name for minor in _MINORS for name in _ARCHITECTURES}
    return known.get(image_id)


def resolve(image_id, account, region):
    """A launch template may name a parameter instead of an image; EC2 reads it when an instance starts."""
    if not image_id.startswith(_RESOLVE):
        return image_id
    found = models.ssm_backends[account][region].get_parameter(image_id.removeprefix(_RESOLVE))
    if found is None:
        raise ValueError(f"the launch template's image {image_id} is not a parameter")
    return found.value


def _all():
    for minor in _MINORS:
        for name in _ARCHITECTURES:
            yield parameter(minor, name), image(minor, name)
            yield parameter(minor, name, "release_version"), f"{minor}.0-20261101"


def apply():
    check = models.ParameterDict._check_loading_status

    def check_loading_status(self, key):
        check(self, key)
        if str(key or "").startswith(_PREFIX) and not self.__dict__.get("eks_loaded"):
            self.eks_loaded = True
            for name, value in _all():
                made = dict(description=None, allowed_pattern=None, keyid=None, last_modified_date=utcnow(), version=1, data_type="text")
                public = models.Parameter(account_id=self.account_id, name=name, value=value, parameter_type="String", **made)
                super(models.ParameterDict, self).__getitem__(name).append(public)

    models.ParameterDict._check_loading_status = check_loading_status
