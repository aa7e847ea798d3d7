// Between the UTF-16 of the Windows API and the UTF-8 of the system.
#ifndef DLLMEMFILEMAP_POSIX_UTF_H
#define DLLMEMFILEMAP_POSIX_UTF_H

#include <string>
#include <string_view>

namespace kernel32 {

// A lone surrogate becomes U+FFFD.
std::string ToUtf8(std::u16string_view text);

// A byte that is no part of valid UTF-8 becomes U+FFFD.
std::u16string ToUtf16(std::string_view text);

}  // namespace kernel32

#endif
