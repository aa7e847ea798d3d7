// Names, and who is the same object: two names, one created and then the other opened.

#include <optional>

#include "fuzz.h"

using namespace test;

namespace {

// What a name means, read in another way than dll/posix reads it.
struct Meaning {
  DWORD error = ERROR_SUCCESS;
  bool global = false;
  Text object;
};

Meaning MeaningOf(const Text& name) {
  Meaning meaning;
  if (name.size() > MAX_PATH) {
    meaning.error = ERROR_FILENAME_EXCED_RANGE;
    return meaning;
  }
  const size_t first = name.find(u'\\');
  const Text folder = name.substr(0, first);
  const bool has_folder = first != name.npos;
  const bool known = folder == u"Local" || folder == u"Global";
  meaning.global = has_folder && folder == u"Global";
  meaning.object = has_folder && known ? name.substr(first + 1) : name;
  const size_t second = meaning.object.find(u'\\');
  if (first == 0) {
    meaning.error = ERROR_BAD_PATHNAME;
  } else if (has_folder && !known) {
    meaning.error = ERROR_PATH_NOT_FOUND;
  } else if (known && (meaning.object.empty() || second == 0)) {
    meaning.error = ERROR_INVALID_NAME;
  } else if (second != name.npos) {
    meaning.error = ERROR_PATH_NOT_FOUND;
  } else if (meaning.object == u"Local" || meaning.object == u"Global" ||
             meaning.object == u"Session") {
    meaning.error = ERROR_INVALID_HANDLE;
  }
  return meaning;
}

// Each name ends where memory ends that may be read.
HANDLE CreateGuarded(const Text& name) {
  const fuzz::Guarded guarded(name);
  SetLastError(kUntouched);
  return CreateFileMappingW(INVALID_HANDLE_VALUE, nullptr, PAGE_READWRITE, 0, kSize, guarded.get());
}

HANDLE OpenGuarded(const Text& name) {
  const fuzz::Guarded guarded(name);
  return OpenFileMappingW(FILE_MAP_WRITE, FALSE, guarded.get());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const fuzz::Run run;
  FuzzedDataProvider data(bytes, size);
  const Text first = fuzz::ConsumeText(&data, 2 * MAX_PATH);
  const Text second = data.ConsumeBool() ? fuzz::ConsumeText(&data, 2 * MAX_PATH)
                                         : data.PickValueInArray({u"", u"Local\\", u"Global\\"}) +
                                               first.substr(first.find(u'\\') + 1);
  const Meaning created = MeaningOf(first), opened = MeaningOf(second);
  {
    Handle creating(CreateGuarded(first));
    if (first.empty()) {
      EXPECT_EQ(GetLastError(), ERROR_SUCCESS);
    } else {
      EXPECT_EQ(GetLastError(), created.error);
    }
    EXPECT_EQ(static_cast<bool>(creating), first.empty() || created.error == ERROR_SUCCESS);
    const bool same =
        creating && created.global == opened.global && created.object == opened.object;
    if (second.empty()) {
      EXPECT_FAILS(OpenGuarded(second), ERROR_INVALID_HANDLE);
    } else if (opened.error != ERROR_SUCCESS) {
      EXPECT_FAILS(OpenGuarded(second), opened.error);
    } else if (!same) {
      EXPECT_FAILS(OpenGuarded(second), ERROR_FILE_NOT_FOUND);
    } else {
      HANDLE handle = nullptr;
      EXPECT_KEEPS_LAST_ERROR(handle = OpenGuarded(second));
      const Handle opening(handle);
      const View one(Map(creating.get())), other(Map(handle));
      EXPECT(one && other);
      one[0] = 42;
      EXPECT_EQ(other[0], 42);
    }
  }
  return 0;
}
