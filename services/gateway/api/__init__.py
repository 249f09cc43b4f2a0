"""HTTP: the same methods, rules and order as on the socket, as JSON resources."""
