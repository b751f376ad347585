"""How releases lay out their images: a few readers, which ``fed_reid.data.benchmarks.table`` gives their parameters."""
