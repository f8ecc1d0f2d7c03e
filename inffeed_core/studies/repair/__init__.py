"""Does checking flags repair a model? Draws, rivals, an annotator played by gold labels, the audit."""
