"""What an audit came to, as finished values; the sentences for it; the moments that its inputs show."""
