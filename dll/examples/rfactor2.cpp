// Publishes two cars' telemetry as rFactor 2 does with the Shared Memory Map Plugin.
//
// Commands: next; or its two halves, begin and finish, to stand in the middle of an update.

#include "rfactor2.h"

#include <string.h>

#include <atomic>

#include "publisher.h"

namespace {

const char kVehicleNames[][16] = {"Example GT #7", "Example GT #8"};
const char kTrackName[] = "Example Ring";
constexpr int32_t kVehicles = 2;
constexpr DWORD kUpdatesInALap = 50;
constexpr double kDeltaTime = 0.02;

// The first half of an update: the number is ahead of the data from here on.
void Begin(Telemetry& telemetry) {
  const DWORD n = telemetry.header.mVersionUpdateBegin + 1;
  telemetry.header.mVersionUpdateBegin = n;
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
  const DWORD n = telemetry.header.mVersionUpdateBegin;
  for (int32_t i = 0; i < kVehicles; ++i) {
    VehicleTelemetry& vehicle = telemetry.mVehicles[i];
    memcpy(vehicle.mVehicleName, kVehicleNames[i], sizeof kVehicleNames[i]);
    memcpy(vehicle.mTrackName, kTrackName, sizeof kTrackName);
    vehicle.mPos = {n * 1.5, 0.25 + i, n * -2.0};
    // Forwards is where z is negative.
    vehicle.mLocalVel = {0.0, 0.0, -50.0 - n};
  }
  telemetry.header.mNumVehicles = kVehicles;
  // After the version words, as the plugin counts.
  telemetry.header.mBytesUpdatedHint =
      static_cast<int32_t>(8 + kVehicles * sizeof(VehicleTelemetry));
  std::atomic_thread_fence(std::memory_order_seq_cst);
  telemetry.header.mVersionUpdateEnd = n;
}

std::string Execute(Telemetry& telemetry, const std::string& command) {
  const bool both = command == "next";
  if (!both && command != "begin" && command != "finish") return "unknown command";
  if (both || command == "begin") Begin(telemetry);
  if (both || command == "finish") Finish(telemetry);
  return std::to_string(telemetry.header.mVersionUpdateBegin);
}

}  // namespace

extern "C" int wmain(int argc, WCHAR* argv[]) {
  return Publish<Telemetry>(TEXT("$rFactor2SMMP_Telemetry$"), argc, argv, Execute);
}
