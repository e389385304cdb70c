"""Reports, the links to them, and their templates, for programs."""
