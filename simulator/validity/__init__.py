"""How believable a world is: what it does, beside what real customers did."""
