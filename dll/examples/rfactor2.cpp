// Publishes two cars' telemetry as rFactor 2 does with the Shared Memory Map Plugin.
//
// Commands: next; or its two halves, begin and finish, to stand in the middle of an update.
//
// The layout: Include/rF2State.h and Include/MappedBuffer.h of
// https://github.com/TheIronWolfModding/rF2SharedMemoryMapPlugin

#include <stddef.h>
#include <string.h>

#include <atomic>

#include "publisher.h"

namespace {

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

struct Telemetry {
  volatile DWORD mVersionUpdateBegin;
  volatile DWORD mVersionUpdateEnd;
  int32_t mBytesUpdatedHint;
  int32_t mNumVehicles;
  VehicleTelemetry mVehicles[128];
};
#pragma pack(pop)
static_assert(offsetof(VehicleTelemetry, mDeltaTime) == 4);
static_assert(offsetof(VehicleTelemetry, mElapsedTime) == 12);
static_assert(offsetof(VehicleTelemetry, mLapNumber) == 20);
static_assert(offsetof(VehicleTelemetry, mLapStartET) == 24);
static_assert(offsetof(VehicleTelemetry, mVehicleName) == 32);
static_assert(offsetof(VehicleTelemetry, mTrackName) == 96);
static_assert(offsetof(VehicleTelemetry, mPos) == 160);
static_assert(offsetof(VehicleTelemetry, mLocalVel) == 184);
static_assert(offsetof(VehicleTelemetry, others) == 208);
static_assert(sizeof(VehicleTelemetry) == 1888);
static_assert(offsetof(Telemetry, mVersionUpdateEnd) == 4);
static_assert(offsetof(Telemetry, mBytesUpdatedHint) == 8);
static_assert(offsetof(Telemetry, mNumVehicles) == 12);
static_assert(offsetof(Telemetry, mVehicles) == 16);
static_assert(sizeof(Telemetry) == 16 + 128 * 1888);

const char kVehicleNames[][16] = {"Example GT #7", "Example GT #8"};
const char kTrackName[] = "Example Ring";
constexpr int32_t kVehicles = 2;
constexpr DWORD kUpdatesInALap = 50;
constexpr double kDeltaTime = 0.02;

// The first half of an update: the number is ahead of the data from here on.
void Begin(Telemetry& telemetry) {
  const DWORD n = telemetry.mVersionUpdateBegin + 1;
  telemetry.mVersionUpdateBegin = n;
  std::atomic_thread_fence(std::memory_order_seq_cst);
  for (int32_t i = 0; i < kVehicles; ++i) {
    VehicleTelemetry& vehicle = telemetry.mVehicles[i];
    vehicle.mID = 7 + i;
    vehicle.mDeltaTime = kDeltaTime;
    vehicle.mElapsedTime = n * kDeltaTime;
    vehicle.mLapNumber = static_cast<int32_t>(1 + n / kUpdatesInALap);
    vehicle.mLapStartET = n / kUpdatesInALap * kUpdatesInALap * kDeltaTime;
  }
}

// The second half: the data has the number that mVersionUpdateEnd says.
void Finish(Telemetry& telemetry) {
  const DWORD n = telemetry.mVersionUpdateBegin;
  for (int32_t i = 0; i < kVehicles; ++i) {
    VehicleTelemetry& vehicle = telemetry.mVehicles[i];
    memcpy(vehicle.mVehicleName, kVehicleNames[i], sizeof kVehicleNames[i]);
    memcpy(vehicle.mTrackName, kTrackName, sizeof kTrackName);
    vehicle.mPos = {n * 1.5, 0.25 + i, n * -2.0};
    // Forwards is where z is negative.
    vehicle.mLocalVel = {0.0, 0.0, -50.0 - n};
  }
  telemetry.mNumVehicles = kVehicles;
  // Behind the version words, as the plugin counts.
  telemetry.mBytesUpdatedHint = static_cast<int32_t>(8 + kVehicles * sizeof(VehicleTelemetry));
  std::atomic_thread_fence(std::memory_order_seq_cst);
  telemetry.mVersionUpdateEnd = n;
}

std::string Execute(Telemetry& telemetry, const std::string& command) {
  const bool both = command == "next";
  if (!both && command != "begin" && command != "finish") return "unknown command";
  if (both || command == "begin") Begin(telemetry);
  if (both || command == "finish") Finish(telemetry);
  return std::to_string(telemetry.mVersionUpdateBegin);
}

}  // namespace

extern "C" int wmain(int argc, WCHAR* argv[]) {
  return Publish<Telemetry>(TEXT("$rFactor2SMMP_Telemetry$"), argc, argv, Execute);
}
