"""Policies as content-addressed bytes: the same in training, evaluation and serving.

An artifact is a directory named by the SHA-256 of its manifest, which names the SHA-256
of every other file. There is no pickle anywhere: JSON and safetensors only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from agents.artifacts.kinds import class_of, kind_of
from agents.artifacts.selftest import SIZE, TOLERANCE, SelfTest
from agents.policies.storable import StorablePolicy
from troth.catalogue import Catalogue
from troth.contexts import ContextBatch
from troth.digests import canonical_json, require_digest, sha256
from troth.errors import DataLoss, FailedPrecondition, NotFound
from troth.features import FeatureSchema
from troth.files import whole_folder
from troth.policy import Mask

FORMAT = "1"
"""Version of the directory's layout; another version is refused."""

MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"
CATALOGUE = "catalogue.json"
SCHEMA = "schema.json"
SELF_TEST = "selftest.safetensors"
FILES = (CATALOGUE, SCHEMA, SELF_TEST, WEIGHTS)
"""Every file but the manifest, which names them."""


@dataclass(frozen=True, eq=False)
class Artifact:
    """A policy with everything it was bound to when it was saved.

    Attributes:
        digest: SHA-256 of the manifest; the policy's name everywhere in Troth.
        kind: one of :data:`agents.artifacts.kinds.KINDS`.
        policy: ready to be asked.
        schema: what its contexts follow.
        catalogue: the actions it was trained on.
        manifest: kind, format, parameters, training facts and the digests of all files.
        self_test: what it said when it was saved.
    """

    digest: str
    kind: str
    policy: StorablePolicy
    schema: FeatureSchema
    catalogue: Catalogue
    manifest: Mapping[str, Any]
    self_test: SelfTest


@dataclass(frozen=True)
class ArtifactStore:
    """Artifacts under one directory; nothing in it is ever changed.

    Attributes:
        root: created on the first save.
    """

    root: Path

    def save(
        self,
        policy: StorablePolicy,
        *,
        schema: FeatureSchema,
        catalogue: Catalogue,
        contexts: ContextBatch,
        mask: Mask,
        training: Mapping[str, Any],
    ) -> str:
        """Write ``policy``; the directory appears whole or not at all.

        Args:
            policy: of a registered kind.
            schema: what its contexts follow.
            catalogue: the actions it was trained on.
            contexts: at least 64, from which the self-test is taken.
            mask: bool (n, K), eligibility in ``contexts``.
            training: how it came about, as plain JSON values; part of the digest, so
                times and machine names do not belong here.

        Returns:
            The digest. Saving the same policy twice gives the same digest.

        Raises:
            InvalidArgument: for fewer than 64 contexts or training facts JSON cannot hold.
            FailedPrecondition: for an unregistered class, or contexts of another schema.
        """
        kind = kind_of(policy)
        if contexts.schema.digest != schema.digest:
            raise FailedPrecondition("follow another schema", field="contexts")
        parameters, tensors = policy.to_state()
        files = {
            CATALOGUE: canonical_json(catalogue.to_dict()),
            SCHEMA: canonical_json(schema.to_dict()),
            SELF_TEST: _pack(SelfTest.record(policy, contexts, catalogue, mask).to_tensors()),
            WEIGHTS: _pack(tensors),
        }
        manifest = canonical_json(
            {
                "format": FORMAT,
                "kind": kind,
                "parameters": dict(parameters),
                "schema_digest": schema.digest,
                "catalogue_digest": catalogue.digest,
                "self_test": {"contexts": SIZE, "tolerance": TOLERANCE},
                "training": dict(training),
                "files": {name: sha256(data) for name, data in files.items()},
            }
        )
        digest = sha256(manifest)
        self._write(digest, {**files, MANIFEST: manifest})
        self.load(digest)
        return digest

    def load(self, digest: str, *, verify: bool = True) -> Artifact:
        """Read an artifact back, refusing anything that is not what was saved.

        Args:
            digest: which one.
            verify: recompute the self-test; bytes are checked in any case.

        Raises:
            InvalidArgument: if ``digest`` is not a digest.
            NotFound: if there is no such artifact.
            DataLoss: if a file is changed, missing, added or not a regular file.
            FailedPrecondition: for an unknown format or kind, or a self-test that differs
                by more than 1e-6.
        """
        require_digest(digest, "digest")
        folder = self.root / digest
        if not folder.is_dir():
            raise NotFound(f"no artifact {digest} in {self.root}", field="digest")
        manifest, files = _read(folder, digest)
        catalogue = Catalogue.from_dict(json.loads(files[CATALOGUE]))
        schema = FeatureSchema.from_dict(json.loads(files[SCHEMA]))
        if (catalogue.digest, schema.digest) != (
            manifest["catalogue_digest"],
            manifest["schema_digest"],
        ):
            raise DataLoss("catalogue or schema is not the one named", field=MANIFEST)
        policy = class_of(manifest["kind"]).from_state(
            manifest["parameters"], _unpack(files[WEIGHTS], WEIGHTS)
        )
        self_test = SelfTest.from_tensors(_unpack(files[SELF_TEST], SELF_TEST), schema, catalogue)
        if verify:
            self_test.verify(policy, schema, catalogue)
        return Artifact(digest, manifest["kind"], policy, schema, catalogue, manifest, self_test)

    def digests(self) -> tuple[str, ...]:
        """Digests of all artifacts present, sorted."""
        if not self.root.is_dir():
            return ()
        return tuple(sorted(p.name for p in self.root.iterdir() if not p.name.startswith(".")))

    def _write(self, digest: str, files: Mapping[str, bytes]) -> None:
        target = self.root / digest
        if target.is_dir():
            return
        try:
            with whole_folder(target, mode=0o755) as partial:
                for name, data in files.items():
                    (partial / name).write_bytes(data)
        except FileExistsError:
            # Somebody else saved the same content in the meantime.
            if not target.is_dir():
                raise


