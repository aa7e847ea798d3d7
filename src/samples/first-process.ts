// The TypeScript twin of dll/samples/first_process.cpp.
import { once } from 'node:events';
import { stdin } from 'node:process';
import { FileMapping } from '../index.js';
import { attempt, BUF_SIZE, NAME } from './named.js';

/** Waits for one key, or for one byte where the standard input is no terminal. */
async function waitForKey(): Promise<void> {
  if (stdin.isTTY) stdin.setRawMode(true);
  await Promise.race([once(stdin, 'data'), once(stdin, 'end')]);
  if (stdin.isTTY) stdin.setRawMode(false);
  stdin.destroy();
}

/** Creates named shared memory with a message in it, and keeps it until a key is pressed. */
export async function firstProcess(): Promise<void> {
  using mapping = attempt('create file mapping object', () => FileMapping.create(NAME, BUF_SIZE));
  using view = attempt('map view of file', () => mapping.mapView({ length: BUF_SIZE }));
  view.writeString('Message from first process.');
  await waitForKey();
}
