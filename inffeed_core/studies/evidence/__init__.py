"""Tables, plots and pages of the evidence."""
