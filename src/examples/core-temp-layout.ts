// https://coretemp.org/developers/
import { array, struct, text } from '../index.js';

/** An index is core + processor * cores a processor. */
export const CoreTempSharedDataEx = struct(
  {
    uiLoad: array('uint32_t', 256), // in percent
    uiTjMax: array('uint32_t', 128), // for each processor
    uiCoreCnt: 'uint32_t', // cores a processor
    uiCPUCnt: 'uint32_t', // processors
    fTemp: array('float', 256),
    fVID: 'float', // in volts
    fCPUSpeed: 'float', // in MHz
    fFSBSpeed: 'float', // in MHz
    fMultiplier: 'float',
    sCPUName: text('windows-1252', 100),
    ucFahrenheit: 'bool', // temperatures are in Fahrenheit
    ucDeltaToTjMax: 'bool', // temperatures are distances from TjMax
    ucTdpSupported: 'bool',
    ucPowerSupported: 'bool',
    uiStructVersion: 'uint32_t', // 2, or more for a longer structure
    uiTdp: array('uint32_t', 128), // in watts, for each processor
    fPower: array('float', 128), // in watts, for each processor
    fMultipliers: array('float', 256), // for each core
  },
  { pack: 4, name: 'CoreTempSharedDataEx' },
);
