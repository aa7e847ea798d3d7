// The samples' output is UTF-8, whatever the code page or locale.
#ifndef DLLMEMFILEMAP_SAMPLES_UTF8_H
#define DLLMEMFILEMAP_SAMPLES_UTF8_H

#include <windows.h>

#include <string>

inline std::string ToUtf8(LPCWSTR text) {
  const int length = lstrlenW(text);
  // No UTF-16 unit takes more than three bytes.
  std::string bytes(static_cast<size_t>(length) * 3, '\0');
  const int size = WideCharToMultiByte(CP_UTF8, /*dwFlags=*/0, text, length, &bytes[0],
                                       static_cast<int>(bytes.size()), /*lpDefaultChar=*/nullptr,
                                       /*lpUsedDefaultChar=*/nullptr);
  bytes.resize(static_cast<size_t>(size));
  return bytes;
}

#endif
