"""What Vitis HLS rejects or warns about, found in the sources before Vitis sees them.

A text-level check of hand-written templates and generated files, not a compiler: it knows the constructs that isobit
uses and the pragmas of UG1399. Every rule is a function from the project to its findings.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from isobit.build.folder import Build
from isobit.check.lint.arrays import many_ports
from isobit.check.lint.project import Finding, Project, constant_name
from isobit.check.lint.rewind import rewinds
from isobit.check.lint.source import Function, Item, calls, read_source, walk
from isobit.check.lint.structs import loose_words, struct_arrays

HEADERS = frozenset(["stdint.h", "ap_int.h", "hls_stream.h", "ap_axi_sdata.h"])
PRAGMAS: dict[str, tuple[str, str]] = {
    # name: (where it may stand, its options)
    "AGGREGATE": ("body", "variable compact"),
    "ALLOCATION": ("body", "type instances limit"),
    "ARRAY_PARTITION": ("body", "variable type block cyclic complete factor dim off"),
    "ARRAY_RESHAPE": ("body", "variable type block cyclic complete factor dim off object"),
    "BIND_OP": ("body", "variable op impl latency"),
    "BIND_STORAGE": ("body", "variable type impl latency"),
    "DATAFLOW": ("function", "disable_start_propagation"),
    "DEPENDENCE": ("body", "variable class type direction distance dependent inter intra RAW WAR WAW true false"),
    "DISAGGREGATE": ("body", "variable"),
    "FUNCTION_INSTANTIATE": ("body", "variable"),
    "INLINE": ("function", "off recursive"),
    "INTERFACE": ("function", "mode port register_mode bundle depth register offset"),
    "LATENCY": ("head", "min max"),
    "LOOP_FLATTEN": ("loop", "off"),
    "LOOP_TRIPCOUNT": ("loop", "min max avg"),
    "PIPELINE": ("head", "II off rewind style"),
    "RESET": ("body", "variable off"),
    "STABLE": ("body", "variable"),
    "STREAM": ("body", "variable depth type off"),
    "UNROLL": ("loop", "factor skip_exit_check off"),
}
"""Pragmas of UG1399. ``function``: before a function's statements; ``loop``: before a loop's; ``head``: before those of
either; ``body``: anywhere in a function, after the declaration of its variable."""


def lint_build(build: Build) -> tuple[Finding, ...]:
    """Findings in a build's generated C++ (not its testbench), by file and line: none in what isobit wrote."""
    build.refuse_without_cpp()
    return lint([build.path / name for name in build.backend.sources(sorted(build.manifest.files))])


def lint(paths: list[Path]) -> tuple[Finding, ...]:
    """Findings in these files, which are read as one project."""
    project = Project(tuple(read_source(p) for p in paths))
    found = {finding for rule in RULES for finding in rule(project)}
    return tuple(sorted(found, key=lambda f: (paths.index(f.path), f.line, f.rule, f.message)))


def pragma_rules(project: Project) -> Iterator[Finding]:
    """``pragma-unknown``, ``pragma-place``: a known pragma with known options where it takes effect."""
    for source in project.sources:
        for item in walk(source.items):
            if item.kind == "pragma" and item.text.split()[:1] != ["once"]:
                yield Finding("pragma-place", source.path, item.line, f"outside any function: {item.text}")
    for f in project.functions:
        yield from _pragmas_in(project, f, f.body, "function", {*f.parameter_names, *project.constants})


def _pragmas_in(
    project: Project, f: Function, body: tuple[Item, ...], place: str, declared: set[str]
) -> Iterator[Finding]:
    at_head = True
    for item in body:
        if item.kind == "pragma":
            problem = _pragma_problem(item.text, place if at_head else "", declared)
            if problem:
                yield Finding(*problem[:1], f.path, item.line, problem[1])
            continue
        # Declarations of types and compile-time checks make no hardware: a pragma may follow them.
        at_head = at_head and item.text.startswith(("static const ", "static_assert", "typedef ", "constexpr "))
        declared = declared | set(re.findall(r"\b[A-Za-z_]\w*", item.text))
        if item.kind == "block":
            loop = re.match(r"for\b", item.text)
            yield from _pragmas_in(project, f, item.body, "loop" if loop else "block", declared)


