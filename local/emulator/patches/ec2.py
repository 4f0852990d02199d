"""EC2: what the provider reads back of launch templates."""

from moto.core.types import Base64EncodedString
from moto.ec2.models.launch_templates import LaunchTemplate


def templates_read_back():
    """moto adds the template's own tags to those of its instances, keeps the user data of later versions as text that
    it then refuses to use, and shows the tags that a template was made with for ever."""

    create_version = LaunchTemplate.create_version

    def create_whole_version(self, data, description):
        data = dict(data)
        specifications = [one for one in data.get("TagSpecifications") or [] if one["ResourceType"] != "launch-template"]
        data["TagSpecifications"] = specifications
        if isinstance(data.get("UserData"), str):
            data["UserData"] = Base64EncodedString(data["UserData"])
        return create_version(self, data, description)

    LaunchTemplate.create_version = create_whole_version
    LaunchTemplate.tags = property(lambda self: self.get_tags(), lambda self, _: None)


def apply():
    templates_read_back()
