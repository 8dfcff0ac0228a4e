"""What outlives a run: agreed values, run folders, the ledger. Personal data stays nowhere else: see `personal`."""
