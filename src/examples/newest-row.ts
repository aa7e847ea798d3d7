import type { MappedView } from '../index.js';
import { TelemetryHeader } from './iracing-layout.js';

/**
 * Copies the newest of the rows that a program writes in turn. It writes the oldest place next, so that there is time for
 * the copy; one during which its place got another row is refused.
 *
 * @returns `undefined` if the copy was refused: there is a newer row
 */
export function readNewestRow(
  view: Pick<MappedView, 'snapshot'>,
): { readonly tickCount: number; readonly row: Uint8Array } | undefined {
  const read = () => TelemetryHeader.decode(view.snapshot(0, TelemetryHeader.size));
  const { varBuf, numBuf, bufLen } = read();
  const ticks = varBuf.slice(0, numBuf).map(({ tickCount }) => tickCount);
  const tickCount = Math.max(...ticks);
  const place = ticks.indexOf(tickCount);
  const offset = varBuf[place]?.bufOffset ?? 0;
  const row = view.snapshot(offset, offset + bufLen);
  return read().varBuf[place]?.tickCount === tickCount ? { tickCount, row } : undefined;
}
