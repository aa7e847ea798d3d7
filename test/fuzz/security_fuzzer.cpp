// Security descriptor strings, and whom an object that is created with one is open to.

#include <sddl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <regex>
#include <string_view>

#include "fuzz.h"

using namespace test;

namespace {

// Any text, or entries that are mostly whole.
Text ConsumeDescriptor(FuzzedDataProvider* data) {
  if (data->ConsumeIntegralInRange(0, 7) == 0) return fuzz::ConsumeText(data, 256);
  constexpr LPCWSTR kStarts[] = {u"D:", u"D:P", u"D:P", u"P", u""};
  constexpr LPCWSTR kRights[] = {u"GA", u"GR", u"GW", u"", u"G", u"P"};
  constexpr LPCWSTR kWhom[] = {u"WD", u"OW", u"SY", u"BA", u"W", u""};
  Text text = data->PickValueInArray(kStarts);
  while (data->remaining_bytes() > 0) {
    if (data->ConsumeIntegralInRange(0, 15) != 0) text += TEXT("(A;;");
    while (data->ConsumeBool()) text += data->PickValueInArray(kRights);
    if (data->ConsumeIntegralInRange(0, 15) != 0) text += TEXT(";;;");
    text += data->PickValueInArray(kWhom);
    if (data->ConsumeIntegralInRange(0, 15) != 0) text += TEXT(")");
  }
  return text;
}

// The permissions that a string stands for, if it is one that dll/posix knows.
std::optional<mode_t> ModeOf(const Text& text) {
  std::string ascii;
  for (const WCHAR unit : text) ascii += unit < 0x80 ? static_cast<char>(unit) : '?';
  static const std::regex whole(R"(D:P?(\(A;;(GA|GR|GW)*;;;(OW|SY|BA|WD)\))*)");
  static const std::regex everyone(R"(\(A;;([A-Z]*);;;WD\))");
  if (!std::regex_match(ascii, whole)) return std::nullopt;
  mode_t mode = 0600;
  for (std::sregex_iterator entry(ascii.begin(), ascii.end(), everyone), end; entry != end;
       ++entry) {
    const std::string rights = (*entry)[1];
    if (rights.find("GR") != rights.npos) mode |= 0044;
    if (rights.find("GA") != rights.npos || rights.find("GW") != rights.npos) mode |= 0066;
  }
  return mode;
}

// The permissions of the one object that this process has a name for, and of no other's.
mode_t ModeOfOnlyObject() {
  const std::string prefix = "dllmemfilemap.user-" + std::to_string(geteuid()) + ".";
  std::optional<mode_t> mode;
  for (const auto& entry : std::filesystem::directory_iterator("/dev/shm")) {
    if (entry.path().filename().string().rfind(prefix, 0) != 0) continue;
    struct stat status;
    EXPECT(!mode && stat(entry.path().c_str(), &status) == 0);
    mode = status.st_mode & 07777;
  }
  return mode.value_or(0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const fuzz::Run run;
  FuzzedDataProvider data(bytes, size);
  const DWORD revision = data.ConsumeBool() ? SDDL_REVISION_1 : data.ConsumeIntegral<DWORD>();
  const Text text = ConsumeDescriptor(&data);
  const fuzz::Guarded guarded(text);
  PSECURITY_DESCRIPTOR descriptor = nullptr;
  DWORD length = 0;
  const auto call = [&] {
    return ConvertStringSecurityDescriptorToSecurityDescriptorW(guarded.get(), revision,
                                                                &descriptor, &length);
  };
  const std::optional<mode_t> mode = ModeOf(text);
  if (revision != SDDL_REVISION_1) {
    EXPECT_FAILS(call(), ERROR_UNKNOWN_REVISION);
  } else if (!mode) {
    EXPECT_FAILS(call(), ERROR_INVALID_PARAMETER);
  } else {
    EXPECT_KEEPS_LAST_ERROR(call());
    EXPECT(length >= sizeof(SECURITY_DESCRIPTOR));
    SECURITY_ATTRIBUTES attributes = {sizeof attributes, descriptor, FALSE};
    const Handle mapping(CreateFileMappingW(INVALID_HANDLE_VALUE, &attributes, PAGE_READWRITE, 0,
                                            kSize, TEXT("fuzzed security")));
    EXPECT(mapping);
    EXPECT_EQ(ModeOfOnlyObject(), *mode);
    EXPECT(!LocalFree(descriptor));
  }
  return 0;
}
