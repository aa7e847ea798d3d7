import { stderr } from 'node:process';
import type { Mirror, MirrorEvents, MirrorOptions } from '../mirror/mirror.js';
import { interruption } from './interruption.js';
import { forOutput, note, print, quote } from './output.js';
import { withUserInput } from './user-input.js';

/** What the command line has. */
export interface MirrorCommandOptions extends Omit<MirrorOptions, 'sections' | 'tls' | 'signal'> {
  readonly size?: number;
  readonly versionWords?: readonly number[];
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly json?: boolean;
}

/** Keeps the shared text or named sections, and mirrors them, until it is interrupted. */
export async function mirror(url: string, names: readonly string[], options: MirrorCommandOptions): Promise<void> {
  const { size, versionWords, tlsCa, tlsCert, tlsKey, json = false, ...others } = options;
  const section = { ...(size !== undefined && { size }), ...(versionWords && { versionWords }) };
  const tls = { ...(tlsCa && { ca: tlsCa }), ...(tlsCert && { cert: tlsCert }), ...(tlsKey && { key: tlsKey }) };
  const signal = interruption();
  const library = await import('../mirror/mirror.js');
  const mirrored = await withUserInputOf(
    library.mirror(url, {
      ...others,
      ...(names.length > 0 && { sections: names.map((name) => ({ name, ...section })) }),
      ...(Object.keys(tls).length > 0 && { tls }),
      signal,
    }),
  ).catch((error) => {
    if (!signal.aborted) throw error;
    return undefined;
  });
  if (mirrored === undefined) return;
  const report = json ? jsonLines(mirrored) : stderr.isTTY ? progressLine(mirrored) : notes(mirrored);
  const { sections } = mirrored;
  const named = sections.map((name) => `'${forOutput(name)}'`).join(', ') || 'nothing yet';
  const group = options.group ?? 'default';
  await print(
    json
      ? `${JSON.stringify({ event: 'ready', url, group, sections })}\n`
      : `Mirroring ${named} through ${url}, group '${group}'. Ctrl+C ends it.\n`,
  );
  await mirrored.closed;
  report();
}

/** Options that are refused are wrong usage, and known before anything is waited for. */
async function withUserInputOf(mirroring: Promise<Mirror>): Promise<Mirror> {
  const settled = await mirroring.then(
    (mirrored) => () => mirrored,
    (error) => () => {
      throw error;
    },
  );
  return withUserInput(settled);
}

/** What {@link notes} has a line for. */
const NOTED = ['reached', 'unreachable', 'joined', 'store-lost', 'warning', 'conflict'] as const;
const EVENTS: readonly (keyof MirrorEvents)[] = [...NOTED, 'sent', 'applied'];

/** A line of JSON for each event. */
function jsonLines(mirrored: Mirror): () => void {
  for (const event of EVENTS) {
    mirrored.on(event, (first?: unknown) => {
      const details = first instanceof Error ? { message: first.message } : toJson(first);
      void print(`${JSON.stringify({ event, ...details })}\n`);
    });
  }
  return () => {};
}

function toJson(details: unknown): object {
  if (typeof details === 'string') return { section: details };
  const { loser, ...others } = (details ?? {}) as { loser?: Uint8Array };
  return { ...others, ...(loser && { loser: Buffer.from(loser).toString('base64') }) };
}

/** A line for what a user may want to know, and none for each change. */
function notes(mirrored: Mirror): () => void {
  mirrored.on('reached', () => note('The server answers again.'));
  mirrored.on('unreachable', () => note('The server does not answer. What is written meanwhile is sent later.'));
  mirrored.on('joined', (section) => note(`Mirroring '${section}', too.`));
  mirrored.on('store-lost', (section) => note(`The server has lost '${section}': it gets what is here.`));
  mirrored.on('warning', ({ message }) => note(`warning: ${message}`));
  mirrored.on('conflict', ({ section, text, offset, loser }) => {
    const lost = text === undefined ? `${loser.length} bytes at ${offset}` : quote(text);
    note(`Another machine has written '${section}' later, so this is lost: ${lost}`);
  });
  return () => {};
}

const REDRAW = '\r\x1b[2K';
const BETWEEN_DRAWINGS = 100;

/** One line on a terminal that says how things are, and above it what {@link notes} has. */
function progressLine(mirrored: Mirror): () => void {
  const counts = { sent: 0, applied: 0, conflict: 0 };
  let timer: NodeJS.Timeout | undefined;
  const draw = () => {
    timer = undefined;
    const state = mirrored.connected ? 'connected' : 'NOT CONNECTED';
    const sections = mirrored.sections.length;
    const line =
      `${state}, ${sections} section${sections === 1 ? '' : 's'}, ${counts.sent} sent, ${counts.applied} applied, ` +
      `${counts.conflict} conflict${counts.conflict === 1 ? '' : 's'}`;
    stderr.write(REDRAW + line.slice(0, (stderr.columns || 80) - 1));
  };
  const later = () => {
    timer ??= setTimeout(draw, BETWEEN_DRAWINGS);
  };
  const clear = () => void stderr.write(REDRAW);
  for (const event of NOTED) mirrored.on(event, clear);
  notes(mirrored);
  for (const event of Object.keys(counts) as (keyof typeof counts)[]) {
    mirrored.on(event, () => {
      counts[event]++;
    });
  }
  for (const event of EVENTS) mirrored.on(event, later);
  later();
  return () => {
    clearTimeout(timer);
    draw();
    stderr.write('\n');
  };
}
