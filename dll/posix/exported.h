// Put before every source of the two libraries, which hide all that is not declared here.
#ifndef DLLMEMFILEMAP_POSIX_EXPORTED_H
#define DLLMEMFILEMAP_POSIX_EXPORTED_H

#pragma GCC visibility push(default)
#include "../dllmemfilemap.h"
#include "library.h"
#include "sddl.h"
#include "windows.h"
#pragma GCC visibility pop

#endif
