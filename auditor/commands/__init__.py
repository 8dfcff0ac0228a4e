"""What each command does, one module per command by its name. What is typed and read stands in `auditor.cli`."""
