"""Objects against the schemas of Kubernetes, strictly: an unknown field is an error, and so is a kind without a schema.

The schemas of Kubernetes are those of the package ``kubernetes-validate``. Its own command only warns when it knows no
schema, and takes the nearest older version without a word; here both are errors. Custom resources have schemas of our
own, written from their documentation and limited to the fields that the chart uses.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import jsonschema
from referencing import Registry, Resource

__all__ = ["KUBERNETES_VERSIONS", "SchemaError", "require_valid"]

KUBERNETES_VERSIONS: Final = ("1.30", "1.33", "1.36")
_CRD_SCHEMAS: Final = Path(__file__).with_name("crd_schemas")
_OWN_GROUPS: Final = ("", "apps", "autoscaling", "batch", "policy", "networking.k8s.io")

Json = dict[str, Any]


class SchemaError(ValueError):
    """An object does not fit its schema, or there is none for it."""


def require_valid(document: Json, kubernetes_version: str) -> None:
    """Check one object.

    Args:
        document: The object.
        kubernetes_version: Such as ``1.33``; custom resources do not depend on it.

    Raises:
        SchemaError: It does not fit, or nobody knows its kind in that version.
    """
    kind = f"{document['apiVersion']} {document['kind']} {document['metadata']['name']}"
    problems = sorted(
        _validator(document["apiVersion"], document["kind"], kubernetes_version).iter_errors(document), key=str
    )
    if problems:
        first = problems[0]
        raise SchemaError(f"{kind}, {first.json_path}, Kubernetes {kubernetes_version}: {first.message[:300]}")


@cache
def _validator(api_version: str, kind: str, kubernetes_version: str) -> jsonschema.Draft202012Validator:
    group, _, version = api_version.rpartition("/")
    if group not in _OWN_GROUPS:
        file = _CRD_SCHEMAS / f"{kind.lower()}-{group}-{version}.json"
        return jsonschema.Draft202012Validator(_read(file, f"{api_version} {kind}"))
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{kubernetes_version}.0-local-strict"
    if not folder.is_dir():
        raise SchemaError(f"kubernetes-validate has no schemas of Kubernetes {kubernetes_version}.")
    name = "-".join(filter(None, (kind.lower(), group.split(".")[0], version)))
    schema = _read(Path(str(folder / f"{name}.json")), f"{api_version} {kind} in Kubernetes {kubernetes_version}")
    return jsonschema.Draft202012Validator(schema, registry=_definitions(str(folder), name))


@cache
def _definitions(folder: str, name: str) -> Registry[Any]:
    definitions = Resource.from_contents(_read(Path(folder, "_definitions.json"), "definitions"))
    own = Resource.from_contents(_read(Path(folder, f"{name}.json"), name))
    registry: Registry[Any] = own @ (definitions @ Registry())
    return registry


@cache
def _read(file: Path, what: str) -> Json:
    if not file.is_file():
        raise SchemaError(f"There is no schema for {what}; the file would be {file.name}.")
    content: Json = json.loads(file.read_bytes())
    return content
