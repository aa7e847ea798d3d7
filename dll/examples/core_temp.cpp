// Publishes temperatures and loads as Core Temp does.
//
// Commands: next; fahrenheit and delta, which set a flag and publish nothing else.

#include "core_temp.h"

#include <string.h>

#include "publisher.h"

namespace {

const char kCpuName[] = "Example CPU";
constexpr DWORD kCores = 4;

void Measure(CoreTempSharedDataEx& shared, DWORD n) {
  CoreTempSharedDataEx data = shared;
  memcpy(data.sCPUName, kCpuName, sizeof kCpuName);
  data.uiStructVersion = 2;
  data.uiCPUCnt = 1;
  data.uiCoreCnt = kCores;
  data.uiTjMax[0] = 100;
  data.fVID = 1.125f;
  data.fCPUSpeed = static_cast<float>(3600 + n);
  data.fFSBSpeed = 100.0f;
  data.fMultiplier = 36.0f;
  data.ucTdpSupported = 1;
  data.uiTdp[0] = 65;
  data.ucPowerSupported = 1;
  data.fPower[0] = 20.0f + static_cast<float>(n) * 0.5f;
  for (DWORD core = 0; core < kCores; ++core) {
    data.uiLoad[core] = (n + core * 10) % 101;
    data.fTemp[core] = 40.0f + static_cast<float>(n % 50) + static_cast<float>(core) * 0.5f;
    data.fMultipliers[core] = static_cast<float>(36 + core);
  }
  // All at once, as nothing tells a reader that it is not done yet.
  shared = data;
}

}  // namespace

extern "C" int wmain(int argc, WCHAR* argv[]) {
  DWORD n = 0;
  return Publish<CoreTempSharedDataEx>(
      TEXT("CoreTempMappingObjectEx"), argc, argv,
      [&n](CoreTempSharedDataEx& data, const std::string& command) -> std::string {
        if (command == "next") {
          Measure(data, ++n);
        } else if (command == "fahrenheit") {
          data.ucFahrenheit = 1;
        } else if (command == "delta") {
          data.ucDeltaToTjMax = 1;
        } else {
          return "unknown command";
        }
        return std::to_string(n);
      });
}
