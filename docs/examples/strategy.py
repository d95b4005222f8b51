"""A moving-average crossover, tested on daily closing prices.

    vitrine run --entry backtest --args "$(cat docs/examples/prices.json)" docs/examples/strategy.py

Prices come in as arguments, the metrics go out as the result's value; what is printed is for you.
"""

import math
import statistics
from dataclasses import dataclass

TRADING_DAYS = 252
COST_PER_TRADE = 0.0005


@dataclass
class Trade:
    opened: int
    closed: int
    bought_at: float
    sold_at: float

    def gain(self):
        return self.sold_at / self.bought_at - 1 - 2 * COST_PER_TRADE


def moving_average(closes, days):
    """The mean of the last `days` closes; None until there are that many."""
    averages = [None] * len(closes)
    total = 0.0
    for day, close in enumerate(closes):
        total += close
        if day >= days:
            total -= closes[day - days]
        if day >= days - 1:
            averages[day] = total / days
    return averages


def find_trades(closes, fast, slow):
    """Long while the fast average is above the slow one; decided at a close, done at the next."""
    quick, calm = moving_average(closes, fast), moving_average(closes, slow)
    trades, opened = [], None
    for day in range(slow, len(closes)):
        is_up = quick[day - 1] > calm[day - 1]
        if is_up and opened is None:
            opened = day
        elif not is_up and opened is not None:
            trades.append(Trade(opened, day, closes[opened], closes[day]))
            opened = None
    if opened is not None:
        trades.append(Trade(opened, len(closes) - 1, closes[opened], closes[-1]))
    return trades


def equity_curve(closes, trades):
    equity = [1.0]
    held = {day for trade in trades for day in range(trade.opened + 1, trade.closed + 1)}
    borders = {day for trade in trades for day in (trade.opened, trade.closed)}
    for day in range(1, len(closes)):
        growth = closes[day] / closes[day - 1] if day in held else 1.0
        equity.append(equity[-1] * growth * (1 - COST_PER_TRADE if day in borders else 1.0))
    return equity


def max_drawdown(equity):
    peak, worst = equity[0], 0.0
    for value in equity:
        peak = max(peak, value)
        worst = min(worst, value / peak - 1)
    return worst


def sharpe(equity):
    returns = [after / before - 1 for before, after in zip(equity, equity[1:])]
    spread = statistics.pstdev(returns)
    return 0.0 if spread == 0 else statistics.fmean(returns) / spread * math.sqrt(TRADING_DAYS)


def print_trades(trades):
    print("   opened   closed     bought       sold      gain")
    for trade in trades:
        print(
            f"  day {trade.opened:>3}  day {trade.closed:>3}"
            f" {trade.bought_at:>10.2f} {trade.sold_at:>10.2f} {trade.gain():>+9.2%}"
        )


def backtest(closes, fast=10, slow=30):
    trades = find_trades(closes, fast, slow)
    equity = equity_curve(closes, trades)
    print(f"{len(closes)} closes, moving averages of {fast} and {slow} days")
    print_trades(trades)
    metrics = {
        "trades": len(trades),
        "won": sum(trade.gain() > 0 for trade in trades),
        "return": round(equity[-1] - 1, 4),
        "buy_and_hold": round(closes[-1] / closes[0] - 1, 4),
        "max_drawdown": round(max_drawdown(equity), 4),
        "sharpe": round(sharpe(equity), 2),
    }
    for name, value in metrics.items():
        print(f"  {name:<14}{value:>8}")
    return metrics
