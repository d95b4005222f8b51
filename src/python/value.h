// Values between Python and the outside: the job's value as strict JSON, entry arguments as
// objects.
#pragma once

#include <string>

#include "python/api.h"
#include "python/claims.h"

namespace vitrine::python {

/// Turns `object` into one strict JSON value. NaN and infinities become null, integers beyond 64
/// bits strings, each with a note; numpy scalars and arrays (anything with `tolist`) become
/// numbers and arrays. Throws Error naming the place (`$.a[3]`) of what has no JSON form, of
/// nesting deeper than 64, and of a text longer than kMaxClaimBytes. Runs code of the object's
/// class.
ValueClaim to_json(const Api& api, PyObject* object);

/// Makes Python objects out of JSON text by Python's own json module. Null with the Python error
/// set on failure.
Ref from_json(const Api& api, const std::string& text);

}  // namespace vitrine::python
