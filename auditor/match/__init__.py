"""Which rows of the two sides are one profile: by the key, or by a fallback key."""
