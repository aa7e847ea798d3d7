// What the two programs of the sample "Creating Named Shared Memory" have in common.
import { writeSync } from 'node:fs';
import { exit } from 'node:process';
import { Win32Error } from '../index.js';

export const BUF_SIZE = 256;
export const NAME = 'Global\\MyFileMappingObject';

/** Makes one of the calls that the sample makes; if it fails, prints what the sample prints, and ends with 1. */
export function attempt<T>(action: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof Win32Error)) throw error;
    writeSync(1, `Could not ${action} (${error.errno}).\n`);
    exit(1);
  }
}
