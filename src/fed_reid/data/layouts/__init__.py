"""How releases lay out their images: a few readers, which ``fed_reid.data.benchmarks`` gives their parameters."""
