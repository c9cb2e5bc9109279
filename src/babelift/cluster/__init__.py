"""Where work runs: this process, a Ray cluster, or processes that a launcher started."""
