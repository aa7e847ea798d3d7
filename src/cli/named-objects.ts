// The named objects of dll/posix, by their files: dll/posix/file_header.cpp and names.cpp have the format.
import { closeSync, constants, fstatSync, openSync, readdirSync, readlinkSync, readSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { pid as ownPid } from 'node:process';
import { FileMapping, NamedEvent, NamedMutex, NamedSemaphore, Win32Error } from '../index.js';
import type { ObjectFiles } from '../win32/native-library.js';

export interface NamedObjectEntry {
  readonly kind: keyof typeof OPENERS;
  readonly name: string;
  /** A section's, in bytes. */
  readonly size?: number;
  /** On Linux, the processes that have it open, of those that this user may look into. */
  readonly processes?: readonly number[];
}

/** Opens each kind for less than a moment. In the order of `ObjectKind`, which begins with 1. */
const OPENERS = {
  section: (name: string) => FileMapping.open(name, { access: 'read' }),
  event: (name: string) => NamedEvent.open(name),
  mutex: (name: string) => NamedMutex.open(name),
  semaphore: (name: string) => NamedSemaphore.open(name),
};
const KINDS = Object.keys(OPENERS) as (keyof typeof OPENERS)[];

const MAGIC = 'dllmemfilemap2\n\0';
const KIND_OFFSET = 16;
const LENGTH_OFFSET = 40;
const NAME_OFFSET = 44;
const MAX_NAME = 260;

/** The living objects of a namespace, ordered by name, of those that this user may open. */
export function namedObjects({ prefix, path }: ObjectFiles): NamedObjectEntry[] {
  const holders = holdersOf(basename(path));
  // All of them before the first is opened: that sweeps what is dead.
  const headers = entries(dirname(path))
    .map((file) => `${dirname(path)}/${file}`)
    .filter((file) => file.startsWith(path))
    .map(readHeader);
  const objects: NamedObjectEntry[] = [];
  for (const header of headers) {
    // Anybody may put a file here that has the name of another's.
    if (header === undefined || header.file !== path + hash(header.text)) continue;
    const { kind, text, identity } = header;
    const name = prefix + text;
    const open = openIfAlive(kind, name);
    if (open === undefined) continue;
    const size = open instanceof FileMapping ? { size: open.size } : {};
    open.close();
    objects.push({ kind, name, ...size, ...(holders && { processes: holders.get(identity) ?? [] }) });
  }
  return objects.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** `undefined` if it is dead, or not for this user. */
function openIfAlive(kind: keyof typeof OPENERS, name: string) {
  try {
    return OPENERS[kind](name);
  } catch (error) {
    if (error instanceof Win32Error || error instanceof RangeError) return undefined;
    throw error;
  }
}

/** What a file says that it is, without following or waiting for what somebody else put there. */
function readHeader(file: string) {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const status = fstatSync(descriptor, { bigint: true });
    if (!status.isFile()) return undefined;
    const bytes = Buffer.alloc(NAME_OFFSET + 2 * MAX_NAME);
    if (readSync(descriptor, bytes, 0, bytes.length, 0) < bytes.length) return undefined;
    const kind = KINDS[bytes.readUInt32LE(KIND_OFFSET) - 1];
    const length = bytes.readUInt32LE(LENGTH_OFFSET);
    if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC || kind === undefined || length > MAX_NAME)
      return undefined;
    const text = bytes.toString('utf16le', NAME_OFFSET, NAME_OFFSET + 2 * length);
    return { file, kind, text, identity: `${status.dev}:${status.ino}` };
  } catch {
    return undefined; // it has gone, or it is not for this user
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** FNV-1a of 64 bits over the UTF-16 of a name, in hexadecimal: the rest of its file's name. */
function hash(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text, 'utf16le')) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(16).padStart(16, '0');
}

/** The other processes that have each file open, by its device and number; `undefined` where no /proc tells. */
function holdersOf(prefix: string): Map<string, number[]> | undefined {
  const pids = entries('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== ownPid);
  if (pids.length === 0) return undefined;
  const holders = new Map<string, number[]>();
  for (const pid of pids.sort((a, b) => a - b)) {
    for (const descriptor of entries(`/proc/${pid}/fd`)) {
      const identity = identityOf(`/proc/${pid}/fd/${descriptor}`, prefix);
      if (identity === undefined) continue;
      const known = holders.get(identity);
      if (known === undefined) holders.set(identity, [pid]);
      else if (known.at(-1) !== pid) known.push(pid);
    }
  }
  return holders;
}

/** Only what has an object's name is looked at: the file system of another may not answer. */
function identityOf(link: string, prefix: string): string | undefined {
  try {
    if (!basename(readlinkSync(link)).startsWith(prefix)) return undefined;
    const { dev, ino } = statSync(link, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

/** What is in a folder; nothing, if it has gone or is not for this user. */
function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
