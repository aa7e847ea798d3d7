// What Windows, too, has in a header of its own.
#ifndef DLLMEMFILEMAP_POSIX_SDDL_H
#define DLLMEMFILEMAP_POSIX_SDDL_H

#include "windows.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SDDL_REVISION_1 1u

BOOL WINAPI ConvertStringSecurityDescriptorToSecurityDescriptorW(
    LPCWSTR StringSecurityDescriptor, DWORD StringSDRevision,
    PSECURITY_DESCRIPTOR* SecurityDescriptor, DWORD* SecurityDescriptorSize);

#ifdef UNICODE
#define ConvertStringSecurityDescriptorToSecurityDescriptor \
  ConvertStringSecurityDescriptorToSecurityDescriptorW
#endif

#ifdef __cplusplus
}
#endif

#endif
