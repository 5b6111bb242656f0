"""The one sampler, and the checks on masks and distributions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from troth.errors import InvalidArgument
from troth.policy import check_distribution, check_mask, normalise, sample


def test_inversion_by_hand() -> None:
    """U picks the first action whose cumulative probability exceeds it."""
    distribution = np.tile([0.25, 0.0, 0.5, 0.25], (6, 1))
    drawn = sample(distribution, np.array([0.0, 0.2499, 0.25, 0.7499, 0.75, 0.9999]))
    assert drawn.tolist() == [0, 0, 2, 2, 3, 3]


@given(
    weights=st.lists(st.floats(0, 1e6), min_size=2, max_size=12),
    u=st.floats(0, 1, exclude_max=True),
)
def test_never_draws_what_has_no_probability(weights: list[float], u: float) -> None:
    """Whatever the rounding, a drawn action has positive probability."""
    mask = np.array([[True, *(w > 0 for w in weights[1:])]])
    distribution = normalise(np.array([weights]), mask)
    drawn = sample(distribution, np.array([u]))[0]
    assert distribution[0, drawn] > 0.0


def test_frequencies_follow_the_distribution() -> None:
    """Draws over a fine grid of u reproduce the probabilities."""
    target = np.array([0.1, 0.6, 0.0, 0.3])
    u = (np.arange(10_000) + 0.5) / 10_000
    drawn = sample(np.tile(target, (u.size, 1)), u)
    assert np.allclose(np.bincount(drawn, minlength=4) / u.size, target, atol=1e-4)


def test_a_row_without_weight_becomes_no_contact() -> None:
    """If everything is masked or weightless, nothing is sent."""
    mask = np.array([[True, False, True]])
    assert normalise(np.array([[0.0, 5.0, 0.0]]), mask).tolist() == [[1.0, 0.0, 0.0]]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ([0.5, 0.5, 0.0], "masked action"),
        ([0.5, 0.0, 0.4], "summing to 1"),
        ([1.5, 0.0, -0.5], "negative or non-finite"),
        ([np.nan, 0.0, 1.0], "negative or non-finite"),
        ([np.inf, 0.0, 0.0], "negative or non-finite"),
        ([-np.inf, np.inf, 1.0], "negative or non-finite"),
    ],
)
def test_a_bad_distribution_is_named(row: list[float], complaint: str) -> None:
    """Each way of not being a distribution has its own message."""
    with pytest.raises(InvalidArgument, match=complaint):
        check_distribution(np.array([row]), np.array([[True, False, True]]))


def test_what_is_no_matrix_of_floats_is_named() -> None:
    """Lists, other types and other shapes are told apart; no rows at all are fine."""
    mask = np.array([[True, True]])
    for answer, complaint in (
        ([[1.0, 0.0]], "a list is no float64 array"),
        (np.array([[1, 0]]), "int64"),
        (np.array([1.0, 0.0]), r"\(2,\) is not float64 \(1, 2\)"),
    ):
        with pytest.raises(InvalidArgument, match=f"distribution: .*{complaint}"):
            check_distribution(answer, mask)  # type: ignore[arg-type]
    assert check_distribution(np.empty((0, 2)), mask[:0]).shape == (0, 2)


def test_a_bad_mask_is_refused() -> None:
    """A mask has the right shape and always allows no contact."""
    with pytest.raises(InvalidArgument, match="no contact"):
        check_mask(np.array([[False, True]]), 1, 2)
    with pytest.raises(InvalidArgument, match="not bool"):
        check_mask(np.array([[1, 1]]), 1, 2)
