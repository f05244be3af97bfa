"""What the three functions have in common. It knows none of them."""
