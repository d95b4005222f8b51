# What numpy, pandas and scipy say inside and outside of a sandbox must be the same, to the digit.
import io

import numpy
import pandas
import scipy.integrate
import scipy.linalg
import scipy.optimize
import scipy.stats

generator = numpy.random.default_rng(7)
matrix = generator.normal(size=(60, 60))
print("inverse", numpy.allclose(numpy.linalg.inv(matrix) @ matrix, numpy.eye(60)))
print("spectrum", round(float(abs(numpy.fft.fft(matrix[0])).sum()), 6))
print("eigenvalues", numpy.round(scipy.linalg.eigvalsh(matrix + matrix.T)[:3], 6).tolist())

rosenbrock = scipy.optimize.minimize(scipy.optimize.rosen, [1.3, 0.7, 0.8], method="BFGS")
print("minimum", rosenbrock.success, numpy.round(rosenbrock.x, 3).tolist())
print("root", round(scipy.optimize.brentq(lambda x: x**3 - 2, 0, 2), 9))
print("integral", round(scipy.integrate.quad(numpy.exp, 0, 1)[0], 9))
print("normal", round(float(scipy.stats.norm.ppf(0.975)), 9))

days = pandas.date_range("2026-01-01", periods=90, tz="Europe/Berlin")
frame = pandas.DataFrame({"price": 100 + generator.normal(size=90).cumsum()}, index=days)
print(frame["price"].rolling(10).mean().round(4).tail(3).to_dict())
frame["month"] = frame.index.month
print(frame.groupby("month")["price"].agg(["mean", "std"]).round(4).to_csv())
text = frame.to_csv()
print("csv", pandas.read_csv(io.StringIO(text), index_col=0).shape, len(text))
