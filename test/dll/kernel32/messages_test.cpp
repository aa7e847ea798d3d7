// FormatMessageW, for the texts of error codes.

#include <initializer_list>

#include "fixtures.h"
#include "test.h"

using namespace test;

namespace {

constexpr DWORD kFlags = FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS;

DWORD Format(DWORD code, LPWSTR buffer, DWORD size) {
  return FormatMessageW(kFlags, /*lpSource=*/nullptr, code, /*dwLanguageId=*/0, buffer, size,
                        /*Arguments=*/nullptr);
}

}  // namespace

TEST("FormatMessageW has a line for every error that this project knows") {
  for (const DWORD code : std::initializer_list<DWORD>{ERROR_SUCCESS,
                                                       ERROR_FILE_NOT_FOUND,
                                                       ERROR_PATH_NOT_FOUND,
                                                       ERROR_TOO_MANY_OPEN_FILES,
                                                       ERROR_ACCESS_DENIED,
                                                       ERROR_INVALID_HANDLE,
                                                       ERROR_NOT_ENOUGH_MEMORY,
                                                       ERROR_WRITE_PROTECT,
                                                       ERROR_BAD_LENGTH,
                                                       ERROR_GEN_FAILURE,
                                                       ERROR_NOT_SUPPORTED,
                                                       ERROR_INVALID_PARAMETER,
                                                       ERROR_INSUFFICIENT_BUFFER,
                                                       ERROR_INVALID_NAME,
                                                       ERROR_MOD_NOT_FOUND,
                                                       ERROR_PROC_NOT_FOUND,
                                                       ERROR_BAD_PATHNAME,
                                                       ERROR_BUSY,
                                                       ERROR_ALREADY_EXISTS,
                                                       ERROR_BAD_EXE_FORMAT,
                                                       ERROR_FILENAME_EXCED_RANGE,
                                                       ERROR_NOT_OWNER,
                                                       ERROR_TOO_MANY_POSTS,
                                                       ERROR_MR_MID_NOT_FOUND,
                                                       ERROR_INVALID_ADDRESS,
                                                       ERROR_NOACCESS,
                                                       ERROR_INVALID_FLAGS,
                                                       ERROR_DLL_INIT_FAILED,
                                                       ERROR_MAPPED_ALIGNMENT,
                                                       ERROR_UNKNOWN_REVISION,
                                                       ERROR_COMMITMENT_LIMIT}) {
    const Case description("error " + std::to_string(code));
    WCHAR buffer[1024] = {};
    const DWORD length = Format(code, buffer, 1024);
    REQUIRE(length > 2);
    EXPECT_EQ(lstrlenW(buffer), static_cast<int>(length));
    EXPECT(buffer[length - 2] == TEXT('\r') && buffer[length - 1] == TEXT('\n'));
    EXPECT(buffer[0] > TEXT(' '));
  }
}

TEST("FormatMessageW needs room for the text and its terminator") {
  WCHAR buffer[1024];
  const DWORD length = Format(ERROR_ACCESS_DENIED, buffer, 1024);
  REQUIRE(length > 2);
  EXPECT_EQ(Format(ERROR_ACCESS_DENIED, buffer, length + 1), length);
  for (const DWORD size : {length, length - 1, DWORD{1}}) {
    EXPECT_FAILS(Format(ERROR_ACCESS_DENIED, buffer, size), ERROR_INSUFFICIENT_BUFFER);
  }
}

TEST("FormatMessageW of a code without a text is ERROR_MR_MID_NOT_FOUND") {
  WCHAR buffer[1024];
  for (const DWORD code : {DWORD{0x2000BEEF}, DWORD{0x20000001}}) {
    EXPECT_FAILS(Format(code, buffer, 1024), ERROR_MR_MID_NOT_FOUND);
  }
}

TEST("FormatMessageW takes its text from somewhere and puts it somewhere") {
  WCHAR buffer[1024];
  EXPECT_FAILS_SOMEHOW(FormatMessageW(FORMAT_MESSAGE_IGNORE_INSERTS, nullptr, ERROR_ACCESS_DENIED,
                                      /*dwLanguageId=*/0, buffer, 1024, nullptr));
  EXPECT_FAILS(Format(ERROR_ACCESS_DENIED, nullptr, 1024), ERROR_INVALID_PARAMETER);
}

TEST("FormatMessageW without a buffer is ERROR_INVALID_PARAMETER, whatever else is wrong") {
  EXPECT_FAILS(Format(/*code=*/0x2000BEEF, nullptr, 1024), ERROR_INVALID_PARAMETER);
  EXPECT_FAILS(Format(ERROR_ACCESS_DENIED, nullptr, 0), ERROR_INVALID_PARAMETER);
}

TEST("FormatMessageW leaves the last error alone") {
  WCHAR buffer[1024];
  EXPECT_KEEPS_LAST_ERROR(Format(ERROR_ACCESS_DENIED, buffer, 1024));
}
