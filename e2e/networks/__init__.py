"""The product in a real browser, through each real middlebox.

    python -m e2e.networks --write          measure all rows, write the table of docs/networks.md
    python -m e2e.networks --full-idle      silence past every time-out, up to an hour of it
    python -m e2e.networks nginx squid-tls  measure these and print them
    pytest e2e/networks                     the same as tests, and known failures through real boxes

Rows are mostly waiting, so they run side by side, each with a server, a box and a browser context
of its own. Everything has the product's own timings.
"""
