"""A run as one static page: no server, no script or picture from elsewhere."""
