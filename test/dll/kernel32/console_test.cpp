// The standard handles. What a console does with them: samples.test.ts.

#include <initializer_list>

#include "fixtures.h"
#include "test.h"

using namespace test;

TEST("GetStdHandle gives the three standard handles and no other") {
  for (const DWORD which : {STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE}) {
    const HANDLE handle = GetStdHandle(which);
    EXPECT(handle != nullptr && handle != INVALID_HANDLE_VALUE);
  }
  for (const DWORD which : std::initializer_list<DWORD>{0, 1, STD_ERROR_HANDLE - 1}) {
    SetLastError(kUntouched);
    EXPECT_EQ(GetStdHandle(which), INVALID_HANDLE_VALUE);
    EXPECT_EQ(GetLastError(), ERROR_INVALID_HANDLE);
  }
}

TEST("What is no handle is none of a console either") {
  for (const HANDLE handle : kNoHandles) {
    DWORD mode, count;
    char byte;
    EXPECT_FAILS(SetHandleInformation(handle, HANDLE_FLAG_INHERIT, 0), ERROR_INVALID_HANDLE);
    EXPECT_FAILS(GetConsoleMode(handle, &mode), ERROR_INVALID_HANDLE);
    EXPECT_FAILS(SetConsoleMode(handle, ENABLE_PROCESSED_INPUT), ERROR_INVALID_HANDLE);
    EXPECT_FAILS(ReadFile(handle, &byte, sizeof byte, &count, nullptr), ERROR_INVALID_HANDLE);
  }
}

TEST("ReadFile that fails says that it read nothing") {
  DWORD count = 42;
  char byte;
  EXPECT_FAILS(ReadFile(nullptr, &byte, sizeof byte, &count, nullptr), ERROR_INVALID_HANDLE);
  EXPECT_EQ(count, DWORD{0});
}

TEST("SetHandleInformation takes a mapping's handle, which stays one not to inherit") {
  const Handle mapping(CreateAnonymous());
  EXPECT_KEEPS_LAST_ERROR(SetHandleInformation(mapping.get(), HANDLE_FLAG_INHERIT, 0));
  EXPECT_KEEPS_LAST_ERROR(SetHandleInformation(mapping.get(), 0, 0));
}

TEST("SetHandleInformation makes a standard handle one to inherit or not") {
  const HANDLE output = GetStdHandle(STD_OUTPUT_HANDLE);
  EXPECT_KEEPS_LAST_ERROR(SetHandleInformation(output, HANDLE_FLAG_INHERIT, 0));
  EXPECT_KEEPS_LAST_ERROR(SetHandleInformation(output, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT));
  EXPECT_KEEPS_LAST_ERROR(SetHandleInformation(output, 0, 0));
}

TEST("SetConsoleOutputCP takes UTF-8 and no code page that there is not") {
  EXPECT_FAILS_SOMEHOW(SetConsoleOutputCP(54321));
}
