"""Reads shared libraries of Linux, macOS and Windows: machine, exported names, what they need.

Layouts: System V ABI (ELF), Apple's <mach-o/loader.h>, Microsoft's PE/COFF specification. All are
64-bit and little-endian here.
"""

from dataclasses import dataclass
from struct import calcsize, iter_unpack, unpack_from
from typing import Any

ELF_MACHINES = {62: "x86_64", 183: "aarch64"}
MACH_MACHINES = {0x01000007: "x86_64", 0x0100000C: "arm64"}
PE_MACHINES = {0x8664: "amd64", 0xAA64: "arm64"}


@dataclass(frozen=True)
class ObjectFile:
    """What a shared library says of itself."""

    system: str  # linux, macos or windows
    machine: str
    exports: frozenset[str]
    needs: frozenset[str]  # libraries, and on Linux names, that must come from elsewhere


def read(library: bytes) -> ObjectFile:
    """Read a shared library; raise ValueError if it is of no known kind."""
    if library[:6] == b"\x7fELF\x02\x01":
        return _read_elf(library)
    if library[:4] == b"\xcf\xfa\xed\xfe":
        return _read_mach(library)
    if library[:2] == b"MZ":
        return _read_pe(library)
    raise ValueError(f"no shared library: it begins with {library[:4]!r}")


def _read_elf(library: bytes) -> ObjectFile:
    (machine,) = unpack_from("<H", library, 18)
    (first,) = unpack_from("<Q", library, 40)
    size, count = unpack_from("<HH", library, 58)
    sections = [unpack_from("<IIQQQQIIQQ", library, first + i * size) for i in range(count)]
    exports: set[str] = set()
    needs: set[str] = set()
    for _, kind, _, _, at, length, link, *_ in sections:
        content = library[at : at + length]
        names = library[sections[link][4] :] if kind in (6, 11) else b""
        if kind == 11:  # SHT_DYNSYM
            for name, _, _, section, _, _ in list(iter_unpack("<IBBHQQ", content))[1:]:
                (exports if section else needs).add(_text(names, name))
        if kind == 6:  # SHT_DYNAMIC
            needs |= {_text(names, value) for tag, value in iter_unpack("<qQ", content) if tag == 1}
    return ObjectFile("linux", ELF_MACHINES[machine], frozenset(exports), frozenset(needs))


def _read_mach(library: bytes) -> ObjectFile:
    machine, _, kind, commands = unpack_from("<IIII", library, 4)
    if kind != 6:  # MH_DYLIB
        raise ValueError("no dynamic library")
    exports: set[str] = set()
    needs: set[str] = set()
    at = 32
    for _ in range(commands):
        command, size = unpack_from("<II", library, at)
        if command == 0xC:  # LC_LOAD_DYLIB
            needs.add(_text(library, at + unpack_from("<I", library, at + 8)[0]))
        if command == 2:  # LC_SYMTAB
            symbols, count, names, _ = unpack_from("<IIII", library, at + 8)
            for name, flags, *_ in _table(library, "<IBBHQ", symbols, count):
                if flags & 0x0F == 0x0F:  # N_SECT | N_EXT: defined here and seen outside
                    exports.add(_text(library, names + name).removeprefix("_"))
        at += size
    return ObjectFile("macos", MACH_MACHINES[machine], frozenset(exports), frozenset(needs))


def _read_pe(library: bytes) -> ObjectFile:
    (header,) = unpack_from("<I", library, 0x3C)
    machine, sections, _, _, _, optional = unpack_from("<HHIIIH", library, header + 4)
    directories = header + 24 + 112
    table = list(_table(library, "<8sIIIIIIHHI", header + 24 + optional, sections))

    def offset(address: int) -> int:
        for _, length, start, _, at, *_ in table:
            if start <= address < start + length:
                return int(address - start + at)
        raise ValueError(f"address {address:#x} lies in no section")

    exported, _, imported, _ = unpack_from("<IIII", library, directories)
    exports: set[str] = set()
    needs: set[str] = set()
    if exported:
        count, _, names = unpack_from("<III", library, offset(exported) + 24)
        for (name,) in _table(library, "<I", offset(names), count):
            exports.add(_text(library, offset(name)))
    at = offset(imported) if imported else len(library)
    while at < len(library) and (name := unpack_from("<I", library, at + 12)[0]):
        needs.add(_text(library, offset(name)))
        at += 20
    return ObjectFile("windows", PE_MACHINES[machine], frozenset(exports), frozenset(needs))


def _table(content: bytes, layout: str, at: int, count: int) -> Any:
    return iter_unpack(layout, content[at : at + count * calcsize(layout)])


def _text(content: bytes, at: int) -> str:
    """Return the text that ends with a zero byte."""
    return content[at : content.index(b"\0", at)].decode()
