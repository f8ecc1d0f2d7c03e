"""InfFeed: influence functions as feedback for text classifiers.

Banerjee, Sarkar, Saha, Mathew, Mukherjee, LREC-COLING 2024, arXiv 2402.14702.
"""

__version__ = "0.1.0"
