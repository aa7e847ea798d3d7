// A group has two streams. The one keeps the values, and publishes each again once it is stored; the other the beats
// of those who hold the sections, for a time.
import { setTimeout as sleep } from 'node:timers/promises';
import type { JetStreamManager, StreamConfig, StreamInfo } from '@nats-io/jetstream';
import { withoutLocal } from '../win32/arguments.js';
import type { Client } from './client.js';
import { type Connection, PATIENCE } from './connection.js';
import { MirrorError, messageOf } from './mirror-error.js';
import type { Settings } from './options.js';

/** The server's own numbers. */
export const STREAM_NOT_FOUND = 10059;
const NAME_IN_USE = 10058;
const NOT_FOR_ACCOUNT = 10039;
const WRONG_SEQUENCE = 10071;
const REPLICAS_NEED_CLUSTER = 10074;
const NOT_ENOUGH_SERVERS = [10005, 10023];
const UNAVAILABLE = 10008;

/** A cluster without a leader says the same as one without JetStream: it is asked for so long, in milliseconds. */
export const ELECTION = 12_000;
const DEFAULT_TTL = 10_000;
const MILLISECOND = 1_000_000;

/** The names of a group's streams and subjects. */
export function namesOf(group: string) {
  const values = `dllmemfilemap-${group}`;
  return {
    values,
    beats: `${values}-beats`,
    /** Names of sections have characters that subjects cannot have. */
    value: (section: string) => `${values}.value.${token(section)}`,
    chunk: (section: string, key: string) => `${values}.chunk.${token(section)}.${key}`,
    feed: (section: string) => `${values}-feed.value.${token(section)}`,
    beat: (section: string, origin: string) => `${values}-beats.${token(section)}.${origin}`,
  };
}

const token = (section: string) => Buffer.from(withoutLocal(section), 'utf16le').toString('base64url');

/** Whether another value has been stored since. */
export const isConflict = (error: unknown) => codeOf(error) === WRONG_SEQUENCE;

function codeOf(error: unknown): number | undefined {
  return (error as { code?: unknown }).code === undefined ? undefined : Number((error as { code: unknown }).code);
}

/** What the group's streams are like. */
export interface Streams {
  /** Differs from that of the store before, if the server has lost that. */
  readonly created: string;
  readonly lastSequence: number;
  /** In milliseconds. */
  readonly ttl: number;
}

/**
 * Creates the streams that do not exist, and looks whether those that do are as they have to be.
 *
 * @throws {@link MirrorError} `ERR_MIRROR_` and `NO_JETSTREAM`, `OTHER_OPTIONS` or `STORE`
 */
export async function ensureStreams(manager: JetStreamManager, connection: Connection, settings: Settings) {
  const names = namesOf(settings.group);
  const { replicas: num_replicas, storage, ttl } = settings;
  const values = await ensure(manager, connection, {
    name: names.values,
    subjects: [`${names.values}.>`],
    republish: { src: `${names.values}.value.*`, dest: `${names.values}-feed.value.{{wildcard(1)}}` },
    ...(num_replicas && { num_replicas }),
    ...(storage && { storage: storage as StreamConfig['storage'] }),
  });
  const beats = await ensure(manager, connection, {
    name: names.beats,
    subjects: [`${names.beats}.>`],
    storage: 'memory' as StreamConfig['storage'],
    num_replicas: num_replicas ?? values.config.num_replicas,
    ...(ttl && { max_age: ttl * MILLISECOND }),
  });
  const streams: Streams = {
    created: String(values.created),
    lastSequence: values.state.last_seq,
    ttl: beats.config.max_age / MILLISECOND,
  };
  return streams;
}

type Wanted = Partial<StreamConfig> & { name: string };

async function ensure(manager: JetStreamManager, connection: Connection, wanted: Wanted): Promise<StreamInfo> {
  const end = performance.now() + ELECTION;
  while (true) {
    try {
      const info = await findOrAdd(manager, wanted);
      requireOptions(info.config, wanted);
      return info;
    } catch (error) {
      const isOver = performance.now() > end || connection.nats.isClosed();
      const problem = problemOf(connection, wanted, error, isOver);
      if (problem !== undefined) throw problem;
      await sleep(200);
    }
  }
}

