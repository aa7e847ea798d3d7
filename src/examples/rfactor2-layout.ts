// Include/rF2State.h and Include/MappedBuffer.h of https://github.com/TheIronWolfModding/rF2SharedMemoryMapPlugin
import { array, struct, text } from '../index.js';

export const Vec3 = struct({ x: 'double', y: 'double', z: 'double' }, { pack: 4, name: 'Vec3' });

/** The first fields of an rF2VehicleTelemetry, and room for the others. Windows' long is an int32_t. */
export const VehicleTelemetry = struct(
  {
    mID: 'int32_t',
    mDeltaTime: 'double', // in seconds
    mElapsedTime: 'double', // in seconds
    mLapNumber: 'int32_t',
    mLapStartET: 'double', // in seconds
    mVehicleName: text('windows-1252', 64),
    mTrackName: text('windows-1252', 64),
    mPos: Vec3, // in metres
    mLocalVel: Vec3, // in metres a second
    others: array('uint8_t', 1888 - 208),
  },
  { pack: 4, name: 'VehicleTelemetry' },
);

/** What stands before the vehicles: the version words, and what rF2Telemetry begins with. */
export const TelemetryHeader = struct(
  {
    mVersionUpdateBegin: 'uint32_t',
    mVersionUpdateEnd: 'uint32_t',
    mBytesUpdatedHint: 'int32_t', // how much the last update wrote after the version words; 0 if that is not known
    mNumVehicles: 'int32_t',
  },
  { pack: 4, name: 'TelemetryHeader' },
);

export const Telemetry = struct(
  { header: TelemetryHeader, mVehicles: array(VehicleTelemetry, 128) },
  { pack: 4, name: 'Telemetry' },
);
