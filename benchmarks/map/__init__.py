"""How good proposals are: against hand-made maps of real systems, and on a public benchmark."""
