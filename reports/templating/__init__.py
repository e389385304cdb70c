"""Report templates beyond their storage: comparing, files, outlines, the editor and its preview."""
