"""Keyed streams: known answers, independence of batch and order, range."""

from __future__ import annotations

import numpy as np
import pytest

from troth.errors import InvalidArgument
from troth.streams import derive_seed, generator, philox4x32, request_uniform, uniforms

_ALL = 0xFFFFFFFF


@pytest.mark.parametrize(
    ("counter", "seed", "expected"),
    [
        ((0, 0, 0, 0), 0, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((_ALL,) * 4, 2**64 - 1, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            0x299F31D0 << 32 | 0xA4093822,
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_known_answers(
    counter: tuple[int, int, int, int], seed: int, expected: tuple[int, ...]
) -> None:
    """The generator is Philox4x32-10 as published (Random123 kat_vectors)."""
    assert tuple(int(word) for word in philox4x32(counter, seed)[:, 0]) == expected


def test_a_draw_does_not_depend_on_its_batch() -> None:
    """A customer's numbers are the same alone, in a batch and in any order."""
    together = uniforms(11, np.arange(100), purpose=3, step=5)
    shuffled = uniforms(11, np.arange(100)[::-1], purpose=3, step=5)
    alone = uniforms(11, [42], purpose=3, step=5)
    assert np.array_equal(together, shuffled[:, ::-1])
    assert np.array_equal(together[:, 42], alone[:, 0])


@pytest.mark.parametrize("change", ["seed", "purpose", "step", "replicate"])
def test_every_part_of_the_address_matters(change: str) -> None:
    """Another seed, purpose, step or replicate gives other numbers."""
    address = {"seed": 1, "purpose": 1, "step": 1, "replicate": 0}
    other = {**address, change: address[change] + 1}

    def draw(seed: int, purpose: int, step: int, replicate: int) -> np.ndarray:
        return uniforms(seed, np.arange(64), purpose=purpose, step=step, replicate=replicate)

    assert not np.isclose(draw(**address), draw(**other)).any()


def test_uniforms_are_uniform() -> None:
    """Mean, variance and lag correlation of a million draws are those of U(0, 1)."""
    draws = uniforms(5, np.arange(250_000), purpose=0, step=0)
    assert draws.min() > 0.0
    assert draws.max() < 1.0
    assert abs(draws.mean() - 0.5) < 4 / np.sqrt(12 * draws.size)
    assert abs(draws.var() - 1 / 12) < 4 * np.sqrt(1 / 180 / draws.size)
    assert np.abs(np.corrcoef(draws) - np.eye(4)).max() < 0.01


def test_a_seed_out_of_range_is_named() -> None:
    """A seed that does not fit 64 bits is refused rather than wrapped."""
    with pytest.raises(InvalidArgument, match=r"seed: .*2\*\*64"):
        philox4x32((0, 0, 0, 0), 2**64)


def test_derived_seeds_tell_paths_apart() -> None:
    """Joining, splitting or retyping the parts of a path changes the seed."""
    paths = [("ab", "c"), ("a", "bc"), ("abc",), (1,), ("1",), (1, 1), (11,)]
    assert len({derive_seed(*path) for path in paths}) == len(paths)


def test_generators_repeat_themselves() -> None:
    """The same path gives the same generator."""
    assert np.array_equal(generator(3, "folds").random(8), generator(3, "folds").random(8))


def test_request_uniforms_lie_inside_the_unit_interval_and_repeat() -> None:
    """A request's draw is a pure function of its key, strictly between 0 and 1."""
    draws = [request_uniform(f"request-{i}") for i in range(2000)]
    assert draws == [request_uniform(f"request-{i}") for i in range(2000)]
    assert 0.0 < min(draws) < max(draws) < 1.0
    assert abs(np.mean(draws) - 0.5) < 4 / np.sqrt(12 * 2000)


def test_request_uniform_is_the_first_block_of_its_key() -> None:
    """The scalar path gives the same 53 bits as the general generator."""
    for key in ("", "a", "01a20290-e74b-7151-ac9d-3253bcaed8dd:" + "f" * 64):
        words = philox4x32((0, 0, 0, 0), derive_seed("request", key))[:, 0]
        high, low = (int(word) for word in words[:2])
        expected = ((high >> 5) * 67108864.0 + (low >> 6) + 0.5) / 9007199254740992.0
        assert request_uniform(key) == expected
