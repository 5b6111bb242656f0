"""A population of any size lives for a long time, in shards, and is summed up as it goes."""
