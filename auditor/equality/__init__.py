"""What makes two values equal: rules, the primitives they are made of, derived columns, and one value alone."""
