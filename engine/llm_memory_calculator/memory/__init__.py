"""What a device must hold: the ledger, and what stands in it beside weights and cache."""
