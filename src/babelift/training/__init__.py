"""Training: encoder and head, batches, losses, the loop."""
