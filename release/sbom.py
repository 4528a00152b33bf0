"""Software bills of materials (CycloneDX): what the functions' zips and the deploy image hold.

https://cyclonedx.org/specification/overview/
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement

_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://github.com/quayside/fargate")


@dataclass(frozen=True)
class Package:
    """A package of PyPI.

    name, version: of it; sha256: of the wheel that is used, "" where that goes by the machine.
    """

    name: str
    version: str
    sha256: str = ""

    @property
    def component(self) -> Component:
        """It as a component."""
        purl = PackageURL("pypi", None, self.name, self.version)
        return Component(
            type=ComponentType.LIBRARY,
            bom_ref=str(purl),
            name=self.name,
            version=self.version,
            purl=purl,
            hashes=_hashes(self.sha256),
        )


def pinned(text: str) -> list[Package]:
    """Return the packages of a requirements file, each of which is pinned.

    Args:
        text: the file; hashes and comments are left out.
    """
    lines = text.replace("\\\n", " ").splitlines()
    words = [line.split("#")[0].split("--hash")[0].strip() for line in lines]
    found = [Requirement(it) for it in words if it]
    return [Package(it.name, str(it.specifier).removeprefix("==")) for it in found]


def of_functions(
    name: str,
    version: str,
    moment: datetime,
    zips: Mapping[str, str],
    held: Mapping[str, Iterable[Package]],
) -> str:
    """Return the bill of the functions for one runtime and processor, as JSON.

    Args:
        name: what they are for, such as `python3.13-arm64`.
        version: of Quayside.
        moment: of the commit.
        zips: SHA-256 of each file, by its name.
        held: the packages in each file, by its name.
    """
    subject = _application(f"functions-{name}", version)
    files = {file: _file(file, version, sha256) for file, sha256 in zips.items()}
    packages = {it.name: it.component for inside in held.values() for it in inside}
    bom = _bom(subject, moment, [*files.values(), *packages.values()])
    bom.register_dependency(subject, files.values())
    for file, component in files.items():
        bom.register_dependency(component, [packages[it.name] for it in held[file]])
    return _text(bom)


def of_image(version: str, moment: datetime, base: str, packages: Iterable[Package]) -> str:
    """Return the bill of the deploy image, as JSON.

    Args:
        version: of Quayside.
        moment: of the commit.
        base: the image that it is made from, as NAME:TAG.
        packages: what is installed in it.
    """
    subject = Component(
        type=ComponentType.CONTAINER, bom_ref="image", name="quayside/fargate", version=version
    )
    name, _, tag = base.partition(":")
    purl = PackageURL("docker", None, name, tag)
    below = Component(
        type=ComponentType.CONTAINER, bom_ref=str(purl), name=name, version=tag, purl=purl
    )
    collection = _application("collection", version)
    parts = [below, collection, *(it.component for it in packages)]
    bom = _bom(subject, moment, parts)
    bom.register_dependency(subject, parts)
    return _text(bom)


def _application(name: str, version: str) -> Component:
    return Component(
        type=ComponentType.APPLICATION,
        bom_ref=name,
        group="quayside",
        name=f"fargate-{name}",
        version=version,
    )


def _file(name: str, version: str, sha256: str) -> Component:
    return Component(
        type=ComponentType.FILE, bom_ref=name, name=name, version=version, hashes=_hashes(sha256)
    )


def _bom(subject: Component, moment: datetime, parts: Iterable[Component]) -> Bom:
    named = f"{subject.name}-{subject.version}-{moment.isoformat()}"
    metadata = BomMetaData(
        component=subject,
        timestamp=moment,
        properties=[
            Property(name="quayside:repository", value="https://github.com/quayside/fargate")
        ],
    )
    return Bom(serial_number=uuid.uuid5(_SPACE, named), metadata=metadata, components=parts)


def _hashes(sha256: str) -> list[HashType]:
    return [HashType(alg=HashAlgorithm.SHA_256, content=sha256)] if sha256 else []


def _text(bom: Bom) -> str:
    return str(JsonV1Dot6(bom).output_as_string(indent=2)) + "\n"
