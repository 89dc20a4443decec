"""What came out: runs on disk, and the tables, plots and reports made from them alone."""
