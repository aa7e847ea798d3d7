// irsdk_defines.h of iRacing's SDK
import { array, struct, text } from '../index.js';

export const VarBuf = struct(
  {
    tickCount: 'int32_t', // of the row in it
    bufOffset: 'int32_t',
    pad: array('int32_t', 2),
  },
  { name: 'VarBuf' },
);

export const TelemetryHeader = struct(
  {
    ver: 'int32_t',
    status: 'int32_t', // bit 0: a session is running
    tickRate: 'int32_t', // rows a second
    sessionInfoUpdate: 'int32_t',
    sessionInfoLen: 'int32_t',
    sessionInfoOffset: 'int32_t',
    numVars: 'int32_t',
    varHeaderOffset: 'int32_t',
    numBuf: 'int32_t', // how many of varBuf are in use
    bufLen: 'int32_t', // of a row, in bytes
    pad1: array('int32_t', 2),
    varBuf: array(VarBuf, 4),
  },
  { name: 'TelemetryHeader' },
);

/** Describes a variable, which is at the same place in every row. */
export const VarHeader = struct(
  {
    type: 'int32_t', // char, bool, int, bit field, float, double
    offset: 'int32_t', // in the row
    count: 'int32_t',
    countAsTime: 'bool',
    pad: array('uint8_t', 3),
    name: text('windows-1252', 32),
    desc: text('windows-1252', 64),
    unit: text('windows-1252', 32),
  },
  { name: 'VarHeader' },
);
