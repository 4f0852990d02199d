"""Quotas of EC2 and Lambda, of which moto knows none, and the account's default key of volumes."""

import json

from moto.core.responses import ActionResult
from moto.ec2.responses import EC2Response
from moto.servicequotas.models import ServiceQuotasBackend
from moto.servicequotas.responses import ServiceQuotasResponse

# An account that has been used for a while: a new one has fewer vCPUs.
_EC2 = {
    "L-0263D0A3": ("EC2-VPC Elastic IPs", 5.0),
    "L-34B43A08": ("All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", 512.0),
    "L-1216C47A": ("Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 512.0),
}

_LAMBDA = {"L-B99A9384": ("Concurrent executions", 1000.0)}


def quotas_of_ec2():
    original = ServiceQuotasBackend.get_service_quota

    def get_service_quota(self, service_code, quota_code):
        known = {"ec2": _EC2, "lambda": _LAMBDA}.get(service_code, {})
        if quota_code not in known:
            return original(self, service_code, quota_code)
        name, value = known[quota_code]
        return {
            "ServiceCode": service_code,
            "ServiceName": service_code,
            "QuotaArn": f"arn:aws:servicequotas:{self.region_name}:{self.account_id}:{service_code}/{quota_code}",
            "QuotaCode": quota_code,
            "QuotaName": name,
            "Value": value,
            "Unit": "None",
            "Adjustable": True,
            "GlobalQuota": False,
        }

    ServiceQuotasBackend.get_service_quota = get_service_quota


def default_quotas():
    """moto lists the defaults of a service, but gets none, which AWS's provider does before it gets a quota."""

    def get_aws_default_service_quota(self):
        asked = json.loads(self.body)
        return json.dumps({"Quota": self.backend.get_service_quota(asked["ServiceCode"], asked["QuotaCode"])})

    ServiceQuotasResponse.get_aws_default_service_quota = get_aws_default_service_quota


def key_of_volumes():
    """moto sets the default key but does not return it. A new account has AWS's own."""

    def get_ebs_default_kms_key_id(self):
        return ActionResult({"KmsKeyId": "alias/aws/ebs"})

    EC2Response.get_ebs_default_kms_key_id = get_ebs_default_kms_key_id


def apply():
    quotas_of_ec2()
    default_quotas()
    key_of_volumes()
