"""The artifact store: atomic, content-addressed, and distrustful of its own disk."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from agents.artifacts import artifact
from agents.artifacts.artifact import MANIFEST, SCHEMA, SELF_TEST, WEIGHTS, ArtifactStore
from agents.artifacts.selftest import SelfTest
from agents.policies.uniform import NeverContact, UniformPolicy
from troth.catalogue import Action, Catalogue, Channel, OfferKind
from troth.contexts import ContextBatch
from troth.digests import canonical_json, sha256
from troth.errors import DataLoss, FailedPrecondition, InvalidArgument, NotFound
from troth.features import Feature, FeatureKind, FeatureSchema


def action(action_id: str, kind: OfferKind, channel: Channel) -> Action:
    """One row."""
    journey = "none" if kind is OfferKind.NONE else "welcome"
    return Action(
        action_id=action_id, journey=journey, step=0, offer="o", kind=kind, channel=channel
    )


CATALOGUE = Catalogue(
    (
        action("no_contact", OfferKind.NONE, Channel.NONE),
        action("mail", OfferKind.CONTENT, Channel.EMAIL),
    ),
    ("welcome",),
)
FEATURES = FeatureSchema((Feature(name="age", kind=FeatureKind.NUMERIC, low=0, high=9),))
CONTEXTS = ContextBatch(FEATURES, np.arange(64, dtype=np.float32)[:, None] / 8)
MASK = np.ones((64, 2), dtype=bool)


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    """An empty store in a directory that does not exist yet."""
    return ArtifactStore(tmp_path / "artifacts")


def save(store: ArtifactStore, **changes: object) -> str:
    """Save the uniform policy."""
    arguments = {
        "policy": UniformPolicy(),
        "schema": FEATURES,
        "catalogue": CATALOGUE,
        "contexts": CONTEXTS,
        "mask": MASK,
        "training": {"log_rows": 10},
        **changes,
    }
    return store.save(arguments.pop("policy"), **arguments)  # type: ignore[arg-type]


def rewrite(store: ArtifactStore, digest: str, change: dict[str, object]) -> str:
    """A forged artifact whose digests are all consistent, but whose manifest differs."""
    old = store.root / digest
    manifest = {**json.loads((old / MANIFEST).read_text()), **change}
    data = canonical_json(manifest)
    new = store.root / sha256(data)
    old.rename(new)
    (new / MANIFEST).write_bytes(data)
    return new.name


def test_digest_is_the_hash_of_the_manifest(store: ArtifactStore) -> None:
    """Whoever holds the digest can check the manifest, and with it every file."""
    digest = save(store)
    manifest = (store.root / digest / MANIFEST).read_bytes()
    assert sha256(manifest) == digest
    for name, expected in json.loads(manifest)["files"].items():
        assert sha256((store.root / digest / name).read_bytes()) == expected


def test_training_facts_are_part_of_the_digest(store: ArtifactStore) -> None:
    """The same weights with another history are another artifact."""
    assert save(store) != save(store, training={"log_rows": 11})
    assert len(store.digests()) == 2


def test_saving_leaves_no_partial_directory(store: ArtifactStore) -> None:
    """Only whole artifacts are visible."""
    digest = save(store)
    save(store)
    assert [p.name for p in store.root.iterdir()] == [digest]


def test_a_crash_while_writing_leaves_nothing(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An artifact that could not be written whole does not appear at all."""

    def fail(_: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        save(store)
    assert store.digests() == ()
    assert list(store.root.iterdir()) == []


def test_empty_store_has_no_digests(store: ArtifactStore) -> None:
    """A store that was never written to is empty, not an error."""
    assert store.digests() == ()


@pytest.mark.parametrize("digest", ["../../etc", "A" * 64, ""])
def test_refuses_what_is_not_a_digest(store: ArtifactStore, digest: str) -> None:
    """A path cannot be smuggled in as a digest."""
    with pytest.raises(InvalidArgument, match="digest"):
        store.load(digest)


def test_unknown_digest_is_not_found(store: ArtifactStore) -> None:
    """A digest that was never saved says so."""
    with pytest.raises(NotFound):
        store.load("0" * 64)


def test_refuses_an_extra_file(store: ArtifactStore) -> None:
    """Nothing can be hidden beside the files that the manifest names."""
    digest = save(store)
    (store.root / digest / "extra.txt").write_text("boo")
    with pytest.raises(DataLoss, match=r"extra\.txt"):
        store.load(digest)


def test_refuses_a_missing_file(store: ArtifactStore) -> None:
    """A file that is gone is named."""
    digest = save(store)
    (store.root / digest / WEIGHTS).unlink()
    with pytest.raises(DataLoss, match=WEIGHTS):
        store.load(digest)


def test_refuses_a_link(store: ArtifactStore, tmp_path: Path) -> None:
    """A file may not be a link to bytes elsewhere, even to the right ones."""
    digest = save(store)
    path = store.root / digest / WEIGHTS
    elsewhere = tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    with pytest.raises(DataLoss, match="regular file"):
        store.load(digest)


def test_refuses_a_manifest_that_names_other_paths(store: ArtifactStore) -> None:
    """The manifest cannot make the loader read outside the artifact."""
    digest = save(store)
    files = json.loads((store.root / digest / MANIFEST).read_text())["files"]
    forged = rewrite(store, digest, {"files": {**files, "../../passwd": "0" * 64}})
    with pytest.raises(DataLoss, match="names other files"):
        store.load(forged)


def test_refuses_another_format(store: ArtifactStore) -> None:
    """A layout of the future is not guessed at."""
    forged = rewrite(store, save(store), {"format": "2"})
    with pytest.raises(FailedPrecondition, match="format"):
        store.load(forged)


def test_refuses_an_unknown_kind(store: ArtifactStore) -> None:
    """A kind without a class cannot be loaded."""
    forged = rewrite(store, save(store), {"kind": "oracle"})
    with pytest.raises(FailedPrecondition, match="oracle"):
        store.load(forged)


def test_refuses_a_catalogue_digest_that_is_not_the_catalogue(store: ArtifactStore) -> None:
    """The digest an approval binds to is that of the catalogue in the artifact."""
    forged = rewrite(store, save(store), {"catalogue_digest": "0" * 64})
    with pytest.raises(DataLoss, match="catalogue or schema"):
        store.load(forged)


def test_refuses_a_policy_that_answers_differently(store: ArtifactStore) -> None:
    """Right bytes but another computation: the self-test finds it, unless told not to look."""
    forged = rewrite(store, save(store), {"kind": "never_contact"})
    with pytest.raises(FailedPrecondition, match=r"differs by 0\.5"):
        store.load(forged)
    assert isinstance(store.load(forged, verify=False).policy, NeverContact)


def test_refuses_a_self_test_of_another_shape(store: ArtifactStore) -> None:
    """A self-test cannot be thinned out to let a policy pass."""
    digest = save(store)
    packed = artifact._pack(SelfTest(CONTEXTS.raw[:1], MASK[:1], np.eye(2)[:1]).to_tensors())
    files = json.loads((store.root / digest / MANIFEST).read_text())["files"]
    (store.root / digest / SELF_TEST).write_bytes(packed)
    forged = rewrite(store, digest, {"files": {**files, SELF_TEST: sha256(packed)}})
    with pytest.raises(DataLoss, match="self_test"):
        store.load(forged)


def test_unreadable_tensors_are_data_loss(store: ArtifactStore) -> None:
    """Bytes that hash right but are no safetensors are refused with a typed error."""
    digest = save(store)
    files = json.loads((store.root / digest / MANIFEST).read_text())["files"]
    (store.root / digest / WEIGHTS).write_bytes(b"nonsense")
    forged = rewrite(store, digest, {"files": {**files, WEIGHTS: sha256(b"nonsense")}})
    with pytest.raises(DataLoss, match="safetensors"):
        store.load(forged)


def test_needs_64_contexts(store: ArtifactStore) -> None:
    """A self-test of fewer contexts is refused at saving."""
    with pytest.raises(InvalidArgument, match="contexts"):
        save(store, contexts=CONTEXTS.take(slice(0, 63)), mask=MASK[:63])


def test_needs_contexts_of_the_schema(store: ArtifactStore) -> None:
    """Contexts of another schema would test another encoding."""
    other = FeatureSchema((Feature(name="years", kind=FeatureKind.NUMERIC, low=0, high=9),))
    with pytest.raises(FailedPrecondition, match="contexts"):
        save(store, contexts=ContextBatch(other, CONTEXTS.raw))


def test_refuses_an_unregistered_policy(store: ArtifactStore) -> None:
    """A class that cannot be loaded cannot be saved either."""

    class Mine(UniformPolicy):
        pass

    with pytest.raises(FailedPrecondition, match="Mine"):
        save(store, policy=Mine())


def test_missing_values_survive(store: ArtifactStore) -> None:
    """NaN, which means missing, is kept in the self-test contexts."""
    raw = CONTEXTS.raw.copy()
    raw[3] = np.nan
    digest = save(store, contexts=ContextBatch(FEATURES, raw))
    assert np.isnan(store.load(digest).self_test.raw[3, 0])
    assert (store.root / digest / SCHEMA).is_file()
