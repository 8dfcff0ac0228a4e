"""Everything that outlives a run: agreed values, run folders, the ledger. Nowhere else does personal data stay."""
