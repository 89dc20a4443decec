"""What came out, in numbers: runs on disk, figures over seeds, comparisons, mistakes."""
