#include "security.h"

#include <string.h>

#include <memory>
#include <mutex>
#include <new>
#include <set>
#include <string_view>

#include "errors.h"
#include "fork.h"
#include "sddl.h"

// An access-control list that only ConvertStringSecurityDescriptorToSecurityDescriptorW makes.
struct _ACL {
  uint32_t mode;
};

namespace kernel32 {
namespace {

constexpr uint32_t kOwnerAlone = 0600;
constexpr uint32_t kEveryoneReads = 0044;
constexpr uint32_t kEveryoneReadsAndWrites = 0066;

struct DescriptorWithAcl {
  SECURITY_DESCRIPTOR descriptor;  // first, as callers get its address
  ACL acl;
};

bool Consume(std::u16string_view* text, std::u16string_view expected) {
  if (text->substr(0, expected.size()) != expected) return false;
  text->remove_prefix(expected.size());
  return true;
}

// Reads D:[P](A;;RIGHTS;;;WHO)... where RIGHTS are GA, GR, GW and GX and WHO is OW (the owner), SY
// (the system), BA (the administrators) or WD (everyone). The first three may do everything in any
// case, as the owner and root do. GX is the right to wait, which takes writing here.
DWORD ParseSddl(std::u16string_view text, uint32_t* mode) {
  *mode = kOwnerAlone;
  if (!Consume(&text, u"D:")) return ERROR_INVALID_PARAMETER;
  Consume(&text, u"P");
  while (!text.empty()) {
    if (!Consume(&text, u"(A;;")) return ERROR_INVALID_PARAMETER;
    bool read = false, write = false;
    while (!Consume(&text, u";;;")) {
      if (Consume(&text, u"GA")) {
        read = write = true;
      } else if (Consume(&text, u"GR")) {
        read = true;
      } else if (Consume(&text, u"GW")) {
        write = true;
      } else if (!Consume(&text, u"GX")) {
        return ERROR_INVALID_PARAMETER;
      }
    }
    if (Consume(&text, u"WD")) {
      *mode |= write ? kEveryoneReadsAndWrites : read ? kEveryoneReads : 0;
    } else if (!Consume(&text, u"OW") && !Consume(&text, u"SY") && !Consume(&text, u"BA")) {
      return ERROR_INVALID_PARAMETER;
    }
    if (!Consume(&text, u")")) return ERROR_INVALID_PARAMETER;
  }
  return ERROR_SUCCESS;
}

// The descriptors that LocalFree may free.
struct MadeDescriptors {
  TableMutex mutex;
  std::set<void*> descriptors;
};

NeverDestroyed<MadeDescriptors> made_descriptors;

bool IsDescriptor(const SECURITY_DESCRIPTOR* descriptor) {
  return descriptor && descriptor->Revision == SECURITY_DESCRIPTOR_REVISION;
}

}  // namespace

bool ModeFromAttributes(const SECURITY_ATTRIBUTES* attributes, uint32_t* mode) {
  *mode = kOwnerAlone;
  if (!attributes || !attributes->lpSecurityDescriptor) return true;
  const auto* descriptor =
      static_cast<const SECURITY_DESCRIPTOR*>(attributes->lpSecurityDescriptor);
  if (!IsDescriptor(descriptor)) return Fail<bool>(ERROR_UNKNOWN_REVISION);
  if ((descriptor->Control & SE_DACL_PRESENT) == 0) return true;
  // A list that is present and null lets everyone do everything.
  *mode |= descriptor->Dacl ? descriptor->Dacl->mode : kEveryoneReadsAndWrites;
  return true;
}

}  // namespace kernel32

using namespace kernel32;

BOOL WINAPI InitializeSecurityDescriptor(PSECURITY_DESCRIPTOR pSecurityDescriptor,
                                         DWORD dwRevision) {
  if (dwRevision != SECURITY_DESCRIPTOR_REVISION) return Fail<BOOL>(ERROR_UNKNOWN_REVISION);
  if (!pSecurityDescriptor) return Fail<BOOL>(ERROR_INVALID_PARAMETER);
  memset(pSecurityDescriptor, 0, sizeof(SECURITY_DESCRIPTOR));
  static_cast<SECURITY_DESCRIPTOR*>(pSecurityDescriptor)->Revision = SECURITY_DESCRIPTOR_REVISION;
  return TRUE;
}

BOOL WINAPI SetSecurityDescriptorDacl(PSECURITY_DESCRIPTOR pSecurityDescriptor, BOOL bDaclPresent,
                                      PACL pDacl, BOOL bDaclDefaulted) {
  auto* const descriptor = static_cast<SECURITY_DESCRIPTOR*>(pSecurityDescriptor);
  if (!IsDescriptor(descriptor)) return Fail<BOOL>(ERROR_UNKNOWN_REVISION);
  descriptor->Control &= static_cast<WORD>(~(SE_DACL_PRESENT | SE_DACL_DEFAULTED));
  if (!bDaclPresent) return TRUE;
  descriptor->Control |= SE_DACL_PRESENT | (bDaclDefaulted ? SE_DACL_DEFAULTED : 0);
  descriptor->Dacl = pDacl;
  return TRUE;
}

BOOL WINAPI ConvertStringSecurityDescriptorToSecurityDescriptorW(
    LPCWSTR StringSecurityDescriptor, DWORD StringSDRevision,
    PSECURITY_DESCRIPTOR* SecurityDescriptor, DWORD* SecurityDescriptorSize) try {
  if (!StringSecurityDescriptor || !SecurityDescriptor) return Fail<BOOL>(ERROR_INVALID_PARAMETER);
  if (StringSDRevision != SDDL_REVISION_1) return Fail<BOOL>(ERROR_UNKNOWN_REVISION);
  uint32_t mode;
  if (const DWORD error = ParseSddl(StringSecurityDescriptor, &mode)) return Fail<BOOL>(error);
  std::unique_ptr<DescriptorWithAcl> made(new DescriptorWithAcl{{}, {mode}});
  made->descriptor.Revision = SECURITY_DESCRIPTOR_REVISION;
  made->descriptor.Control = SE_DACL_PRESENT;
  made->descriptor.Dacl = &made->acl;
  {
    std::lock_guard<TableMutex> lock(made_descriptors->mutex);
    made_descriptors->descriptors.insert(made.get());
  }
  if (SecurityDescriptorSize) *SecurityDescriptorSize = sizeof *made;
  *SecurityDescriptor = made.release();
  return TRUE;
} catch (const std::bad_alloc&) {
  return Fail<BOOL>(ERROR_NOT_ENOUGH_MEMORY);
}

HLOCAL WINAPI LocalFree(HLOCAL hMem) {
  if (!hMem) return nullptr;
  {
    std::lock_guard<TableMutex> lock(made_descriptors->mutex);
    if (made_descriptors->descriptors.erase(hMem) == 0)
      return Fail<HLOCAL>(ERROR_INVALID_HANDLE, hMem);
  }
  delete static_cast<DescriptorWithAcl*>(hMem);
  return nullptr;
}
