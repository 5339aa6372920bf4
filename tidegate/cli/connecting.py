"""A spec's connectors without an installation: placeholders for addresses."""

from __future__ import annotations

from blocks.installation import Installation

ANYWHERE = "http://127.0.0.1:9"  # reads as an address, nothing listens there
SOMEBODY = "nobody@localhost"  # reads as an e-mail address
ACCOUNT = "000000000000"  # reads as an account of AWS
READS_AS = {
    "mail": SOMEBODY,
    "sender": SOMEBODY,
    "aws_account": ACCOUNT,
    "distribution_id": "E00000000000",  # reads as an identifier of CloudFront's
    "listener_arn": f"arn:aws:elasticloadbalancing:us-east-1:{ACCOUNT}:listener/app/nobody/0/0",
}  # the end of a value's name -> what stands for it


class Placeholders(dict[str, str]):
    """The installation's values; one that is not known before `tidegate up` reads as an address, and is noted."""

    def __init__(self, known: dict[str, str]) -> None:
        super().__init__(known)
        self.missing: set[str] = set()

    @classmethod
    def here(cls) -> Placeholders:
        return cls(Installation.here().values)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str)

    def __missing__(self, name: str) -> str:
        self.missing.add(name)
        return next((reads for end, reads in READS_AS.items() if name.endswith(end)), ANYWHERE)