def _read(folder: Path, digest: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The manifest and the bytes of every file, each checked against its digest."""
    present = {entry.name for entry in folder.iterdir()}
    wanted = {*FILES, MANIFEST}
    for name in sorted(present ^ wanted):
        raise DataLoss("is missing" if name in wanted else "does not belong here", field=name)
    for name in sorted(wanted):
        if (folder / name).is_symlink() or not (folder / name).is_file():
            raise DataLoss("is not a regular file", field=name)
    raw = (folder / MANIFEST).read_bytes()
    if sha256(raw) != digest:
        raise DataLoss(f"its SHA-256 is not {digest}", field=MANIFEST)
    manifest: dict[str, Any] = json.loads(raw)
    if manifest.get("format") != FORMAT:
        raise FailedPrecondition(
            f"format {manifest.get('format')!r} is not {FORMAT!r}", field="format"
        )
    named = manifest["files"]
    if set(named) != set(FILES):
        raise DataLoss("names other files than an artifact has", field=MANIFEST)
    # The bytes that are hashed are the bytes that are used: nothing is read twice.
    files = {name: (folder / name).read_bytes() for name in FILES}
    for name, data in files.items():
        if sha256(data) != named[name]:
            raise DataLoss(f"its SHA-256 is not {named[name]}", field=name)
    return manifest, files


def _pack(tensors: Mapping[str, NDArray[Any]]) -> bytes:
    packed: bytes = save_tensors({k: np.ascontiguousarray(v) for k, v in tensors.items()})
    return packed


def _unpack(data: bytes, name: str) -> dict[str, NDArray[Any]]:
    try:
        tensors: dict[str, NDArray[Any]] = load_tensors(data)
    except SafetensorError as error:
        raise DataLoss(f"not readable as safetensors: {error}", field=name) from error
    return tensors
