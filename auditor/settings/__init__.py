"""What the user decides: `auditor.toml`, the contract, the options of `compare`; how their problems are told."""
