// The TypeScript twin of dll/samples/second_process.cpp.
import { FileMapping } from '../index.js';
import { user32 } from '../win32/kernel32.js';
import { attempt, BUF_SIZE, NAME } from './named.js';

/** Opens the shared memory that the first process creates, and shows the message in it. */
export function secondProcess(): void {
  using mapping = attempt('open file mapping object', () => FileMapping.open(NAME));
  using view = attempt('map view of file', () => mapping.mapView({ length: BUF_SIZE }));
  user32().MessageBoxW(null, view.readString(0, BUF_SIZE / 2), 'Process2', 0);
}
