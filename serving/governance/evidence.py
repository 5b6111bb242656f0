"""The evidence a proposal was judged with: JSON documents named by their digest."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from troth.digests import canonical_json, require_digest, sha256
from troth.errors import DataLoss, NotFound


@dataclass(frozen=True)
class EvidenceStore:
    """Documents under one directory; nothing in it is ever changed.

    Attributes:
        root: usually ``evidence`` beside the store; created on the first :meth:`put`.
    """

    root: Path

    def put(self, document: Any) -> str:
        """Store ``document`` as canonical JSON and return its digest.

        Raises:
            InvalidArgument: for a value JSON cannot hold.
        """
        data = canonical_json(document)
        name = sha256(data)
        path = self._path(name)
        if not path.exists():
            self.root.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
            with partial.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        return name

    def get(self, digest: str) -> Any:
        """The document with ``digest``.

        Raises:
            InvalidArgument: if ``digest`` is not a digest.
            NotFound: if it is not stored.
            DataLoss: if the bytes stored under it are others.
        """
        path = self._path(require_digest(digest, "evidence_digest"))
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise NotFound(f"no evidence {digest} in {self.root}", field="evidence") from None
        if sha256(data) != digest:
            raise DataLoss(f"{path} is not the document it is named after", field="evidence")
        return json.loads(data)

    def _path(self, digest: str) -> Path:
        return self.root / f"{digest}.json"
