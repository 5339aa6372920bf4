"""A release rehearsed on the virtual clock: the real plan, watch, kernel and ledger rules in a simulated world."""
