#include "names.h"

#include <unistd.h>

#include <string_view>

#include "errors.h"
#include "platform.h"

namespace kernel32 {
namespace {

constexpr std::u16string_view kLocalPrefix = u"Local\\";
constexpr std::u16string_view kGlobalPrefix = u"Global\\";

bool ConsumePrefix(std::u16string_view* name, std::u16string_view prefix) {
  if (name->substr(0, prefix.size()) != prefix) return false;
  name->remove_prefix(prefix.size());
  return true;
}

// FNV-1a of 64 bits, in hexadecimal. The file holds the name itself, so that two names that were
// made to have the same hash cannot be mistaken for one another.
std::string Hash(std::u16string_view text) {
  uint64_t hash = 0xCBF29CE484222325u;
  for (const char16_t unit : text) {
    for (const unsigned byte : {unit & 0xFFu, static_cast<unsigned>(unit) >> 8}) {
      hash = (hash ^ byte) * 0x100000001B3u;
    }
  }
  std::string digits;
  for (int shift = 60; shift >= 0; shift -= 4) digits += "0123456789abcdef"[(hash >> shift) & 0xF];
  return digits;
}

}  // namespace

std::optional<ObjectName> ParseName(LPCWSTR name) {
  std::u16string_view text(name);
  if (text.size() > MAX_PATH) {
    return Fail<std::optional<ObjectName>>(ERROR_FILENAME_EXCED_RANGE);
  }
  const bool global = ConsumePrefix(&text, kGlobalPrefix);
  const bool local = !global && ConsumePrefix(&text, kLocalPrefix);
  if (text.empty() || text[0] == u'\\') {
    return Fail<std::optional<ObjectName>>(global || local ? ERROR_INVALID_NAME
                                                           : ERROR_BAD_PATHNAME);
  }
  if (text.find(u'\\') != text.npos) {
    return Fail<std::optional<ObjectName>>(ERROR_PATH_NOT_FOUND);
  }
  // In Windows' directories of names these are links to directories.
  if (text == u"Local" || text == u"Global" || text == u"Session") {
    return Fail<std::optional<ObjectName>>(ERROR_INVALID_HANDLE);
  }
  return ObjectName{global ? Namespace::kGlobal : Namespace::kLocal, std::u16string(text)};
}

std::string PathPrefix(Namespace scope) {
  const std::string directory = NamespaceDirectory(scope);
  return scope == Namespace::kGlobal
             ? directory + "/dllmemfilemap.global."
             : directory + "/dllmemfilemap.user-" + std::to_string(geteuid()) + ".";
}

std::string ObjectName::Path() const { return PathPrefix(scope) + Hash(text); }

}  // namespace kernel32
