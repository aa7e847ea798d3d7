import { SECTION_NAME } from '../shared-mem/shared-mem.js';
import {
  describe,
  oneOf,
  requireBoolean,
  requireDelay,
  requireInteger,
  requireName,
  requireOptions,
  requireText,
  signalOption,
  withoutLocal,
} from '../win32/arguments.js';

/** Size of the largest section that is mirrored, in bytes: 64 MiB. */
export const MAX_SECTION = 64 * 2 ** 20;

/**
 * A section to mirror, for {@link MirrorOptions.sections}.
 *
 * @group Mirror
 * @example
 * ```ts
 * import { FileMapping } from 'dllmemfilemap';
 * import { mirror, type SectionOptions } from 'dllmemfilemap/mirror';
 *
 * const scores: SectionOptions = { name: 'Local\\Scores', size: 65536, versionWords: [0, 4] };
 * await using mirrored = await mirror('nats://127.0.0.1:4222', { sections: [scores] });
 * using mapping = FileMapping.open('Local\\Scores');
 * mapping.size; // 65536
 * ```
 */
export interface SectionOptions {
  /** Of the section, of 1 to 260 UTF-16 code units. */
  readonly name: string;
  /**
   * In bytes, from 1 to 64 MiB: the section is created where no process has it. Default: it has to come from elsewhere,
   * so the mirror waits until a process here creates it, or another machine has it.
   */
  readonly size?: number;
  /**
   * Where the writer keeps its version words: offsets of one or two 32-bit words. Two are equal except during an update.
   * One is even except during an update. Only whole updates are sent then, and readers that know the words see only
   * whole updates, too. Default: what two looks in a row agree on is sent.
   */
  readonly versionWords?: readonly number[];
}

/**
 * What {@link mirror} may be told.
 *
 * @group Mirror
 * @example
 * ```ts
 * import { setSharedMem } from 'dllmemfilemap';
 * import { type MirrorOptions, mirror } from 'dllmemfilemap/mirror';
 *
 * const options: MirrorOptions = { group: 'example', storage: 'memory', prefer: 'local' };
 * setSharedMem('This is a test string');
 * await using mirrored = await mirror('nats://127.0.0.1:4222', options);
 * mirrored.connected; // true
 * ```
 */
export interface MirrorOptions {
  /** The sections to mirror, by their names or with options of their own. Default: the shared text alone. */
  readonly sections?: readonly (string | SectionOptions)[];
  /** What is mirrored together: 1 to 32 letters, digits, `-` and `_`. Default: `'default'`. */
  readonly group?: string;
  /**
   * How long to wait before looking at a section again, in milliseconds, from 1 to 2^31-1; 20 times as long once nothing
   * has changed for a second. The shared text is announced by whoever writes it, and does not wait for this. Default: 1.
   */
  readonly interval?: number;
  /** Never write to the server. Default: `false`. */
  readonly readOnly?: boolean;
  /** Never write to the memory of this machine. Default: `false`. */
  readonly writeOnly?: boolean;
  /** Which value wins at the start, if both sides have one. Default: `'engine'`, that of the other machines. */
  readonly prefer?: 'engine' | 'local';
  /** On how many servers of a cluster the values are, from 1 to 5. Default: those of the group that exists, or 1. */
  readonly replicas?: number;
  /** Where the server keeps the values. Default: that of the group that exists, or `'file'`. */
  readonly storage?: 'file' | 'memory';
  /**
   * How long the memory outlives the last mirror of the group if that ended without saying so, in milliseconds, from 1000
   * to 2^31-1. Default: that of the group that exists, or 10,000.
   */
  readonly ttl?: number;
  /** The user's name, together with `passwordFile`. */
  readonly user?: string;
  /** The path of a file with the password. */
  readonly passwordFile?: string;
  /** The path of a file with a JWT and its seed, as the tools of NATS write them. */
  readonly creds?: string;
  /** The path of a file with the seed of an nkey. */
  readonly nkey?: string;
  /** Paths of PEM files. */
  readonly tls?: {
    /** The authority that has signed the server's certificate. Default: those that Node knows. */
    readonly ca?: string;
    /** The client's own certificate, together with `key`. */
    readonly cert?: string;
    /** The key of that certificate. */
    readonly key?: string;
  };
  /** Ends the mirror. If it is aborted before that has begun, the promise is rejected with an `AbortError`. */
  readonly signal?: AbortSignal;
}

/** A section, with everything that was not said. */
export interface Section {
  readonly name: string;
  readonly size: number | undefined;
  readonly versionWords: readonly number[];
}

