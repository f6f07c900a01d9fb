"""Tables and the contract: read, check, reject, tally and write them."""