def _pragma_problem(text: str, place: str, declared: set[str]) -> tuple[str, str] | None:
    words = text.split()
    if words[:1] != ["HLS"] or len(words) < 2 or words[1].upper() not in PRAGMAS:
        return "pragma-unknown", f"Vitis HLS does not know: {text}"
    where, options = PRAGMAS[words[1].upper()]
    given = dict(re.findall(r"(\w+)(?:\s*=\s*([^\s=]+))?", " ".join(words[2:])))
    unknown = sorted(set(given) - set(options.split()))
    if unknown:
        return "pragma-unknown", f"{words[1]} has no option {', '.join(unknown)}"
    if where != "body" and place not in (("function", "loop") if where == "head" else (where,)):
        return "pragma-place", f"{words[1]} belongs at the beginning of a {where.replace('head', 'function or loop')}"
    variable = re.split(r"[.\[]", given.get("variable", ""))[0]
    if variable and variable not in declared:
        return "pragma-place", f"{words[1]}: {variable} is not declared above"
    return None


def bounds(project: Project) -> Iterator[Finding]:
    """``variable-bound``: every loop counts to a constant, so that it can be unrolled, pipelined and scheduled."""
    for f in project.functions:
        if not f.is_constexpr:
            known = project.constants | set(re.findall(r"\b(\w+)\s*(?=[,>])", f.head))
            known |= {name for item in walk(f.body) if (name := constant_name(item.text))}
            for line, message in _bounds_in(f.body, known):
                yield Finding("variable-bound", f.path, line, message)


def _bounds_in(body: tuple[Item, ...], known: set[str] | frozenset[str]) -> Iterator[tuple[int, str]]:
    for item in body:
        if re.match(r"(while|do)\b", item.text):
            yield item.line, "a loop without a constant bound"
        elif re.match(r"for\b", item.text):
            unknown = sorted(_bound(item.text) - known)
            if unknown:
                yield item.line, f"the loop depends on {', '.join(unknown)}"
        yield from _bounds_in(item.body, known)


def _bound(header: str) -> set[str]:
    """The unqualified names in a for loop's first value and its condition, without its counter."""
    clauses = header[header.find("(") + 1 : header.rfind(")")].split(";")
    if len(clauses) != 3:
        return {"a range"}
    match = re.search(r"(\w+)\s*=", clauses[0])
    counter = match[1] if match else ""
    # What is qualified (Cfg::PE) is a static constant: nothing else can be.
    text = re.sub(r"\b\w+(<[^<>;]*>)?::\w+", "0", clauses[0].partition("=")[2] + ";" + clauses[1])
    return set(re.findall(r"\b[A-Za-z_]\w*", text)) - {counter}


def forbidden(project: Project) -> Iterator[Finding]:
    """``dynamic-memory``, ``unsupported``: what has no hardware."""
    rules = {
        "dynamic-memory": r"\b(new|delete|malloc|calloc|realloc|free|alloca)\b|\bstd\s*::\s*\w+",
        "unsupported": r"\b(throw|try|catch|virtual|goto|dynamic_cast|typeid|asm|setjmp|thread_local)\b",
    }
    for source in project.sources:
        bodies = [walk(source.items), *(walk(f.body) for f in source.functions)]
        for item in (i for body in bodies for i in body if i.kind in ("statement", "block")):
            for rule, pattern in rules.items():
                for match in re.finditer(pattern, item.text):
                    yield Finding(rule, source.path, item.line, match[0])


