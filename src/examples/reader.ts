// What the readers have in common.
import { writeSync } from 'node:fs';
import { argv, exit } from 'node:process';
import { quote as quoteText } from '../commands/output.js';
import { FileMapping, Win32Error } from '../index.js';

/** How long a reader waits before it looks again, in milliseconds. */
export const INTERVAL = 20;

/** After how many updates a reader ends, and after how many milliseconds without one: its two arguments. */
export function limits(): { readonly updates: number; readonly patience: number } {
  const [, , updates = '20', patience = '5000'] = argv;
  return { updates: Number(updates), patience: Number(patience) };
}

/** Opens a mapping for reading; `undefined` if no process has it open. */
export function openForReading(name: string): FileMapping | undefined {
  try {
    return FileMapping.open(name, { access: 'read' });
  } catch (error) {
    if (error instanceof Win32Error && error.code === 'ERROR_FILE_NOT_FOUND') return undefined;
    throw error;
  }
}

/** Says that the program to read from is not running, and ends with 1. */
export function notRunning(program: string, name: string): never {
  writeSync(2, `${program} is not running: no process has the mapping '${name}' open. Start ${program} first.\n`);
  exit(1);
}

/** A copied null-terminated string, in quotes and without anything that a terminal would obey. */
export function quote(bytes: Uint8Array, encoding: 'utf-16le' | 'windows-1252'): string {
  const text = new TextDecoder(encoding).decode(bytes);
  const end = text.indexOf('\0');
  return quoteText(end < 0 ? text : text.slice(0, end));
}
