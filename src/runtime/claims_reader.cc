#include "runtime/claims_reader.h"

#include "base/error.h"

namespace vitrine::runtime {

using python::ClaimKind;
using sandbox::ReportKind;

void ClaimsReader::feed(std::span<const std::byte> bytes) {
    reader_.feed(bytes);
    while (const auto frame = reader_.next()) {
        try {
            take(*frame);
        } catch (const Error&) {
            // Not a frame of ours; the job's own scribbling.
        }
    }
}

void ClaimsReader::finish() {
    if (claims_.starting && !claims_.failure) claims_.accepted = claims_.starting;
}

void ClaimsReader::take(const Frame& frame) {
    if (claims_.accepted) {
        take_claim(frame);
    } else {
        take_trusted(frame);
    }
}

void ClaimsReader::take_trusted(const Frame& frame) {
    switch (frame.kind) {
        case static_cast<std::uint32_t>(ReportKind::kFailure):
            claims_.failure = sandbox::decode_failure(frame.bytes);
            break;
        case static_cast<std::uint32_t>(ReportKind::kListening):
            claims_.listening = sandbox::decode_listening(frame.bytes);
            break;
        case static_cast<std::uint32_t>(ReportKind::kConfined):
            claims_.confined = sandbox::decode_confined(frame.bytes);
            break;
        case static_cast<std::uint32_t>(ClaimKind::kFindings):
            claims_.findings = python::decode_findings(frame.bytes);
            break;
        case static_cast<std::uint32_t>(ClaimKind::kChecking):
            claims_.checking = python::decode_checked(frame.bytes).index;
            break;
        case static_cast<std::uint32_t>(ClaimKind::kChecked):
            claims_.checked.push_back(python::decode_checked(frame.bytes));
            break;
        case static_cast<std::uint32_t>(ClaimKind::kAccepted):
            claims_.accepted = python::decode_accepted(frame.bytes);
            break;
        case static_cast<std::uint32_t>(ClaimKind::kStarting):
            claims_.starting = python::decode_accepted(frame.bytes);
            break;
        default:
            break;
    }
}

void ClaimsReader::take_claim(const Frame& frame) {
    if (frame.kind == static_cast<std::uint32_t>(ClaimKind::kValue)) {
        claims_.value = python::decode_value(frame.bytes);
    } else if (frame.kind == static_cast<std::uint32_t>(ClaimKind::kException)) {
        claims_.exception = python::decode_exception(frame.bytes);
    }
}

}  // namespace vitrine::runtime
