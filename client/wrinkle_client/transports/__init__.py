"""How requests reach a server: one protocol, and one file per way of speaking to a server.

``transport.py`` says what a way has to offer and ``messages.py`` what goes over it; ``opening.py`` picks one by URL.
"""
