// The TypeScript twin of dll/samples/parent.cpp.
import { writeSync } from 'node:fs';
import { setSharedMem } from '../index.js';
import { HANDLE_FLAG_INHERIT, INFINITE, kernel32, type ProcessInformation, STD_HANDLES } from '../win32/kernel32.js';

/** Starts a command line and waits until the process ends. */
function run(commandLine: string): void {
  const { CloseHandle, CreateProcessW, GetLastError, GetStdHandle, SetHandleInformation, sizeOf, WaitForSingleObject } =
    kernel32();
  // Node keeps its standard handles from being inherited.
  for (const which of STD_HANDLES) SetHandleInformation(GetStdHandle(which), HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
  const process: Partial<ProcessInformation> = {};
  // A copy, as CreateProcessW may write into it.
  const buffer = Buffer.from(`${commandLine}\0`, 'utf16le');
  const startup = { cb: sizeOf.STARTUPINFOW };
  if (!CreateProcessW(null, buffer, null, null, 1, 0, null, null, startup, process)) {
    writeSync(1, `CreateProcess failed (${GetLastError()})\n`);
    return;
  }
  const { hProcess, hThread } = process as ProcessInformation;
  CloseHandle(hThread);
  WaitForSingleObject(hProcess, INFINITE);
  CloseHandle(hProcess);
}

/**
 * Writes a string into the memory that the DLL's users share, and starts a program to read it.
 *
 * @param commandLine the program and its arguments, as `CreateProcessW` takes them
 */
export function parent(commandLine: string | undefined): void {
  if (commandLine === undefined) {
    writeSync(1, 'Please specify an input file');
    return;
  }
  writeSync(1, '\nProcess is writing to shared memory...\n\n');
  setSharedMem('This is a test string');
  // The memory would be gone if this process ended before the child has read it.
  run(commandLine);
}
