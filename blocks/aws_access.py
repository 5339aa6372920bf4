"""The fields by which every connector of AWS says which account and region it means; see `aws_clients.py`."""

from __future__ import annotations

from pydantic import BaseModel, Field

from blocks.aws_clients import Access


class AwsAccess(BaseModel):
    """Mixed into a connector: `class EcsPlatform(AwsAccess, Connector)`."""

    region: str = Field(
        default="",
        title="Region",
        description="AWS's region. Empty: AWS_REGION, or the profile's.",
        pattern=r"^([a-z]{2}(-[a-z]+)+-\d)?$",
        examples=["us-east-1"],
    )
    profile: str = Field(
        default="",
        title="Profile",
        description="A profile of ~/.aws/config. Empty: boto3's chain (environment, AWS_PROFILE, the machine's role).",
        max_length=100,
    )
    role_arn: str = Field(
        default="",
        title="Role",
        description="A role that is assumed for every call. Empty: the credentials as they are found.",
        pattern=r"^(arn:[a-z-]+:iam::\d{12}:role/.+)?$",
        examples=["arn:aws:iam::123456789012:role/greenflow-deploy"],
    )
    endpoint_url: str = Field(
        default="",
        title="Endpoint",
        description="Another address than AWS's own, e.g. of a VPC endpoint. Empty: AWS_ENDPOINT_URL, or AWS's.",
        pattern=r"^(https?://.+)?$",
    )

    @property
    def access(self) -> Access:
        return Access(self.region, self.profile, self.role_arn, self.endpoint_url)
