"""Models after training: loading and using them."""
