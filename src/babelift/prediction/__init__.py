"""Using a trained classifier: opened from its folder, texts in, probabilities out."""
