"""A population of loyalty customers whose true expected rewards are known."""
