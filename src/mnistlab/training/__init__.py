"""How a run learns: one trial, one seed, weights and figures out."""
