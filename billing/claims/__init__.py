"""Insurance claims as data: the boxes of the form, what is missing in them, and the files made of them."""
