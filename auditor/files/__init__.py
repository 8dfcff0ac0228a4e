"""Files that appear whole, their formats, and the data that travels with the program."""
