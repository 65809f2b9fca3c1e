"""A stand-in for the AWS CLI, which cannot be installed beside the pinned boto3.

The AWS CLI names its commands and options after the operations and members of botocore's models, as this does. So a
command that names a wrong operation, option or key fails here too.
"""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import boto3
from botocore import xform_name
from botocore.model import Shape

SERVICES = {"s3api": "s3"}
"""The commands of the AWS CLI that are not called as their service is."""


def run(words: list[str]) -> Any:
    """Carry out `aws SERVICE OPERATION --OPTION VALUE …`, given without its first word, and return the answer."""
    service, operation, *rest = words
    client: Any = boto3.client(SERVICES.get(service, service))
    call = operation.replace("-", "_")
    shape = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[call]).input_shape
    members = {f"--{xform_name(name, '-')}": (name, member) for name, member in shape.members.items()}
    arguments: dict[str, Any] = {}
    while rest:
        option = rest.pop(0)
        values = [rest.pop(0)]
        while rest and not rest[0].startswith("--"):
            values.append(rest.pop(0))
        if option == "--cli-input-json":
            arguments |= json.loads(_text(*values))
        else:
            name, member = members[option]
            arguments[name] = _value(member, values)
    return getattr(client, call)(**arguments)


def run_lines(block: str) -> None:
    """Carry out each command of a shell block that begins with aws, in order."""
    for line in block.replace("\\\n", " ").splitlines():
        if line.startswith("aws "):
            run(shlex.split(line)[1:])


def _value(member: Shape, values: list[str]) -> Any:
    if member.type_name == "list":
        return values
    return json.loads(_text(*values)) if member.type_name == "structure" else _text(*values)


def _text(value: str) -> str:
    return Path(value.removeprefix("file://")).read_text() if value.startswith("file://") else value


if __name__ == "__main__":
    run(sys.argv[1:])
