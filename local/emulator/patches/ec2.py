"""EC2: launch templates as the provider reads them back, and complete deletes."""

from moto.core.types import Base64EncodedString
from moto.ec2.models import EC2Backend
from moto.ec2.models.launch_templates import LaunchTemplate


def templates_read_back():
    """moto adds the template's own tags to those of its instances, stores the user data of later versions as text that
    it then rejects, treats empty user data as present, and always shows the tags that a template was created with."""

    create_version = LaunchTemplate.create_version

    def create_whole_version(self, data, description):
        data = dict(data)
        specifications = [one for one in data.get("TagSpecifications") or [] if one["ResourceType"] != "launch-template"]
        data["TagSpecifications"] = specifications
        if isinstance(data.get("UserData"), str):
            data["UserData"] = Base64EncodedString(data["UserData"])
        if not str(data.get("UserData") or ""):
            data.pop("UserData", None)
        return create_version(self, data, description)

    LaunchTemplate.create_version = create_whole_version
    LaunchTemplate.tags = property(lambda self: self.get_tags(), lambda self, _: None)


def deleted_is_gone():
    """moto leaves behind the network interface of a deleted NAT gateway, which keeps its address, and lists deleted
    endpoints forever."""

    delete_gateway, delete_endpoints = EC2Backend.delete_nat_gateway, EC2Backend.delete_vpc_endpoints

    def delete_nat_gateway(self, nat_gateway_id):
        gateway = delete_gateway(self, nat_gateway_id)
        interface = gateway._eni
        for address in self.addresses:
            if address.eni is interface:
                self.disassociate_address(association_id=address.association_id)
        self.enis.pop(interface.id, None)
        return gateway

    def delete_vpc_endpoints(self, vpce_ids=None):
        delete_endpoints(self, vpce_ids)
        for endpoint in vpce_ids or []:
            self.vpc_end_points.pop(endpoint, None)

    EC2Backend.delete_nat_gateway = delete_nat_gateway
    EC2Backend.delete_vpc_endpoints = delete_vpc_endpoints


def apply():
    templates_read_back()
    deleted_is_gone()
