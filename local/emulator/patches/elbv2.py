"""Load balancers: their certificates."""

import moto.elbv2.models as models


def certificates_are_the_accounts():
    """moto refuses a listener whose certificate it did not make. The account that a stack is deployed to has it already;
    this one is empty at its start."""
    models.register_certificate = lambda **_: None
    models.ELBv2Backend._certificate_exists = lambda self, certificate_arn: True


def apply():
    certificates_are_the_accounts()
