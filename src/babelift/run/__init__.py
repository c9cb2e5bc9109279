"""The main job: one training with its evaluation, in a folder of its own."""
