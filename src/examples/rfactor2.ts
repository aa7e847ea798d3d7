// Reads a car's telemetry from rFactor 2's Shared Memory Map Plugin: a block with version words.
//
//     npm run example -- rfactor2         together with a publisher of its own, on any system
//     node dist/examples/rfactor2.js      alone, while rFactor 2 runs with the plugin, on Windows
//
// It ends after 20 updates, or once there was none for 5000 ms; both can be given as arguments.
import { setTimeout } from 'node:timers/promises';
import { INTERVAL, limits, openWhenRunning, quote } from './reader.js';
import { Telemetry, TelemetryHeader, VehicleTelemetry } from './rfactor2-layout.js';
import { readVersionedBlock, readVersions } from './versioned-block.js';

/** Where the first car is in the block, and how much of it to copy. */
const FIRST_CAR = Telemetry.offsetOf('mVehicles');
const LENGTH = FIRST_CAR + VehicleTelemetry.size;

function describe(block: Uint8Array): string {
  if (TelemetryHeader.decode(block).mNumVehicles < 1) return 'no car';
  const car = VehicleTelemetry.decode(block.subarray(FIRST_CAR));
  const { mPos, mLocalVel } = car;
  const [x, y, z] = [mPos.x, mPos.y, mPos.z].map((value) => value.toFixed(2));
  return (
    `car ${car.mID} ${quote(car.mVehicleName)} on ${quote(car.mTrackName)}, ${car.mElapsedTime.toFixed(2)} s, ` +
    `lap ${car.mLapNumber} for ${(car.mElapsedTime - car.mLapStartET).toFixed(2)} s, ` +
    `at (${x}, ${y}, ${z}) m, ${(Math.hypot(mLocalVel.x, mLocalVel.y, mLocalVel.z) * 3.6).toFixed(1)} km/h`
  );
}

const { updates, patience } = limits();
using mapping = await openWhenRunning('rFactor 2 with the plugin', '$rFactor2SMMP_Telemetry$', patience);
using view = mapping.mapView({ length: LENGTH });
let lastVersion: number | undefined;
let lastTorn: number | undefined;
for (let seen = 0, since = performance.now(); seen < updates; await setTimeout(INTERVAL)) {
  const block = readVersionedBlock(view, LENGTH);
  const isOver = performance.now() - since >= patience;
  if (block === undefined) {
    const [begin, end] = readVersions(view);
    if (lastTorn !== begin) console.log(`Update ${begin} is under way, and ${end} the last whole one: trying again`);
    lastTorn = begin;
    if (isOver) {
      console.error(`Gave up: update ${begin} has not ended for ${patience} ms, so there is nothing whole to read.`);
      process.exitCode = 1;
      break;
    }
    continue;
  }
  const version = TelemetryHeader.decode(block).mVersionUpdateEnd;
  if (version !== lastVersion) {
    console.log(`Update ${version}: ${describe(block)}`);
    lastVersion = version;
    seen++;
    since = performance.now();
  } else if (isOver) {
    console.log(`No update after ${lastVersion} for ${patience} ms: the game is paused or has ended.`);
    break;
  }
}
