"""What came out, told: words, plots and pages made from stored runs alone."""
