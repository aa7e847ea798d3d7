// What the readers have in common.
import { writeSync } from 'node:fs';
import { argv, exit } from 'node:process';
import { FileMapping, Win32Error } from '../index.js';
import { unseenPrograms } from '../win32/native-library.js';

export { quote } from '../cli/output.js';
export { openIfHeld as openIfRunning } from '../cli/section.js';

/** How long a reader waits before it looks again, in milliseconds. */
export const INTERVAL = 20;

/** After how many updates a reader ends, and after how many milliseconds without one: its two arguments. */
export function limits(): { readonly updates: number; readonly patience: number } {
  const [, , updates = '20', patience = '5000'] = argv;
  return { updates: Number(updates), patience: Number(patience) };
}

/** Opens a program's mapping for reading once it is there. If it does not come in time, says so and ends with 1. */
export async function openWhenRunning(program: string, name: string, timeout: number): Promise<FileMapping> {
  try {
    return await FileMapping.waitFor(name, { access: 'read', interval: INTERVAL, timeout });
  } catch (error) {
    if (!(error instanceof Win32Error && error.code === 'WAIT_TIMEOUT')) throw error;
    const advice = `Start ${program} first. ${unseenPrograms()}`.trim();
    writeSync(2, `${program} is not running: no process has the mapping '${name}' open. ${advice}\n`);
    exit(1);
  }
}
