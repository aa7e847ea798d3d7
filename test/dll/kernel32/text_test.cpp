// The lengths and encodings of text.

#include <string.h>

#include "fixtures.h"
#include "test.h"

using namespace test;

namespace {

int ToBytes(LPCWSTR text, int length, LPSTR bytes, int size) {
  return WideCharToMultiByte(CP_UTF8, /*dwFlags=*/0, text, length, bytes, size,
                             /*lpDefaultChar=*/nullptr, /*lpUsedDefaultChar=*/nullptr);
}

int ToUnits(LPCSTR bytes, int size, LPWSTR text, int length) {
  return MultiByteToWideChar(CP_UTF8, /*dwFlags=*/0, bytes, size, text, length);
}

constexpr WCHAR kText[] = TEXT("a\x00E9\x4E2D\xD83D\xDE00");
constexpr char kBytes[] = "a\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80";

}  // namespace

TEST("lstrlenW counts the units before the terminator") {
  EXPECT_EQ(lstrlenW(TEXT("")), 0);
  EXPECT_EQ(lstrlenW(TEXT("text")), 4);
  EXPECT_EQ(lstrlenW(kText), 5);
  EXPECT_EQ(lstrlenW(TEXT("\xD800")), 1);
  EXPECT_EQ(lstrlenW(nullptr), 0);
}

TEST("lstrlenW counts right wherever the text begins and ends") {
  for (SIZE_T start = 0; start < 70; ++start) {
    for (SIZE_T length = 0; length < 140; ++length) {
      Text text(start + length + 80, TEXT('x'));
      text[start + length] = 0;
      if (lstrlenW(text.c_str() + start) == static_cast<int>(length)) continue;
      const Case description("start " + std::to_string(start));
      EXPECT_EQ(lstrlenW(text.c_str() + start), static_cast<int>(length));
    }
  }
}

TEST("lstrlenW reads nothing past the page of the terminator") {
  const Handle mapping(CreateAnonymous());
  const View view(Map(mapping.get()));
  REQUIRE(view);
  for (SIZE_T i = 0; i < PageSize() - 1; ++i) view[i] = i % 2 == 0 ? 'x' : 0;
  view[PageSize() - 2] = 0;
  EXPECT_EQ(lstrlenW(static_cast<LPCWSTR>(view.get())), static_cast<int>(PageSize() / 2 - 1));
}

TEST("WideCharToMultiByte makes UTF-8") {
  char bytes[100] = {};
  EXPECT_EQ(ToBytes(kText, /*length=*/-1, nullptr, 0), static_cast<int>(sizeof kBytes));
  EXPECT_EQ(ToBytes(kText, /*length=*/-1, bytes, sizeof bytes), static_cast<int>(sizeof kBytes));
  EXPECT_EQ(strcmp(bytes, kBytes), 0);
  EXPECT_EQ(ToBytes(kText, /*length=*/2, nullptr, 0), 3);
  EXPECT_EQ(ToBytes(TEXT(""), /*length=*/-1, bytes, sizeof bytes), 1);
}

TEST("MultiByteToWideChar reads UTF-8") {
  WCHAR text[100] = {};
  EXPECT_EQ(ToUnits(kBytes, /*size=*/-1, nullptr, 0), 6);
  EXPECT_EQ(ToUnits(kBytes, /*size=*/-1, text, 100), 6);
  EXPECT(Text(text) == kText);
  EXPECT_EQ(ToUnits(kBytes, /*size=*/3, text, 100), 2);
}

TEST("A lone surrogate becomes U-FFFD in UTF-8") {
  char bytes[100] = {};
  EXPECT_EQ(ToBytes(TEXT("a\xD800z"), /*length=*/-1, bytes, sizeof bytes), 6);
  EXPECT_EQ(strcmp(bytes, "a\xEF\xBF\xBDz"), 0);
  EXPECT_EQ(ToBytes(TEXT("\xDC00\xD800"), /*length=*/2, bytes, sizeof bytes), 6);
}

TEST("A byte that is no UTF-8 becomes U-FFFD") {
  WCHAR text[100] = {};
  EXPECT_EQ(ToUnits("a\xFFz", /*size=*/-1, text, 100), 4);
  EXPECT(Text(text) == TEXT("a\xFFFDz"));
  // What would lead five bytes, or more.
  for (const char lead : {'\xF8', '\xFA', '\xFC', '\xFF'}) {
    const char bytes[] = {lead, '\x88', '\x98', '\x98', 0};
    EXPECT_EQ(ToUnits(bytes, /*size=*/-1, text, 100), 5);
    EXPECT(Text(text) == TEXT("\xFFFD\xFFFD\xFFFD\xFFFD"));
  }
}

