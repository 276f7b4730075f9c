"""Believable shops and their orders, for whoever wants to see, try or measure Comptoir.

What is rich here was lived through, event by event, by the domain's own functions; what is
many (``bulk``) is written straight into the tables.
"""