/** The options, checked, and the servers. */
export interface Settings extends Omit<MirrorOptions, 'sections'> {
  readonly servers: readonly string[];
  readonly requiresTls: boolean;
  /** `undefined` is the shared text. */
  readonly sections: readonly (Section | undefined)[];
  readonly group: string;
  readonly interval: number;
  readonly readOnly: boolean;
  readonly writeOnly: boolean;
  readonly prefer: 'engine' | 'local';
}

/** @throws `TypeError` or `RangeError` */
export function settingsOf(url: string, options: MirrorOptions): Settings {
  requireOptions(options);
  const { group = 'default', interval = 1, readOnly = false, writeOnly = false, prefer = 'engine' } = options;
  requireText('group', group);
  if (!/^[\w-]{1,32}$/.test(group)) {
    throw new RangeError(`group must have 1 to 32 letters, digits, - and _: it is ${describe(group)}`);
  }
  requireDelay('interval', interval, 1);
  requireBoolean('readOnly', readOnly);
  requireBoolean('writeOnly', writeOnly);
  if (readOnly && writeOnly) throw new TypeError('readOnly and writeOnly exclude each other');
  oneOf('prefer', prefer, ['engine', 'local']);
  if (options.replicas !== undefined) requireInteger('replicas', options.replicas, 1, 5);
  if (options.storage !== undefined) oneOf('storage', options.storage, ['file', 'memory']);
  if (options.ttl !== undefined) requireDelay('ttl', options.ttl, 1000);
  requireCredentials(options);
  signalOption(options.signal);
  const sections = options.sections?.map(sectionOf) ?? [undefined];
  if (sections.length === 0) throw new TypeError('sections must name one section or more: leave it out for the text');
  const names = sections.map((section) => section && withoutLocal(section.name));
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new TypeError(`sections must be different: '${twice}' is there twice`);
  return { ...options, ...serversOf(url), sections, group, interval, readOnly, writeOnly, prefer };
}

function requireCredentials({ user, passwordFile, creds, nkey, tls = {} }: MirrorOptions): void {
  const texts = { user, passwordFile, creds, nkey, 'tls.ca': tls.ca, 'tls.cert': tls.cert, 'tls.key': tls.key };
  for (const [parameter, text] of Object.entries(texts)) if (text !== undefined) requireText(parameter, text);
  if ((user === undefined) !== (passwordFile === undefined)) {
    throw new TypeError('user and passwordFile are needed together');
  }
  if ([user, creds, nkey].filter((one) => one !== undefined).length > 1) {
    throw new TypeError('user, creds and nkey exclude each other');
  }
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw new TypeError('tls.cert and tls.key are needed together');
  }
}

function sectionOf(section: string | SectionOptions): Section | undefined {
  const { name, size, versionWords = [] } = typeof section === 'string' ? { name: section } : section;
  requireName(name);
  if (name === '') throw new TypeError('name must not be empty');
  // Under any other name than its own functions know, its text would not be written whole.
  if (withoutLocal(name) === SECTION_NAME) return undefined;
  if (size !== undefined) requireInteger('size', size, 1, MAX_SECTION);
  if (!Array.isArray(versionWords) || versionWords.length > 2) {
    throw new TypeError(`versionWords must be one or two offsets: it is ${describe(versionWords)}`);
  }
  for (const offset of versionWords) {
    requireInteger('versionWords', offset, 0, MAX_SECTION - 4);
    if (offset % 4 !== 0) throw new RangeError(`versionWords must be multiples of 4: one is ${offset}`);
  }
  if (versionWords.length === 2 && versionWords[0] === versionWords[1]) {
    throw new RangeError(`versionWords must be different: both are ${versionWords[0]}`);
  }
  return { name, size, versionWords };
}

/** `nats://one:4222,two:4222`: the scheme counts for all of them. */
function serversOf(url: string): { servers: string[]; requiresTls: boolean } {
  requireText('url', url);
  // Also, so that no message repeats a password.
  if (url.includes('@')) {
    throw new TypeError(
      'url must not have a user or password in it, which others would see: use user with passwordFile, creds or nkey',
    );
  }
  const match = /^(nats|tls):\/\/(.+)$/.exec(url);
  const servers = (match?.[2] ?? '').split(',').map((server) => server.replace(/^(nats|tls):\/\//, ''));
  if (match === null || !servers.every((server) => /^([\w.-]+|\[[\da-f:.]+\])(:\d{1,5})?\/?$/i.test(server))) {
    throw new TypeError(`url must be like nats://host:4222 or tls://host:4222,host2:4222: it is ${describe(url)}`);
  }
  return { servers: servers.map((server) => server.replace(/\/$/, '')), requiresTls: url.includes('tls://') };
}
