#include <string.h>

#include <algorithm>
#include <new>

#include "errors.h"
#include "utf.h"
#include "windows.h"

namespace kernel32 {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

void AppendUtf8(char32_t point, std::string* text) {
  if (point < 0x80) {
    *text += static_cast<char>(point);
    return;
  }
  const int continuations = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  constexpr unsigned char kLead[] = {0, 0xC0, 0xE0, 0xF0};
  *text += static_cast<char>(kLead[continuations] | (point >> (6 * continuations)));
  for (int i = continuations - 1; i >= 0; --i) {
    *text += static_cast<char>(0x80 | ((point >> (6 * i)) & 0x3F));
  }
}

// Reads one code point, and removes its bytes, at least one.
char32_t ConsumeUtf8(std::string_view* text) {
  const auto byte = [text](size_t i) { return static_cast<unsigned char>((*text)[i]); };
  const unsigned char lead = byte(0);
  const size_t length = lead < 0x80                   ? 1
                        : lead < 0xC0 || lead >= 0xF8 ? 0
                        : lead < 0xE0                 ? 2
                        : lead < 0xF0                 ? 3
                                                      : 4;
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  char32_t point = length < 2 ? lead : lead & (0x7F >> length);
  size_t i = 1;
  while (i < length && i < text->size() && (byte(i) & 0xC0) == 0x80) {
    point = (point << 6) | (byte(i++) & 0x3F);
  }
  const bool valid = i == length && point >= kLeast[length] && point <= 0x10FFFF &&
                     (point < 0xD800 || point > 0xDFFF);
  text->remove_prefix(valid ? length : 1);
  return valid ? point : kReplacement;
}

// What both converting functions share: an input's length below 0 for "up to and with the
// terminator", an output of size 0 for "how much would it be", and no room.
template <typename In, typename Out, typename Convert>
int ConvertText(const In* input, int input_length, Out* output, int output_length,
                Convert convert) {
  using InView = std::basic_string_view<In>;
  const bool is_in_place = static_cast<const void*>(input) == output;
  if (input_length == 0 || output_length < 0 || (output_length > 0 && !output) || is_in_place) {
    return Fail<int>(ERROR_INVALID_PARAMETER);
  }
  const InView text = input_length < 0 ? InView(input, InView(input).size() + 1)
                                       : InView(input, static_cast<size_t>(input_length));
  const auto converted = convert(text);
  if (output_length == 0) return static_cast<int>(converted.size());
  if (converted.size() > static_cast<size_t>(output_length)) {
    return Fail<int>(ERROR_INSUFFICIENT_BUFFER);
  }
  std::copy(converted.begin(), converted.end(), output);
  return static_cast<int>(converted.size());
}

}  // namespace

std::string ToUtf8(std::u16string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    const char16_t unit = text[i];
    const bool high = unit >= 0xD800 && unit < 0xDC00;
    const bool low_follows = i + 1 < text.size() && text[i + 1] >= 0xDC00 && text[i + 1] < 0xE000;
    if (high && low_follows) {
      AppendUtf8(0x10000 + ((unit - 0xD800u) << 10) + (text[++i] - 0xDC00u), &result);
    } else {
      const bool is_lone = unit >= 0xD800 && unit < 0xE000;
      AppendUtf8(is_lone ? kReplacement : static_cast<char32_t>(unit), &result);
    }
  }
  return result;
}

std::u16string ToUtf16(std::string_view text) {
  std::u16string result;
  while (!text.empty()) {
    const char32_t point = ConsumeUtf8(&text);
    if (point < 0x10000) {
      result += static_cast<char16_t>(point);
    } else {
      result += static_cast<char16_t>(0xD800 + ((point - 0x10000) >> 10));
      result += static_cast<char16_t>(0xDC00 + ((point - 0x10000) & 0x3FF));
    }
  }
  return result;
}

}  // namespace kernel32

using namespace kernel32;

namespace {

// Whether there is a terminator in the block. The array stands for a vector register: this way
// compilers need two instructions for eight characters, and gather the result only at the end.
template <size_t bytes>
__attribute__((no_sanitize("address", "thread"))) bool HasTerminator(const WCHAR* block) {
  constexpr size_t kLanes = 8;
  WCHAR found[kLanes] = {};
  for (size_t i = 0; i < bytes / sizeof(WCHAR); i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      found[lane] |= static_cast<WCHAR>(block[i + lane] == 0 ? 0xFFFF : 0);
    }
  }
  uint64_t halves[2];
  static_assert(sizeof halves == sizeof found, "");
  memcpy(halves, found, sizeof found);
  return (halves[0] | halves[1]) != 0;
}

bool IsAligned(const WCHAR* text, size_t bytes) {
  return reinterpret_cast<uintptr_t>(text) % bytes == 0;
}

}  // namespace

// Looks at blocks that are aligned, so that none reaches into a page that the string does not. They
// reach past the terminator, though, which sanitizers would report.
int WINAPI lstrlenW(LPCWSTR lpString) {
  constexpr size_t kLarge = 128, kSmall = 16;
  if (!lpString) return 0;
  const WCHAR* end = lpString;
  for (; !IsAligned(end, kSmall); ++end) {
    if (*end == 0) return static_cast<int>(end - lpString);
  }
  while (!IsAligned(end, kLarge) && !HasTerminator<kSmall>(end)) end += kSmall / sizeof(WCHAR);
  if (IsAligned(end, kLarge)) {
    while (!HasTerminator<kLarge>(end)) end += kLarge / sizeof(WCHAR);
  }
  while (!HasTerminator<kSmall>(end)) end += kSmall / sizeof(WCHAR);
  while (*end != 0) ++end;
  return static_cast<int>(end - lpString);
}

int WINAPI MultiByteToWideChar(UINT CodePage, DWORD dwFlags, LPCSTR lpMultiByteStr, int cbMultiByte,
                               LPWSTR lpWideCharStr, int cchWideChar) try {
  if (CodePage != CP_UTF8 || !lpMultiByteStr) return Fail<int>(ERROR_INVALID_PARAMETER);
  if (dwFlags != 0) return Fail<int>(ERROR_INVALID_FLAGS);
  return ConvertText(lpMultiByteStr, cbMultiByte, lpWideCharStr, cchWideChar, ToUtf16);
} catch (const std::bad_alloc&) {
  return Fail<int>(ERROR_NOT_ENOUGH_MEMORY);
}

int WINAPI WideCharToMultiByte(UINT CodePage, DWORD dwFlags, LPCWSTR lpWideCharStr, int cchWideChar,
                               LPSTR lpMultiByteStr, int cbMultiByte, LPCSTR lpDefaultChar,
                               LPBOOL lpUsedDefaultChar) try {
  if (CodePage != CP_UTF8 || !lpWideCharStr || lpDefaultChar || lpUsedDefaultChar) {
    return Fail<int>(ERROR_INVALID_PARAMETER);
  }
  if (dwFlags != 0) return Fail<int>(ERROR_INVALID_FLAGS);
  return ConvertText(lpWideCharStr, cchWideChar, lpMultiByteStr, cbMultiByte, ToUtf8);
} catch (const std::bad_alloc&) {
  return Fail<int>(ERROR_NOT_ENOUGH_MEMORY);
}
