"""EC2: what the provider reads back of launch templates, and what is gone when it is deleted."""

from moto.core.types import Base64EncodedString
from moto.ec2.models import EC2Backend
from moto.ec2.models.launch_templates import LaunchTemplate


def templates_read_back():
    """moto adds the template's own tags to those of its instances, keeps the user data of later versions as text that
    it then refuses to use, takes an empty one for some, and shows the tags that a template was made with for ever."""

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
    """moto leaves the network interface of a deleted NAT gateway behind, which keeps its address, and lists deleted
    endpoints for ever."""

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
