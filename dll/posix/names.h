// The names of kernel objects: which are valid, and which file stands for each.
#ifndef DLLMEMFILEMAP_POSIX_NAMES_H
#define DLLMEMFILEMAP_POSIX_NAMES_H

#include <optional>
#include <string>

#include "windows.h"

namespace kernel32 {

enum class Namespace {
  kLocal,   // Local\ and no prefix: the effective user's own
  kGlobal,  // Global\: one for the machine
};

struct ObjectName {
  Namespace scope;
  std::u16string text;  // without the prefix

  // The file that stands for the name. Its own name is a hash: a name may have 260 characters of
  // any kind, a file's name has 255 bytes, no slash, and on some systems no case.
  std::string Path() const;
};

// Reads a name, which is neither null nor empty. If it is not valid, returns nothing and sets the
// last error.
std::optional<ObjectName> ParseName(LPCWSTR name);

// What the path of every file of the namespace begins with: a directory, and the first part of a
// file's name.
std::string PathPrefix(Namespace scope);

}  // namespace kernel32

#endif
