"""The product as a person meets it: a real server process, a real browser, real faults between."""
