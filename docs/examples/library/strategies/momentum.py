import statistics


def backtest(closes, days=3):
    worth = 1.0
    for day in range(days, len(closes)):
        if closes[day - 1] > statistics.fmean(closes[day - days : day]):
            worth *= closes[day] / closes[day - 1]
    return round(worth - 1, 4)
