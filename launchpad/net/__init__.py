"""Sockets and HTTP for engines that are reached by them: read without blocking, waited for together."""
