#ifndef DLLMEMFILEMAP_KEPT_LAST_ERROR_H
#define DLLMEMFILEMAP_KEPT_LAST_ERROR_H

#include "dllmemfilemap.h"

// The last error at its end is what it was at its beginning.
class KeptLastError {
 public:
  KeptLastError() : error_(GetLastError()) {}
  KeptLastError(const KeptLastError&) = delete;
  KeptLastError& operator=(const KeptLastError&) = delete;
  ~KeptLastError() { SetLastError(error_); }

 private:
  const DWORD error_;
};

#endif
