// Security descriptors. Whom they let in: contract.test.ts, which has other users.

#include <windows.h>
// After windows.h, without which Windows' own does not compile.
#include <sddl.h>

#include "fixtures.h"
#include "test.h"

using namespace test;

namespace {

HANDLE CreateWith(PSECURITY_DESCRIPTOR descriptor) {
  SECURITY_ATTRIBUTES attributes = {sizeof attributes, descriptor, FALSE};
  return CreateFileMappingW(INVALID_HANDLE_VALUE, &attributes, PAGE_READWRITE,
                            /*dwMaximumSizeHigh=*/0, kSize, UniqueName().c_str());
}

BOOL Convert(LPCWSTR text, PSECURITY_DESCRIPTOR* descriptor, DWORD revision = SDDL_REVISION_1) {
  return ConvertStringSecurityDescriptorToSecurityDescriptorW(text, revision, descriptor,
                                                              /*SecurityDescriptorSize=*/nullptr);
}

}  // namespace

TEST("SetSecurityDescriptorDacl notes what kind of list there is") {
  SECURITY_DESCRIPTOR descriptor;
  REQUIRE(InitializeSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION));
  const auto after = [&](BOOL present, BOOL defaulted) -> DWORD {
    EXPECT(SetSecurityDescriptorDacl(&descriptor, present, nullptr, defaulted));
    return descriptor.Control & (SE_DACL_PRESENT | SE_DACL_DEFAULTED);
  };
  EXPECT_EQ(after(TRUE, TRUE), DWORD{SE_DACL_PRESENT | SE_DACL_DEFAULTED});
  EXPECT_EQ(after(TRUE, FALSE), DWORD{SE_DACL_PRESENT});
  EXPECT_EQ(after(FALSE, FALSE), DWORD{0});
}

TEST("A mapping is created with a security descriptor of each kind") {
  SECURITY_DESCRIPTOR descriptor;
  EXPECT_KEEPS_LAST_ERROR(InitializeSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION));
  EXPECT(Handle(CreateWith(&descriptor)));
  for (const BOOL is_present : {FALSE, TRUE}) {
    EXPECT_KEEPS_LAST_ERROR(SetSecurityDescriptorDacl(&descriptor, is_present, /*pDacl=*/nullptr,
                                                      /*bDaclDefaulted=*/FALSE));
    EXPECT(Handle(CreateWith(&descriptor)));
  }
  PSECURITY_DESCRIPTOR converted = nullptr;
  REQUIRE(Convert(TEXT("D:P(A;;GA;;;OW)(A;;GA;;;SY)(A;;GRGW;;;BA)(A;;GR;;;WD)"), &converted));
  EXPECT(Handle(CreateWith(converted)));
  EXPECT_EQ(LocalFree(converted), HLOCAL{nullptr});
  EXPECT_EQ(LocalFree(nullptr), HLOCAL{nullptr});
}

TEST("InitializeSecurityDescriptor knows one revision") {
  SECURITY_DESCRIPTOR descriptor;
  for (const DWORD revision : {DWORD{0}, DWORD{SECURITY_DESCRIPTOR_REVISION + 1}}) {
    EXPECT_FAILS(InitializeSecurityDescriptor(&descriptor, revision), ERROR_UNKNOWN_REVISION);
  }
}

TEST("What is no security descriptor is one of an unknown revision") {
  SECURITY_DESCRIPTOR none = {};
  EXPECT_FAILS(CreateWith(&none), ERROR_UNKNOWN_REVISION);
  EXPECT_FAILS(SetSecurityDescriptorDacl(&none, TRUE, nullptr, FALSE), ERROR_UNKNOWN_REVISION);
}

TEST("What is no security descriptor string is refused") {
  PSECURITY_DESCRIPTOR descriptor = nullptr;
  for (const LPCWSTR text :
       {TEXT("Everyone"), TEXT("D:(A;;GA;;;OW"), TEXT("D:(A;;GA;;;OW)("), TEXT("D:(A;;GA)"),
        TEXT("D:(A;;G;;;OW)"), TEXT("D:(A;;GA;;;Everyone)")}) {
    const Case description(std::string(text, text + lstrlenW(text)));
    EXPECT_FAILS_SOMEHOW(Convert(text, &descriptor));
  }
  EXPECT_FAILS(Convert(nullptr, &descriptor), ERROR_INVALID_PARAMETER);
  EXPECT_FAILS(Convert(TEXT("D:"), nullptr), ERROR_INVALID_PARAMETER);
  EXPECT_FAILS(Convert(TEXT("D:"), &descriptor, SDDL_REVISION_1 + 1), ERROR_UNKNOWN_REVISION);
  EXPECT_EQ(descriptor, PSECURITY_DESCRIPTOR{nullptr});
}