TEST("Every length below 0 means up to and with the terminator") {
  for (const int length : {-1, -2, -100, INT32_MIN}) {
    const Case description("length " + std::to_string(length));
    char bytes[100];
    WCHAR text[100];
    EXPECT_KEEPS_LAST_ERROR(ToBytes(kText, length, bytes, sizeof bytes));
    EXPECT_EQ(ToBytes(kText, length, bytes, sizeof bytes), static_cast<int>(sizeof kBytes));
    EXPECT_KEEPS_LAST_ERROR(ToUnits(kBytes, length, text, 100));
    EXPECT_EQ(ToUnits(kBytes, length, text, 100), 6);
  }
}

TEST("Converting into too little room is ERROR_INSUFFICIENT_BUFFER") {
  char bytes[100];
  WCHAR text[100];
  EXPECT_FAILS(ToBytes(TEXT("abc"), /*length=*/-1, bytes, 3), ERROR_INSUFFICIENT_BUFFER);
  EXPECT_FAILS(ToBytes(TEXT("\x00E9"), /*length=*/1, bytes, 1), ERROR_INSUFFICIENT_BUFFER);
  EXPECT_FAILS(ToUnits("abc", /*size=*/-1, text, 3), ERROR_INSUFFICIENT_BUFFER);
}

TEST("Converting nothing is ERROR_INVALID_PARAMETER") {
  char bytes[100];
  WCHAR text[100];
  EXPECT_FAILS(ToBytes(nullptr, /*length=*/-1, bytes, 100), ERROR_INVALID_PARAMETER);
  EXPECT_FAILS(ToBytes(TEXT("abc"), /*length=*/0, bytes, 100), ERROR_INVALID_PARAMETER);
  EXPECT_FAILS(ToBytes(TEXT("abc"), /*length=*/-1, nullptr, 4), ERROR_INVALID_PARAMETER);
  EXPECT_FAILS(ToBytes(TEXT("abc"), /*length=*/-1, bytes, -1), ERROR_INVALID_PARAMETER);
  EXPECT_FAILS(ToUnits(nullptr, /*size=*/-1, text, 100), ERROR_INVALID_PARAMETER);
  EXPECT_FAILS(ToUnits("abc", /*size=*/0, text, 100), ERROR_INVALID_PARAMETER);
  EXPECT_FAILS(ToUnits("abc", /*size=*/-1, nullptr, 4), ERROR_INVALID_PARAMETER);
  EXPECT_FAILS(ToUnits("abc", /*size=*/-1, text, -1), ERROR_INVALID_PARAMETER);
}

TEST("Converting without a text is ERROR_INVALID_PARAMETER whatever else is wrong") {
  constexpr DWORD kUnknown = 0x40000000;
  char bytes[100];
  WCHAR text[100];
  EXPECT_FAILS(WideCharToMultiByte(CP_UTF8, kUnknown, nullptr, -1, bytes, 100, nullptr, nullptr),
               ERROR_INVALID_PARAMETER);
  EXPECT_FAILS(MultiByteToWideChar(CP_UTF8, kUnknown, nullptr, -1, text, 100),
               ERROR_INVALID_PARAMETER);
}

TEST("Converting to and from a code page that there is not is ERROR_INVALID_PARAMETER") {
  char bytes[100];
  WCHAR text[100];
  EXPECT_FAILS(WideCharToMultiByte(54321, 0, kText, -1, bytes, 100, nullptr, nullptr),
               ERROR_INVALID_PARAMETER);
  EXPECT_FAILS(MultiByteToWideChar(54321, 0, kBytes, -1, text, 100), ERROR_INVALID_PARAMETER);
}

TEST("Converting with flags that UTF-8 does not have is ERROR_INVALID_FLAGS") {
  constexpr DWORD kUnknown = 0x40000000;
  char bytes[100];
  WCHAR text[100];
  EXPECT_FAILS(WideCharToMultiByte(CP_UTF8, kUnknown, kText, -1, bytes, 100, nullptr, nullptr),
               ERROR_INVALID_FLAGS);
  EXPECT_FAILS(MultiByteToWideChar(CP_UTF8, kUnknown, kBytes, -1, text, 100), ERROR_INVALID_FLAGS);
}
