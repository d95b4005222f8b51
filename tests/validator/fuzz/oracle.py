"""The oracle of the validator's fuzzer: sees every value that a program computes.

Loaded into the interpreter before any program. The syntax tree that layer 1 accepted is rewritten,
on its way to the compiler, so that each expression passes through probe(); what no program may hold
ends the process with SEEN. Audit events tell of what is done by calls that hand out no value."""
import abc
import ast
import builtins
import enum
import io
import operator
import os
import sys
import types

SEEN = 77
PROGRAM = "fuzz.py"
REFUSED_TYPES = (types.ModuleType, types.FrameType, types.CodeType, types.CellType,
                 io.FileIO)
REFUSED = {id(thing): name for name, thing in [
    *((name, getattr(builtins, name)) for name in (
        "open", "eval", "exec", "compile", "__import__", "input", "breakpoint", "globals", "locals",
        "vars", "getattr", "setattr", "delattr", "__build_class__")),
    ("sys.modules", sys.modules), ("builtins.__dict__", builtins.__dict__),
    ("os.environ", os.environ), ("posix.environ", sys.modules["posix"].environ),
    ("io.FileIO", io.FileIO), ("operator.attrgetter", operator.attrgetter),
    ("operator.methodcaller", operator.methodcaller), ("CodeType", types.CodeType),
    ("FrameType", types.FrameType), ("ModuleType", types.ModuleType),
    ("type", type), ("ABCMeta", abc.ABCMeta), ("EnumType", type(enum.Enum)),
]}
REFUSED_EVENTS = ("open", "exec", "compile", "os.", "subprocess.", "socket.", "ctypes.", "marshal.",
                  "pickle.", "sys._getframe", "sys.settrace", "sys.setprofile", "gc.", "code.",
                  "function.", "object.__getattr__", "builtins.input", "builtins.breakpoint")
real_compile, write, leave, frame_of = compile, os.write, os._exit, sys._getframe


def report(what):
    write(2, f"\nthe oracle saw {what}\n".encode(errors="replace"))
    leave(SEEN)


def probe(value):
    if isinstance(value, REFUSED_TYPES):
        report(f"a {type(value).__name__}: {value!r}")
    if id(value) in REFUSED:
        report(REFUSED[id(value)])
    if type(value) is dict and "__name__" in value and isinstance(
            value.get("__builtins__"), (dict, types.ModuleType)):
        report("the globals of a module")
    return value


looking = []  # Not empty while audit() itself causes events.


def audit(event, arguments):
    if looking or not event.startswith(REFUSED_EVENTS):
        return
    if event == "open" and arguments[0] == "/canary":
        report("the canary opened")
    if event == "open" and str(arguments[0]).startswith("/usr/"):
        return  # Modules and time zones are opened by the library, in C, on the program's behalf.
    looking.append(event)
    caller = frame_of().f_back
    file = caller.f_code.co_filename if caller else None  # C code may have nobody above it.
    looking.pop()
    if file == PROGRAM:
        report(f"the event {event}")


def imported_names(tree):
    return {(alias.asname or alias.name).partition(".")[0]
            for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))
            for alias in node.names}


class Instrument(ast.NodeTransformer):
    """Wraps what is loaded, called, awaited and yielded; leaves patterns and annotations alone."""

    PROBED = (ast.Call, ast.Await, ast.Yield, ast.YieldFrom, ast.Subscript, ast.Attribute, ast.Name)
    # As the function of a call the compiler or layer 1 knows them.
    KEPT = {"type", "super", "getattr", "setattr", "delattr", "attrgetter", "methodcaller"}

    def __init__(self, tree):
        self.imported = imported_names(tree)

    def visit(self, node):
        visited = super().visit(node)
        loads = isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
        return self.wrapped(visited) if isinstance(node, self.PROBED) and loads else visited

    @staticmethod
    def wrapped(node):
        return ast.copy_location(
            ast.Call(func=ast.Name("_probe_", ast.Load()), args=[node], keywords=[]), node)

    def visit_Attribute(self, node):
        root = node
        while isinstance(root, ast.Attribute):
            root = root.value
        if not (isinstance(root, ast.Name) and root.id in self.imported):
            node.value = self.visit(node.value)
        return node

    def visit_Call(self, node):
        name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
        kept = name in self.KEPT
        function = node.func
        self.generic_visit(node)
        if kept:
            node.func = function
        return node

    def visit_keyword(self, node):
        is_metaclass = node.arg == "metaclass" and ast.unparse(node.value).endswith("ABCMeta")
        return node if is_metaclass else self.generic_visit(node)

    def visit_match_case(self, node):
        node.guard = self.visit(node.guard) if node.guard else None
        node.body = [self.visit(statement) for statement in node.body]
        return node

    def visit_arg(self, node):
        return node

    def visit_AnnAssign(self, node):
        node.value = self.visit(node.value) if node.value else None
        return node


def probed_compile(source, filename, mode, flags=0, *rest, **options):
    if isinstance(source, bytes) and filename == PROGRAM and flags == 0:  # Layer 1 is off.
        source = real_compile(source, filename, mode, ast.PyCF_ONLY_AST, *rest, **options)
    if isinstance(source, ast.AST) and filename == PROGRAM:
        source = ast.fix_missing_locations(Instrument(source).visit(source))
        sys.modules["__main__"].__dict__["_probe_"] = probe
    return real_compile(source, filename, mode, flags, *rest, **options)


builtins.compile = probed_compile
sys.addaudithook(audit)
