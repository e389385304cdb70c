"""What pages show: stored rows turned into lines, words and counts, so that templates only lay out."""
