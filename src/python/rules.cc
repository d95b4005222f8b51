#include "python/rules.h"

#include <algorithm>
#include <array>

#include "base/error.h"

namespace vitrine::python {

namespace {

// A table of texts: rows are read, not wrapped.
// clang-format off
constexpr auto kRules = std::to_array<RuleText>({
    {Rule::kImportNotAllowed, "VT101", "import-not-allowed",
     "a module that the policy does not list",
     "A module brings its own files, processes, sockets or interpreter internals; only those that compute are listed.",
     "use a listed module, or add this one to a policy of your own",
     "import os\nprint(os.getcwd())\n",
     "import math\nprint(math.pi)\n"},
    {Rule::kNameNotAllowed, "VT102", "name-not-allowed",
     "a name that the policy does not list for the module",
     "Modules carry the modules they import as attributes, and functions that read files or make code; each name is listed or it is not there.",
     "use a listed name of the module",
     "import random\nprint(random._os.getpid())\n",
     "import random\nprint(random.random())\n"},
    {Rule::kStarImport, "VT103", "star-import",
     "an import of everything",
     "What it binds cannot be read from the program.",
     "name what you import",
     "from math import *\nprint(pi)\n",
     "from math import pi\nprint(pi)\n"},
    {Rule::kRelativeImport, "VT104", "relative-import",
     "an import relative to a package",
     "A program is one file; there is no package around it.",
     "import by the full name",
     "from . import helpers\n",
     "from math import sqrt\n"},
    {Rule::kImportInClass, "VT105", "import-in-class",
     "an import in a class body",
     "The module would become an attribute of the class, which can be passed around as a value.",
     "import at the top of the program",
     "class Circle:\n    import math\n",
     "import math\nclass Circle:\n    area = math.pi\n"},
    {Rule::kImportOfGlobal, "VT106", "import-of-global",
     "an import that binds a name declared global or nonlocal",
     "The name means different things in different places, so it cannot be told where it is a module.",
     "import at the top of the program",
     "def load():\n    global math\n    import math\n",
     "import math\ndef area(r):\n    return math.pi * r * r\n"},
    {Rule::kModuleAsValue, "VT107", "module-as-value",
     "a module anywhere but before a dot",
     "A module that is passed, stored or compared can be asked for names that nobody checks.",
     "use what you need of it: math.sqrt, not math",
     "import math\ntools = [math]\n",
     "import math\ntools = [math.sqrt, math.floor]\n"},
    {Rule::kModuleChanged, "VT108", "module-changed",
     "an assignment to a module's attribute",
     "Other code of the process relies on the module.",
     "keep your own variable",
     "import math\nmath.pi = 3\n",
     "import math\npi = round(math.pi)\n"},
    {Rule::kImportUnused, "VT109", "import-unused",
     "an import of an interpreter module of which no listed name is used",
     "Such a module is let in only for the harmless names listed for it.",
     "remove the import",
     "import sys\n",
     "import sys\nprint(sys.maxsize)\n"},
    {Rule::kBuiltinNotAllowed, "VT201", "builtin-not-allowed",
     "a built-in function that makes code of text, opens files or shows namespaces",
     "With it a program could do what it was not seen to do.",
     "if it is a variable of yours, bind it at the top of the program before it is used, or rename it",
     "print(eval('1 + 1'))\n",
     "print(int('1') + 1)\n"},
    {Rule::kDunderNotAllowed, "VT202", "dunder-not-allowed",
     "a name with two leading and trailing underscores that is not listed",
     "Such names lead from any object to its class, from there to every other class, and from functions to the modules they live in.",
     "dunder methods of your own classes may be defined; type(x).__name__ and self.__class__ may be used",
     "print(().__class__.__bases__)\n",
     "print(type(()).__name__)\n"},
    {Rule::kTypeNotCalled, "VT203", "type-not-called",
     "'type' anywhere but in type(x), isinstance(x, type), a comparison or an annotation; and making a class by what may be the type of a class",
     "With three arguments it makes classes whose contents nobody has checked; the type of a type is 'type' again.",
     "write type(x) with one argument, or a class statement",
     "Point = type('Point', (), {'x': 0})\n",
     "class Point:\n    x = 0\nprint(type(Point()) is Point)\n"},
    {Rule::kMetaclassNotAllowed, "VT204", "metaclass-not-allowed",
     "a metaclass other than ABCMeta",
     "A metaclass runs code while classes are made, and sees what they are made of.",
     "use a class decorator",
     "class Meta:\n    pass\nclass Model(metaclass=Meta):\n    pass\n",
     "from abc import ABCMeta\nclass Model(metaclass=ABCMeta):\n    pass\n"},
    {Rule::kMangledName, "VT205", "mangled-name",
     "a private name written in its mangled form",
     "In a class Box, __item means _Box__item; the two spellings of one name would be taken for two.",
     "write it as __item inside the class",
     "class Box:\n    def __init__(self):\n        self.__item = 1\nprint(Box()._Box__item)\n",
     "class Box:\n    def __init__(self):\n        self.__item = 1\n    def item(self):\n        return self.__item\nprint(Box().item())\n"},
    {Rule::kCallNotPlain, "VT206", "call-not-plain",
     "a function that may only be called in one plain way",
     "It copies or sets attributes by names that are data, or makes classes: with other arguments, or called by somebody else, it would do so unseen.",
     "call it directly, as in the example",
     "import functools\ndef f():\n    pass\nfunctools.update_wrapper(f, print, assigned=['x'])\n",
     "import functools\ndef logged(f):\n    @functools.wraps(f)\n    def inner(*args):\n        return f(*args)\n    return inner\n"},
    {Rule::kAttributeNotAllowed, "VT301", "attribute-not-allowed",
     "an attribute that leads to frames, code, modules or files",
     "It is a door to the interpreter or the host for whoever holds the right object.",
     "if it is an attribute of a class of yours, let the class define it",
     "def f():\n    yield 1\nprint(f().gi_frame)\n",
     "class Robot:\n    def __init__(self):\n        self.system = 'on'\nprint(Robot().system)\n"},
    {Rule::kAttributeNameNotLiteral, "VT302", "attribute-name-not-literal",
     "an attribute named by something other than a string literal",
     "What is asked for cannot be read from the program.",
     "write the name as a literal, or use a dictionary",
     "print(getattr(1, 're' + 'al'))\n",
     "print(getattr(1, 'real'))\n"},
    {Rule::kFormatNotLiteral, "VT303", "format-not-literal",
     "str.format on a template that cannot be read from the program",
     "The fields of a template reach attributes of its arguments.",
     "call it on a literal or on a variable that only ever holds literals; or use an f-string",
     "def show(template, x):\n    return template.format(x)\n",
     "def show(x):\n    return '{:>8.2f}'.format(x)\nprint(show(1))\n"},
    {Rule::kPrivateAttribute, "VT304", "private-attribute",
     "an attribute with a leading underscore that the program does not define",
     "Libraries keep their modules and evaluators under such names.",
     "use the public name; private attributes of your own classes are fine",
     "def f(frame):\n    return frame._manager\n",
     "class Account:\n    def __init__(self):\n        self._balance = 0\nprint(Account()._balance)\n"},
    {Rule::kPositionalPattern, "VT305", "positional-pattern",
     "a class pattern with positions whose class cannot be read from the program",
     "The class's __match_args__ names the attributes that are read.",
     "use keywords: Point(x=0, y=0)",
     "def f(value, Shape):\n    match value:\n        case Shape(x):\n            return x\n",
     "from dataclasses import dataclass\n@dataclass\nclass Shape:\n    x: int\nmatch Shape(1):\n    case Shape(x):\n        print(x)\n"},
    {Rule::kFileNotAllowed, "VT306", "file-not-allowed",
     "a reader or writer of files on anything but a StringIO or BytesIO",
     "Programs have no files; what they compute they print or hand back.",
     "leave the path out, or give an io.StringIO",
     "import pandas as pd\npd.DataFrame({'a': [1]}).to_csv('/tmp/a.csv')\n",
     "import pandas as pd\nprint(pd.DataFrame({'a': [1]}).to_csv(index=False))\n"},
    {Rule::kAnnotationNotAType, "VT307", "annotation-not-a-type",
     "a string annotation that is more than a type",
     "Libraries evaluate annotations: text in that place is code.",
     "annotate with names, attributes, subscripts and |",
     "def f(x: \"print('hello')\"):\n    return x\n",
     "def f(x: 'list[int] | None'):\n    return x\n"},
    {Rule::kSyntaxError, "VT401", "syntax-error",
     "a program that is not valid Python",
     "It cannot be run.", "",
     "def f(:\n    pass\n", "def f():\n    pass\n"},
    {Rule::kEncoding, "VT402", "encoding",
     "a source that is not UTF-8, or says it is something else",
     "In another encoding the program is another program.",
     "save the source as UTF-8",
     "# -*- coding: latin-1 -*-\nprint(1)\n", "# -*- coding: utf-8 -*-\nprint(1)\n"},
    {Rule::kNullByte, "VT403", "null-byte",
     "a source with a null byte",
     "Tools end reading there and see half a program.",
     "remove it", "", "print('\\0')\n"},
    {Rule::kBidiControl, "VT404", "bidi-control",
     "a warning only: characters that change the direction of text",
     "The source may not be what it looks like.",
     "write the character as an escape", "", "print('\\u202e')\n"},
    {Rule::kSourceTooLarge, "VT405", "source-too-large",
     "a source of more bytes than the policy's limit",
     "Parsing takes memory and time in proportion.", "pass data as data", "", ""},
    {Rule::kTooDeep, "VT406", "too-deep",
     "a program nested deeper than the policy's limit",
     "Parser and compiler recurse.", "", "", ""},
    {Rule::kTooLarge, "VT407", "too-large",
     "a program of more syntax elements than the policy's limit",
     "Parsing takes memory and time in proportion.", "pass data as data", "", ""},
    {Rule::kNodeNotAllowed, "VT408", "node-not-allowed",
     "a language element that this version of the validator does not know",
     "What is not understood is refused: a newer CPython may have syntax that nobody has judged.", "", "", ""},
    {Rule::kSyntaxNotAllowed, "VT409", "syntax-not-allowed",
     "a language element that the policy refuses",
     "A policy may list elements in 'refused_syntax'.", "", "", ""},
    {Rule::kTooManyFindings, "VT410", "too-many-findings",
     "a program with more than 100 findings; the rest are not listed", "", "", "", ""},
    {Rule::kValidatorError, "VT501", "validator-error",
     "a program that the validator could not look at", "What cannot be looked at is refused.", "", "", ""},
    {Rule::kSourceUnreadable, "VT502", "source-unreadable",
     "a source that could not be read", "", "", "", ""},
    {Rule::kNotChecked, "VT503", "not-checked",
     "a source whose check was ended by a limit or a crash",
     "What was not checked is not accepted.", "", "", ""},
});
// clang-format on

/// A message quotes the program, which may hold names as long as it likes.
constexpr std::size_t kMaxMessage = 400;

std::string shortened(std::string message) {
    if (message.size() <= kMaxMessage) return message;
    std::size_t end = kMaxMessage;
    while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xc0U) == 0x80U)
        --end;
    return message.substr(0, end) + "…";
}

