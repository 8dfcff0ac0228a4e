"""What carries out expressions: DuckDB in this process, or a Spark cluster; and the functions that both have."""
