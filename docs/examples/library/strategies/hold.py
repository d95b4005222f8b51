def backtest(closes):
    return round(closes[-1] / closes[0] - 1, 4)
