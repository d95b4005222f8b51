#include "support/validation.h"

#include "base/error.h"
#include "python/policy_file.h"
#include "python/source_check.h"
#include "python/validator.h"
#include "support/interpreter.h"

namespace vitrine::test {

using python::Api;
using python::check_source;
using python::finding_from_syntax_error;
using python::load_policy;
using python::Policy;
using python::Ref;
using python::validate;

const Policy& strategy() {
    static const Policy policy = load_policy("strategy", VITRINE_SOURCE_ROOT "/profiles/policy");
    return policy;
}

std::vector<Finding> findings_of(const std::string& source, const Policy& policy) {
    return findings_by(shared_interpreter().api(), source, policy);
}

std::vector<Finding> findings_by(const Api& api, const std::string& source, const Policy& policy) {
    std::vector<Finding> findings = check_source(source, policy);
    if (!findings.empty()) return findings;
    PyCompilerFlags flags{};
    flags.cf_flags = PyCF_ONLY_AST;
    flags.cf_feature_version = PY_MINOR_VERSION;
    const Ref tree(
        api, api.Py_CompileStringExFlags(source.c_str(), "<test>", Py_file_input, &flags, -1));
    if (!tree) return {finding_from_syntax_error(api)};
    findings = validate(api, tree.get(), source, policy);
    if (!findings.empty()) return findings;
    // Some syntax errors show only when the tree is compiled.
    const Ref builtins(api, api.PyImport_ImportModule("builtins"));
    const Ref code(api, api.PyObject_CallMethod(builtins.get(), "compile", "Oss", tree.get(),
                                                "<test>", "exec"));
    if (!code) return {finding_from_syntax_error(api)};
    return {};
}

std::string described(const std::vector<Finding>& findings) {
    std::string text;
    for (const Finding& finding : findings) {
        text += concat(finding.line, ":", finding.column, " ", finding.rule, ": ", finding.message,
                       "\n");
    }
    return text;
}

}  // namespace vitrine::test
