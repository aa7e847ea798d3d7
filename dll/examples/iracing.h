// The layout of iRacing's telemetry: irsdk_defines.h of its SDK. Its integers are 32 bits.
#ifndef DLLMEMFILEMAP_EXAMPLES_IRACING_H
#define DLLMEMFILEMAP_EXAMPLES_IRACING_H

#include <stdint.h>

struct VarBuf {
  int32_t tickCount;
  int32_t bufOffset;
  int32_t pad[2];
};

struct TelemetryHeader {
  int32_t ver;
  int32_t status;
  int32_t tickRate;
  int32_t sessionInfoUpdate;
  int32_t sessionInfoLen;
  int32_t sessionInfoOffset;
  int32_t numVars;
  int32_t varHeaderOffset;
  int32_t numBuf;
  int32_t bufLen;
  int32_t pad1[2];
  VarBuf varBuf[4];
};

struct VarHeader {
  int32_t type;
  int32_t offset;
  int32_t count;
  bool countAsTime;
  char pad[3];
  char name[32];
  char desc[64];
  char unit[32];
};

#endif
