// What a security descriptor means for a file: who may open the object that it stands for.
#ifndef DLLMEMFILEMAP_POSIX_SECURITY_H
#define DLLMEMFILEMAP_POSIX_SECURITY_H

#include "windows.h"

namespace kernel32 {

// Stores the permissions (0600, 0644 or 0666) for an object that is created with these attributes;
// null attributes and a null descriptor mean the creating user alone. Returns false after setting
// the last error if the descriptor is none.
bool ModeFromAttributes(const SECURITY_ATTRIBUTES* attributes, uint32_t* mode);

}  // namespace kernel32

#endif
