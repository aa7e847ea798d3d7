// Reads the processor's temperatures and loads from Core Temp.
//
//     npm run example -- core-temp         together with a publisher of its own, on any system
//     node dist/examples/core-temp.js      alone, while Core Temp runs, on Windows
//
// It ends after 20 readings, when Core Temp does, or once nothing has changed for 5000 ms; both numbers can be given as
// arguments.
//
// There is no counter to tell that Core Temp is still there. But the mapping goes when its last handle is closed: this
// opens it for each reading anew, as a handle of its own would keep it alive.
import { setTimeout } from 'node:timers/promises';
import type { FileMapping, StructValue } from '../index.js';
import { CoreTempSharedDataEx } from './core-temp-layout.js';
import { INTERVAL, limits, openIfRunning, openWhenRunning, quote } from './reader.js';
import { readUnversionedBlock } from './unversioned-block.js';

const NAME = 'CoreTempMappingObjectEx';

/** Takes a reading, and lets go of the mapping. */
function takeReading(opened: FileMapping): Buffer {
  using mapping = opened;
  using view = mapping.mapView({ length: CoreTempSharedDataEx.size });
  return readUnversionedBlock(view, CoreTempSharedDataEx.size);
}

function describe(data: StructValue<typeof CoreTempSharedDataEx>): string {
  const unit = (data.ucFahrenheit ? '°F' : '°C') + (data.ucDeltaToTjMax ? ' below TjMax' : '');
  const temperatures = data.fTemp
    .slice(0, data.uiCoreCnt * data.uiCPUCnt)
    .map((temperature, core) => `${temperature.toFixed(1)} ${unit} at ${data.uiLoad[core]} %`);
  const hasPower = data.uiStructVersion >= 2 && data.ucPowerSupported;
  const power = hasPower ? [`${data.fPower[0]?.toFixed(1)} W`] : [];
  return [quote(data.sCPUName), `${data.fCPUSpeed.toFixed(0)} MHz`, ...power, ...temperatures].join(', ');
}

const { updates, patience } = limits();
let mapping: FileMapping | undefined = await openWhenRunning('Core Temp', NAME, patience);
let last: Buffer | undefined;
for (let seen = 0, since = performance.now(); seen < updates; await setTimeout(INTERVAL)) {
  mapping ??= openIfRunning(NAME);
  if (mapping === undefined) {
    console.log('Core Temp has ended.');
    break;
  }
  const reading = takeReading(mapping);
  mapping = undefined;
  const data = CoreTempSharedDataEx.decode(reading);
  // A structure without a version was created, but not filled in yet.
  if (data.uiStructVersion !== 0 && last?.equals(reading) !== true) {
    console.log(describe(data));
    last = reading;
    seen++;
    since = performance.now();
  } else if (performance.now() - since >= patience) {
    console.log(`Nothing has changed for ${patience} ms.`);
    break;
  }
}