async function findOrAdd(manager: JetStreamManager, wanted: Wanted): Promise<StreamInfo> {
  try {
    return await manager.streams.info(wanted.name);
  } catch (error) {
    if (codeOf(error) !== STREAM_NOT_FOUND) throw error;
  }
  const isOfBeats = wanted.name.endsWith('-beats');
  try {
    return await manager.streams.add({
      num_replicas: 1,
      storage: 'file' as StreamConfig['storage'],
      ...(isOfBeats && { max_age: DEFAULT_TTL * MILLISECOND }),
      ...wanted,
      max_msgs_per_subject: 1,
      // An answer from a follower may be older than what was seen before.
      allow_direct: false,
      duplicate_window: 1000 * MILLISECOND,
    });
  } catch (error) {
    // Another mirror was faster.
    if (codeOf(error) === NAME_IN_USE) return manager.streams.info(wanted.name);
    throw error;
  }
}

/** Creating a stream that exists may keep its old options silently. */
function requireOptions(config: StreamConfig, wanted: Wanted): void {
  const { max_age, ...others } = wanted;
  const all: Partial<StreamConfig> = { ...others, max_msgs_per_subject: 1, ...(max_age && { max_age }) };
  for (const [option, value] of Object.entries(all)) {
    const actual = config[option as keyof StreamConfig];
    const isSame =
      option === 'republish'
        ? config.republish?.src === wanted.republish?.src && config.republish?.dest === wanted.republish?.dest
        : JSON.stringify(actual) === JSON.stringify(value);
    if (isSame) continue;
    throw new MirrorError(
      'ERR_MIRROR_OTHER_OPTIONS',
      `The stream '${config.name}' exists with ${option} ${JSON.stringify(actual)}, not ${JSON.stringify(value)}: ask for ` +
        'what it has, choose another group, or delete it (nats stream rm) while no mirror of the group runs',
    );
  }
}

/** What an error says to the user; `undefined` if it may pass. */
function problemOf(
  { url, nats, client }: Connection,
  { name, num_replicas }: Wanted,
  error: unknown,
  isOver: boolean,
): Error | undefined {
  if (error instanceof MirrorError) return error;
  const code = codeOf(error);
  const said = messageOf(error);
  const { PermissionViolationError } = client.transport;
  if (error instanceof PermissionViolationError || (error as Error).cause instanceof PermissionViolationError) {
    return new MirrorError(
      'ERR_MIRROR_REFUSED',
      `The server at ${url} does not permit this user to use the stream '${name}' (${said}): permit it; docs/mirror.md ` +
        'lists what a mirror needs',
      error,
    );
  }
  const isWithout = (error as Error).name === 'JetStreamNotEnabled';
  if (code === NOT_FOR_ACCOUNT || (isWithout && (isOver || !nats.info?.jetstream))) {
    return new MirrorError(
      'ERR_MIRROR_NO_JETSTREAM',
      `The server at ${url} has no JetStream${code === NOT_FOR_ACCOUNT ? ' for this account' : ''}: start it with ` +
        '"nats-server -js -sd FOLDER", or enable JetStream in its configuration',
      error,
    );
  }
  if (code === REPLICAS_NEED_CLUSTER || (isOver && NOT_ENOUGH_SERVERS.includes(code ?? 0))) {
    return new MirrorError(
      'ERR_MIRROR_OTHER_OPTIONS',
      `The server at ${url} cannot keep ${num_replicas ?? 1} replicas (${said}): ask for fewer, or add servers`,
      error,
    );
  }
  const mayPass = code === undefined || NOT_ENOUGH_SERVERS.includes(code ?? 0) || code === UNAVAILABLE;
  if (mayPass && !isOver) return undefined;
  return new MirrorError(
    'ERR_MIRROR_STORE',
    `The server at ${url} cannot keep the stream '${name}' (${said}, asked for ${PATIENCE} ms each time): see its log`,
    error,
  );
}

/** The manager of the connection's streams. */
export function managerOf({ client, nats }: { readonly client: Client; readonly nats: Connection['nats'] }) {
  return client.jetstream.jetstreamManager(nats, { timeout: PATIENCE, checkAPI: false });
}
