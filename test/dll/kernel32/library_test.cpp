// LoadLibraryW, GetProcAddress and FreeLibrary. TEST_LIBRARY is the file of the
// DLL beside this program, LINKED_LIBRARY the one of kernel32; the build names both.

#include <filesystem>
#include <fstream>

#include "fixtures.h"
#include "test.h"

using namespace test;

namespace {

// As LoadLibraryW wants it: with the system's own separators.
Text LibraryPath() {
  const std::filesystem::path program = ProgramPath();
  return (program.parent_path() / TEXT(TEST_LIBRARY)).string<WCHAR>();
}

// Removes its file.
class TextFile {
 public:
  explicit TextFile(const Text& name) : path_(std::filesystem::temp_directory_path() / name) {
    std::ofstream(path_) << "This is no library.\n";
  }
  TextFile(const TextFile&) = delete;
  TextFile& operator=(const TextFile&) = delete;
  ~TextFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }

  Text path() const { return path_.string<WCHAR>(); }

 private:
  const std::filesystem::path path_;
};

}  // namespace

TEST("LoadLibraryW loads a library and GetProcAddress finds its exports") {
  const HMODULE module = LoadLibraryW(LibraryPath().c_str());
  REQUIRE(module != nullptr);
  EXPECT_KEEPS_LAST_ERROR(GetProcAddress(module, "SetSharedMem"));
  EXPECT_KEEPS_LAST_ERROR(GetProcAddress(module, "GetSharedMem"));
  EXPECT(FreeLibrary(module));
}

TEST("GetProcAddress of a name that is missing is ERROR_PROC_NOT_FOUND") {
  const HMODULE module = LoadLibraryW(LibraryPath().c_str());
  REQUIRE(module != nullptr);
  for (const char* const name :
       {"NoSuchExport", "setsharedmem", "SetSharedMe", "SetSharedMem ", ""}) {
    EXPECT_FAILS(GetProcAddress(module, name), ERROR_PROC_NOT_FOUND);
  }
  EXPECT(FreeLibrary(module));
}

TEST("A library is loaded until it is freed as often as it was loaded") {
  const HMODULE first = LoadLibraryW(LibraryPath().c_str());
  const HMODULE second = LoadLibraryW(LibraryPath().c_str());
  REQUIRE(first != nullptr);
  EXPECT_EQ(second, first);
  EXPECT_KEEPS_LAST_ERROR(FreeLibrary(first));
  EXPECT(GetProcAddress(first, "SetSharedMem") != nullptr);
  EXPECT_KEEPS_LAST_ERROR(FreeLibrary(first));
  EXPECT_FAILS(FreeLibrary(first), ERROR_MOD_NOT_FOUND);
  EXPECT_FAILS(GetProcAddress(first, "SetSharedMem"), ERROR_MOD_NOT_FOUND);
}

TEST("FreeLibrary of a library that the program is linked against succeeds however often") {
  const HMODULE module = LoadLibraryW(TEXT(LINKED_LIBRARY));
  REQUIRE(module != nullptr);
  for (int i = 0; i < 3; ++i) {
    EXPECT_KEEPS_LAST_ERROR(FreeLibrary(module));
    EXPECT_KEEPS_LAST_ERROR(GetProcAddress(module, "OpenFileMappingW"));
    EXPECT_FAILS(GetProcAddress(module, "NoSuchExport"), ERROR_PROC_NOT_FOUND);
  }
  EXPECT_EQ(LoadLibraryW(TEXT(LINKED_LIBRARY)), module);
  EXPECT_KEEPS_LAST_ERROR(FreeLibrary(module));
}

TEST("GetProcAddress without a name, or with a number that has none, is ERROR_PROC_NOT_FOUND") {
  const HMODULE module = LoadLibraryW(LibraryPath().c_str());
  REQUIRE(module != nullptr);
  for (const ULONG_PTR ordinal : {0, 0x7FFF, 0xFFFF}) {
    const Case description("ordinal " + std::to_string(ordinal));
    EXPECT_FAILS(GetProcAddress(module, reinterpret_cast<LPCSTR>(ordinal)), ERROR_PROC_NOT_FOUND);
  }
  EXPECT(FreeLibrary(module));
}

TEST("GetProcAddress without a library looks in the program") {
  EXPECT_FAILS(GetProcAddress(nullptr, "NoSuchExport"), ERROR_PROC_NOT_FOUND);
}

TEST("GetProcAddress gives a function that returns a value") {
  const HMODULE module = LoadLibraryW(TEXT(LINKED_LIBRARY));
  REQUIRE(module != nullptr);
  const FARPROC function = GetProcAddress(module, "GetCurrentProcessId");
  REQUIRE(function != nullptr);
  EXPECT_EQ(static_cast<DWORD>(function()), GetCurrentProcessId());
  EXPECT(FreeLibrary(module));
}

TEST("LoadLibraryW of a file that is missing is ERROR_MOD_NOT_FOUND") {
  const Text name = UniqueName(TEXT("missing"));
  const std::filesystem::path folder = std::filesystem::temp_directory_path();
  for (const Text& path : {name, TEXT("./") + name, (folder / name).string<WCHAR>(),
                           (folder / name / name).string<WCHAR>()}) {
    EXPECT_FAILS(LoadLibraryW(path.c_str()), ERROR_MOD_NOT_FOUND);
  }
}

TEST("LoadLibraryW of a file that is no library is ERROR_BAD_EXE_FORMAT") {
  const TextFile file(UniqueName(TEXT("text.dll")));
  EXPECT_FAILS(LoadLibraryW(file.path().c_str()), ERROR_BAD_EXE_FORMAT);
}

TEST("LoadLibraryW of null is ERROR_INVALID_PARAMETER") {
  EXPECT_FAILS(LoadLibraryW(nullptr), ERROR_INVALID_PARAMETER);
}

TEST("FreeLibrary and GetProcAddress refuse what is no module") {
  const Handle mapping(CreateAnonymous());
  const View view(Map(mapping.get()));
  for (const HMODULE module :
       {reinterpret_cast<HMODULE>(ULONG_PTR{0x123456}), reinterpret_cast<HMODULE>(~ULONG_PTR{0}),
        static_cast<HMODULE>(view.get())}) {
    EXPECT_FAILS_SOMEHOW(FreeLibrary(module));
    EXPECT_FAILS_SOMEHOW(GetProcAddress(module, "SetSharedMem"));
  }
  EXPECT_FAILS_SOMEHOW(FreeLibrary(nullptr));
}
