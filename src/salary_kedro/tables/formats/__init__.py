"""Tables in the formats that people have, told by what a file holds and never by its name."""
