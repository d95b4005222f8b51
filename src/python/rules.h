// Every rule of layer 1 in one table: what a finding is called, why the rule is there, and how a
// program meets it and breaks it. docs/policy.md is made from this table.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "vitrine/result.h"

namespace vitrine::python {

enum class Rule : std::uint8_t {
    kImportNotAllowed,
    kNameNotAllowed,
    kStarImport,
    kRelativeImport,
    kImportInClass,
    kImportOfGlobal,
    kModuleAsValue,
    kModuleChanged,
    kImportUnused,
    kBuiltinNotAllowed,
    kDunderNotAllowed,
    kTypeNotCalled,
    kMetaclassNotAllowed,
    kMangledName,
    kCallNotPlain,
    kAttributeNotAllowed,
    kAttributeNameNotLiteral,
    kFormatNotLiteral,
    kPrivateAttribute,
    kPositionalPattern,
    kFileNotAllowed,
    kAnnotationNotAType,
    kSyntaxError,
    kEncoding,
    kNullByte,
    kBidiControl,
    kSourceTooLarge,
    kTooDeep,
    kTooLarge,
    kNodeNotAllowed,
    kSyntaxNotAllowed,
    kTooManyFindings,
    kValidatorError,
    kSourceUnreadable,
    kNotChecked,
};

/// All texts are static.
struct RuleText {
    Rule rule;
    std::string_view id;        ///< `VT101`: stable for ever.
    std::string_view slug;      ///< `import-not-allowed`: as stable.
    std::string_view title;     ///< What it refuses, as a half sentence.
    std::string_view why;       ///< One or two sentences.
    std::string_view instead;   ///< What to do; empty where there is nothing to say.
    std::string_view refused;   ///< A program it refuses; empty where none can be printed.
    std::string_view accepted;  ///< The nearest program that the policy 'strategy' accepts.
};

/// In the order of their ids.
std::span<const RuleText> all_rules();
const RuleText& rule_text(Rule rule);

/// What to use instead of a module or a built-in that is often asked for; empty when nothing is
/// known.
std::string_view replacement_for(std::string_view name);

/// A finding of `rule` with its id, slug and, unless `hint` says better, the rule's own advice.
Finding make_finding(Rule rule, std::string message, std::string_view hint = {});

/// docs/policy.md, but for its hand-written head.
std::string rules_as_markdown();

}  // namespace vitrine::python
