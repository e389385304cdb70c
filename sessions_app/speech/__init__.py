"""The process that writes down what is said, while it is said and afterwards; its engines are in `stt`."""
