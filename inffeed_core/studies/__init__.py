"""The benchmarks of worth and truth, on data whose gold labels are known."""
