def backtest(closes):
    while True:
        pass
