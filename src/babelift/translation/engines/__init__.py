"""The back ends, one module for each; its library is imported on use."""
