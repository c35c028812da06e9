"""What the product knows about markets and signals. Pure: no I/O, no clock, no provider."""
