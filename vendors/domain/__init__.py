"""What people do about their shop, one sentence a function."""
