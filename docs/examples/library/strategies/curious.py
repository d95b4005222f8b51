import socket


def backtest(closes):
    return socket.gethostname()
