"""Sockets and HTTP outside, only NATS inside. Kill a gateway, and its clients go on at another one."""