struct Replacement {
    std::string_view name;
    std::string_view use;
};

constexpr auto kReplacements = std::to_array<Replacement>({
    {"pickle", "use json"},
    {"marshal", "use json"},
    {"shelve", "use a dict and json"},
    {"subprocess", "there is nothing to execute in a sandbox"},
    {"os", "a program has no files, no processes and no environment worth reading"},
    {"pathlib", "a program has no files; take input from stdin, hand results back by printing"},
    {"threading", "use asyncio, or plain loops"},
    {"multiprocessing", "run several jobs with 'vitrine batch'"},
    {"socket", "there is no network"},
    {"requests", "there is no network"},
    {"urllib", "there is no network"},
    {"inspect", "keep the information in your own objects"},
    {"importlib", "use an import statement"},
    {"logging", "use print"},
    {"eval", "use int(), float() or json.loads() on data"},
    {"exec", "write the code as code"},
    {"open", "read stdin, or keep text in an io.StringIO"},
    {"input", "read sys.stdin"},
    {"__import__", "use an import statement"},
    {"globals", "use a dict of your own"},
    {"locals", "use a dict of your own"},
    {"vars", "use dataclasses.asdict or a dict of your own"},
});

}  // namespace

std::span<const RuleText> all_rules() {
    return kRules;
}

