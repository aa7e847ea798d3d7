// Names and their namespaces.

#include <initializer_list>
#include <vector>

#include "fixtures.h"
#include "test.h"

using namespace test;

namespace {

// In digits, as a test's output is ASCII.
std::string Describe(const Text& name) {
  std::string description = "name";
  for (const WCHAR unit : name) description += " " + std::to_string(static_cast<unsigned>(unit));
  return description;
}

void ExpectRefused(const Text& name, DWORD error) {
  const Case description(Describe(name));
  EXPECT_FAILS(Create(name), error);
  EXPECT_FAILS(Open(name), error);
}

// Creates and opens it. Other processes may have it open too.
void ExpectAllowed(const Text& name) {
  const Case description(Describe(name));
  const Handle created(Create(name));
  EXPECT(created);
  const Handle opened(Open(name));
  EXPECT(opened);
}

}  // namespace

TEST("Local and no prefix are the same namespace") {
  const Text name = UniqueName();
  const Handle plain(Create(name));
  const Handle prefixed(Create(TEXT("Local\\") + name));
  EXPECT_EQ(GetLastError(), ERROR_ALREADY_EXISTS);
  const Handle opened(Open(TEXT("Local\\") + name));
  EXPECT(opened);

  const Text other = UniqueName();
  const Handle other_prefixed(Create(TEXT("Local\\") + other));
  const Handle other_opened(Open(other));
  EXPECT(other_opened);
}

TEST("Global is a namespace of its own") {
  const Text name = UniqueName();
  SetLastError(kUntouched);
  const HANDLE created = Create(TEXT("Global\\") + name);
  EXPECT_EQ(GetLastError(), ERROR_SUCCESS);
  const Handle global(created);
  EXPECT_FAILS(Open(name), ERROR_FILE_NOT_FOUND);
  EXPECT_FAILS(Open(TEXT("Local\\") + name), ERROR_FILE_NOT_FOUND);
  SetLastError(kUntouched);
  const HANDLE created_local = Create(name);
  EXPECT_EQ(GetLastError(), ERROR_SUCCESS);
  const Handle local(created_local);
  const View global_view(Map(global.get()));
  const View local_view(Map(local.get()));
  REQUIRE(global_view && local_view);
  global_view[0] = 42;
  EXPECT_EQ(local_view[0], 0);
  const Handle opened(Open(TEXT("Global\\") + name));
  const View opened_view(Map(opened.get()));
  REQUIRE(opened_view);
  EXPECT_EQ(opened_view[0], 42);
}

TEST("Names compare case sensitively") {
  const Text name = UniqueName();
  const Handle lower(Create(name + TEXT("name")));
  EXPECT_FAILS(Open(name + TEXT("NAME")), ERROR_FILE_NOT_FOUND);
  EXPECT_FAILS(Open(name + TEXT("namE")), ERROR_FILE_NOT_FOUND);
}

TEST("Prefixes compare case sensitively") {
  const Text name = UniqueName();
  for (const Text prefix : {TEXT("local\\"), TEXT("LOCAL\\"), TEXT("global\\"), TEXT("GLOBAL\\")}) {
    ExpectRefused(prefix + name, ERROR_PATH_NOT_FOUND);
    ExpectRefused(prefix, ERROR_PATH_NOT_FOUND);
  }
}

TEST("A leading backslash is ERROR_BAD_PATHNAME") {
  for (const Text name : {TEXT("\\"), TEXT("\\name"), TEXT("\\\\name"), TEXT("\\Local\\name"),
                          TEXT("\\Global\\name"), TEXT("\\BaseNamedObjects\\name")}) {
    ExpectRefused(name, ERROR_BAD_PATHNAME);
  }
}

TEST("Any other backslash is ERROR_PATH_NOT_FOUND") {
  for (const Text name :
       {TEXT("folder\\name"), TEXT("name\\"), TEXT("folder\\\\name"), TEXT("..\\name"),
        TEXT(".\\name"), TEXT("Locals\\name"), TEXT(" Local\\name"), TEXT("Local\\folder\\name"),
        TEXT("Global\\folder\\name"), TEXT("Local\\name\\"), TEXT("Local\\..\\name")}) {
    ExpectRefused(name, ERROR_PATH_NOT_FOUND);
  }
}

TEST("Nothing after the prefix is ERROR_INVALID_NAME") {
  for (const Text name : {TEXT("Local\\"), TEXT("Global\\"), TEXT("Local\\\\"),
                          TEXT("Local\\\\name"), TEXT("Global\\\\name")}) {
    ExpectRefused(name, ERROR_INVALID_NAME);
  }
}

TEST("A prefix without its backslash is no name for a mapping") {
  for (const Text name : {TEXT("Local"), TEXT("Global"), TEXT("Session")}) {
    for (const Text prefix : {TEXT(""), TEXT("Local\\"), TEXT("Global\\")}) {
      ExpectRefused(prefix + name, ERROR_INVALID_HANDLE);
    }
  }
}

TEST("OpenFileMappingW without a name is ERROR_INVALID_PARAMETER") {
  EXPECT_FAILS(OpenFileMappingW(FILE_MAP_READ, /*bInheritHandle=*/FALSE, /*lpName=*/nullptr),
               ERROR_INVALID_PARAMETER);
}

TEST("OpenFileMappingW with an empty name is ERROR_INVALID_HANDLE") {
  const Handle anonymous(Create(Text()));
  EXPECT_FAILS(Open(Text()), ERROR_INVALID_HANDLE);
}

