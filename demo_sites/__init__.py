"""Dealership websites that are not: for trying the automation by hand, and for its tests.

Every site has a host of its own, `<name>.localhost:<port>`; one server in this process serves them all and keeps
what each was sent. The tests believe that log, never a page.
"""