const RuleText& rule_text(Rule rule) {
    return kRules.at(static_cast<std::size_t>(rule));
}

std::string_view replacement_for(std::string_view name) {
    const auto found = std::ranges::find(kReplacements, name, &Replacement::name);
    return found == kReplacements.end() ? std::string_view() : found->use;
}

Finding make_finding(Rule rule, std::string message, std::string_view hint) {
    const RuleText& text = rule_text(rule);
    return {.id = std::string(text.id),
            .rule = std::string(text.slug),
            .message = shortened(std::move(message)),
            .hint = std::string(hint.empty() ? text.instead : hint)};
}

std::string rules_as_markdown() {
    std::string text;
    for (const RuleText& rule : kRules) {
        text += concat("### ", rule.id, " `", rule.slug, "`\n\nRefuses ", rule.title, ".");
        if (!rule.why.empty()) text += concat(" ", rule.why);
        if (!rule.instead.empty()) text += concat("\nInstead: ", rule.instead, ".");
        text += "\n\n";
        if (!rule.refused.empty()) {
            text += concat("Refused:\n\n```python\n", rule.refused, "```\n\n");
        }
        if (!rule.accepted.empty()) {
            text += concat("Accepted:\n\n```python\n", rule.accepted, "```\n\n");
        }
    }
    return text;
}

}  // namespace vitrine::python