TEST("OpenFileMappingW of a free name is ERROR_FILE_NOT_FOUND") {
  const Text name = UniqueName();
  for (const DWORD access : std::initializer_list<DWORD>{FILE_MAP_COPY, FILE_MAP_READ,
                                                         FILE_MAP_WRITE, FILE_MAP_ALL_ACCESS}) {
    EXPECT_FAILS(Open(name, access), ERROR_FILE_NOT_FOUND);
    EXPECT_FAILS(Open(TEXT("Local\\") + name, access), ERROR_FILE_NOT_FOUND);
    EXPECT_FAILS(Open(TEXT("Global\\") + name, access), ERROR_FILE_NOT_FOUND);
  }
}

TEST("Every character but the backslash is allowed in a name") {
  std::vector<unsigned> units;
  for (unsigned unit = 1; unit < 0x180; ++unit) units.push_back(unit);
  for (unsigned unit = 0x180; unit < 0x10000; unit += 251) units.push_back(unit);
  for (const unsigned unit :
       {0xD800u, 0xDBFFu, 0xDC00u, 0xDFFFu, 0xFEFFu, 0xFFFDu, 0xFFFEu, 0xFFFFu}) {
    units.push_back(unit);
  }
  const Text name = UniqueName();
  for (const unsigned unit : units) {
    if (unit == '\\') continue;
    ExpectAllowed(name + static_cast<WCHAR>(unit));
    ExpectAllowed(static_cast<WCHAR>(unit) + name);
  }
}

TEST("A name that looks like a path or a command is only a name") {
  for (const Text name : {TEXT("."),
                          TEXT(".."),
                          TEXT("/"),
                          TEXT("./"),
                          TEXT("../"),
                          TEXT("/etc/passwd"),
                          TEXT("../../kernel32-test"),
                          TEXT("kernel32/test"),
                          TEXT("Local/"),
                          TEXT("C:"),
                          TEXT("C:/kernel32-test"),
                          TEXT("NUL"),
                          TEXT("CON"),
                          TEXT("~"),
                          TEXT("%"),
                          TEXT("%2F"),
                          TEXT("%s%n"),
                          TEXT("$(kernel32-test)"),
                          TEXT("*"),
                          TEXT("?"),
                          TEXT("-rf"),
                          TEXT(" "),
                          TEXT(".lock"),
                          TEXT("\n")}) {
    ExpectAllowed(name);
    ExpectAllowed(TEXT("Local\\") + name);
    ExpectAllowed(TEXT("Global\\") + name);
  }
}

TEST("Names that differ in anything are different objects") {
  const Text name = UniqueName();
  std::vector<Text> names;
  for (const Text suffix : {TEXT("x"),
                            TEXT("X"),
                            TEXT("x "),
                            TEXT("x."),
                            TEXT("/x"),
                            TEXT("%2Fx"),
                            TEXT("%x"),
                            TEXT("%25x"),
                            TEXT("_x"),
                            TEXT("x\n"),
                            TEXT("\x00E9"),
                            TEXT("\x00C9"),
                            TEXT("e\x0301"),
                            TEXT("\xD800"),
                            TEXT("\xD801"),
                            TEXT("\xDC00"),
                            TEXT("\xDC00\xD800"),
                            TEXT("\xD800\xDC00"),
                            TEXT("\xFFFD"),
                            TEXT("\xFFFD\xFFFD"),
                            TEXT("?"),
                            TEXT("\x212A"),
                            TEXT("K"),
                            TEXT("\xFEFFx")}) {
    names.push_back(name + suffix);
    names.push_back(suffix + name);
  }
  std::vector<Handle> mappings;
  std::vector<View> views;
  for (const Text& each : names) {
    const Case description(Describe(each));
    SetLastError(kUntouched);
    const HANDLE created = Create(each);
    EXPECT_EQ(GetLastError(), ERROR_SUCCESS);
    mappings.emplace_back(created);
    views.emplace_back(Map(created));
    REQUIRE(views.back());
    views.back()[0] = static_cast<BYTE>(views.size());
  }
  for (SIZE_T i = 0; i < names.size(); ++i) {
    const Case description(Describe(names[i]));
    const Handle opened(Open(names[i]));
    const View view(Map(opened.get()));
    REQUIRE(view);
    EXPECT_EQ(view[0], static_cast<BYTE>(i + 1));
  }
}

TEST("A name of MAX_PATH characters is allowed whatever they are") {
  for (const Text prefix : {TEXT(""), TEXT("Local\\"), TEXT("Global\\")}) {
    for (const WCHAR unit :
         {TEXT('x'), TEXT('/'), TEXT('%'), TEXT('.'), TEXT(' '), TEXT('\x4E2D'), TEXT('\xFFFD')}) {
      const Text start = prefix + UniqueName();
      const Text padded = start + Text(MAX_PATH - 1 - start.size(), unit);
      const Text name = padded + TEXT('1');
      const Text neighbour = padded + TEXT('2');
      ExpectAllowed(name);
      const Handle mapping(Create(name));
      const Case description(Describe(neighbour));
      EXPECT_FAILS(Open(neighbour), ERROR_FILE_NOT_FOUND);
    }
  }
}

TEST("A thousand names live beside each other") {
  const Text name = UniqueName();
  std::vector<Handle> mappings;
  for (unsigned i = 0; i < 1000; ++i) {
    SetLastError(kUntouched);
    const HANDLE created = Create(name + ToText(i));
    EXPECT_EQ(GetLastError(), ERROR_SUCCESS);
    mappings.emplace_back(created);
  }
  for (unsigned i = 0; i < 1000; ++i) {
    const Handle opened(Open(name + ToText(i)));
    EXPECT(opened);
  }
  mappings.clear();
  EXPECT_FAILS(Open(name + ToText(500)), ERROR_FILE_NOT_FOUND);
}
