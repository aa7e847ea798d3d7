// The layout: Include/rF2State.h and Include/MappedBuffer.h of
// https://github.com/TheIronWolfModding/rF2SharedMemoryMapPlugin
#ifndef DLLMEMFILEMAP_EXAMPLES_RFACTOR2_H
#define DLLMEMFILEMAP_EXAMPLES_RFACTOR2_H

#include <stdint.h>
#include <windows.h>

// Packed to 4, so that no double of it is aligned to 8. Windows' long is 32 bits.
#pragma pack(push, 4)
struct Vec3 {
  double x, y, z;
};

// The first fields, and room for the others.
struct VehicleTelemetry {
  int32_t mID;
  double mDeltaTime;
  double mElapsedTime;
  int32_t mLapNumber;
  double mLapStartET;
  char mVehicleName[64];
  char mTrackName[64];
  Vec3 mPos;
  Vec3 mLocalVel;
  BYTE others[1888 - 208];
};

struct TelemetryHeader {
  volatile DWORD mVersionUpdateBegin;
  volatile DWORD mVersionUpdateEnd;
  int32_t mBytesUpdatedHint;
  int32_t mNumVehicles;
};

struct Telemetry {
  TelemetryHeader header;
  VehicleTelemetry mVehicles[128];
};
#pragma pack(pop)

#endif