def includes(project: Project) -> Iterator[Finding]:
    """``header``: only what Vitis HLS has, and the project's own files."""
    own = {s.path.name for s in project.sources} | {f"{s.path.parent.name}/{s.path.name}" for s in project.sources}
    for source in project.sources:
        for item in walk(source.items):
            if item.kind == "include" and (name := item.text.strip('<>" ')) not in HEADERS | own:
                yield Finding("header", source.path, item.line, f"{name} does not come with Vitis HLS or the project")


def recursion(project: Project) -> Iterator[Finding]:
    """``recursion``: a function that reaches itself; constexpr functions run in the compiler and may."""
    calls = {f.name: set[str]() for f in project.functions if not f.is_constexpr}
    for f in project.functions:
        if f.name in calls:
            text = " ".join(i.text for i in walk(f.body))
            calls[f.name] |= set(re.findall(r"(?<![.>\w])(\w+)\s*(?:<[^;{}()]*>)?\s*\(", text)) & set(calls)
    for f in project.functions:
        if f.name in calls and f.name in _reached(f.name, calls):
            yield Finding("recursion", f.path, f.line, f"{f.name} calls itself")


def _reached(name: str, calls: dict[str, set[str]]) -> set[str]:
    reached, todo = set[str](), set(calls[name])
    while todo:
        reached |= todo
        todo = {c for n in todo for c in calls[n]} - reached
    return reached


def dataflow(project: Project) -> Iterator[Finding]:
    """``stream``: in a dataflow region every stream is written by one process and read by one that comes later."""
    for f in project.functions:
        if any(i.kind == "pragma" and i.text.split()[:2] == ["HLS", "DATAFLOW"] for i in f.body):
            yield from _region(project, f)


def _region(project: Project, f: Function) -> Iterator[Finding]:
    local = {m[1]: i.line for i in f.body if (m := re.match(r"hls\s*::\s*stream\s*<.*>\s*(\w+)\s*(?:\(|$)", i.text))}
    ports = {n for n, p in zip(f.parameter_names, f.parameters, strict=True) if "hls::stream" in p}
    uses = [use for item in f.body if item.kind == "statement" for use in _uses(project, item)]
    for name in sorted({*local, *ports}):
        mine = [(way, line) for stream, way, line in uses if stream == name]
        count = Counter(way for way, _ in mine)
        line = local.get(name, f.line)
        if name in ports and len(mine) != 1:
            yield Finding("stream", f.path, line, f"port {name} is used {len(mine)} times")
        elif name in local and (count["read"], count["write"]) != (1, 1):
            yield Finding("stream", f.path, line, f"{name} is written {count['write']} and read {count['read']} times")
        elif name in local and mine[0][0] == "read":
            yield Finding("stream", f.path, mine[0][1], f"{name} is read before it is written")


def _uses(project: Project, item: Item) -> Iterator[tuple[str, str, int]]:
    """Streams that a statement of the region hands to a process or touches itself: name, way, line."""
    for stream, way in re.findall(r"\b(\w+)\s*\.\s*(read|write)\s*\(", item.text):
        yield stream, way, item.line
    for name, given in calls(item.text):
        function = project.named(name, len(given))
        for i, argument in enumerate(given if function else ()):
            way = _way(project, function, i) if function else ""
            if way:
                yield argument, way, item.line


def _way(project: Project, f: Function, index: int) -> str:
    """Whether a function reads or writes its parameter, itself or through a function it hands it to; "" if neither."""
    name = f.parameter_names[min(index, len(f.parameters) - 1)]  # a pack's arguments share its name
    text = " ; ".join(i.text for i in walk(f.body))
    for way in ("read", "write"):
        if re.search(rf"\b{name}\s*\.\s*{way}\s*\(", text):
            return way
    for called, given in calls(text):
        inner = project.named(called, len(given))
        if inner is not None and inner is not f and name in given:
            return _way(project, inner, given.index(name))
    return ""


RULES: tuple[Callable[[Project], Iterator[Finding]], ...] = (
    pragma_rules, bounds, forbidden, includes, recursion, dataflow, struct_arrays, loose_words, rewinds, many_ports,
)  # fmt: skip
