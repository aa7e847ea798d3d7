import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import { type Connection, PATIENCE } from './connection.js';
import { decode, encode, type Origin, type Value } from './message.js';
import { MirrorError } from './mirror-error.js';
import type { Settings } from './options.js';
import { ensureStreams, isConflict, managerOf, namesOf, STREAM_NOT_FOUND, type Streams } from './streams.js';

/** A value and its place among all that the store was given. `value` is `undefined` if no mirror can have written it. */
export interface Stored {
  readonly sequence: number;
  readonly value: Value | undefined;
}

/** A moment on the engine's clock and on this process's, in milliseconds. */
export interface Probe {
  readonly engine: number;
  readonly here: number;
  /** How long the answer took, so how wrong it can be. */
  readonly took: number;
  /** The server that was asked. */
  readonly server: string | undefined;
}

/** As the server has it in its JSON. */
interface Message {
  readonly seq: number;
  readonly time: string;
  readonly data?: string;
}

/** The server's own number. */
const NO_MESSAGE = 10037;

/** How many requests are under way at once. */
const AT_ONCE = 16;

/** What the engine does for a mirror. Everything rejects while the server is unreachable. */
export class Store {
  readonly connection: Connection;
  readonly #settings: Settings;
  readonly #names: ReturnType<typeof namesOf>;
  readonly #manager: JetStreamManager;
  readonly #jetstream: JetStreamClient;

  private constructor(connection: Connection, settings: Settings, manager: JetStreamManager) {
    this.connection = connection;
    this.#settings = settings;
    this.#names = namesOf(settings.group);
    this.#manager = manager;
    this.#jetstream = connection.client.jetstream.jetstream(connection.nats, { timeout: PATIENCE });
  }

  static async open(connection: Connection, settings: Settings): Promise<Store> {
    return new Store(connection, settings, await managerOf(connection));
  }

  /** As {@link ensureStreams}. */
  ensure(): Promise<Streams> {
    return ensureStreams(this.#manager, this.connection, this.#settings);
  }

  /** The largest message that the server takes, in bytes. */
  get largestMessage(): number {
    return this.connection.nats.info?.max_payload ?? 0;
  }

  /** @returns `undefined` if there is none */
  async read(section: string): Promise<Stored | undefined> {
    const message = await this.#last(this.#names.values, this.#names.value(section));
    return message === undefined ? undefined : { sequence: message.seq, value: decode(dataOf(message)) };
  }

  /**
   * Stores a value, unless there is another than the one expected.
   *
   * @param expected the sequence of that one; 0 for none
   * @returns the sequence; `undefined` if there is another
   */
  async write(section: string, value: Value, expected: number): Promise<number | undefined> {
    try {
      const expect = { lastSubjectSequence: expected };
      return (await this.#jetstream.publish(this.#names.value(section), encode(value), { expect })).seq;
    } catch (error) {
      if (isConflict(error)) return undefined;
      throw error;
    }
  }

  /** Calls with each value from now on, soon after it was stored; some may be missing. */
  follow(section: string, arrived: (stored: Stored) => void): void {
    this.connection.nats.subscribe(this.#names.feed(section), {
      callback: (error, message) => {
        const sequence = Number(message?.headers?.get('Nats-Sequence'));
        if (error === null && sequence > 0) arrived({ sequence, value: decode(message.data) });
      },
    });
  }

  /** Stores chunks, under keys that no other has. */
  async putChunks(section: string, chunks: readonly { readonly key: string; readonly bytes: Uint8Array }[]) {
    await eachOf(chunks, ({ key, bytes }) => this.#jetstream.publish(this.#names.chunk(section, key), bytes));
  }

  /** @returns the chunks in that order; `undefined` for those that are gone */
  async getChunks(section: string, keys: readonly string[]): Promise<(Uint8Array | undefined)[]> {
    const chunks: (Uint8Array | undefined)[] = [];
    await eachOf([...keys.entries()], async ([i, key]) => {
      const message = await this.#last(this.#names.values, this.#names.chunk(section, key));
      chunks[i] = message === undefined ? undefined : dataOf(message);
    });
    return chunks;
  }

  async deleteChunks(section: string, keys: readonly string[]): Promise<void> {
    await eachOf(keys, (key) => this.#purge(this.#names.values, this.#names.chunk(section, key)));
  }

  /** The keys of all the chunks of a section. */
  async chunkKeys(section: string): Promise<string[]> {
    return this.#lastTokens(this.#names.values, this.#names.chunk(section, '*'));
  }

  /** Drops the value, unless there is a later one than that with the sequence. */
  async drop(section: string, sequence: number): Promise<void> {
    await this.#manager.streams.purge(this.#names.values, { filter: this.#names.value(section), seq: sequence + 1 });
  }

  /** Tells the others that this mirror holds the section, for a time, and asks for the time. */
  async beat(section: string, origin: Origin): Promise<Probe> {
    const start = performance.now();
    const { seq } = await this.#jetstream.publish(this.#names.beat(section, origin));
    const took = performance.now() - start;
    const message = await this.#get(this.#names.beats, { seq });
    if (message === undefined) throw new Error('The beat is gone already');
    return {
      engine: millisecondsOf(message),
      here: start + took / 2,
      took,
      server: this.connection.nats.info?.server_id,
    };
  }

  /** Tells the others that this mirror no longer holds the section. */
  async goodbye(section: string, origin: Origin): Promise<void> {
    await this.#purge(this.#names.beats, this.#names.beat(section, origin));
  }

  /** Those who have beaten for the section within the time. */
  holders(section: string): Promise<Origin[]> {
    return this.#lastTokens(this.#names.beats, this.#names.beat(section, '*'));
  }

  close(): Promise<void> {
    return this.connection.nats.close();
  }

  #last(stream: string, subject: string): Promise<Message | undefined> {
    return this.#get(stream, { last_by_subj: subject });
  }

  /** The client's own function decodes base64 in JavaScript, which takes longer than all the rest. */
  async #get(stream: string, query: object): Promise<Message | undefined> {
    const request = new TextEncoder().encode(JSON.stringify(query));
    const answer = await this.connection.nats.request(`$JS.API.STREAM.MSG.GET.${stream}`, request, {
      timeout: PATIENCE,
    });
    const { message, error } = answer.json<{ message?: Message; error?: { err_code: number; description: string } }>();
    if (message !== undefined) return message;
    if (error?.err_code === NO_MESSAGE) return undefined;
    // The next check creates it.
    if (error?.err_code === STREAM_NOT_FOUND) throw Object.assign(new Error('no stream'), { name: 'RequestError' });
    throw new MirrorError('ERR_MIRROR_STORE', `The stream '${stream}' cannot be read: ${error?.description}`);
  }

  async #purge(stream: string, filter: string): Promise<void> {
    await this.#manager.streams.purge(stream, { filter });
  }

  async #lastTokens(stream: string, subjects_filter: string): Promise<string[]> {
    const { state } = await this.#manager.streams.info(stream, { subjects_filter });
    return Object.keys(state.subjects ?? {}).map((subject) => subject.split('.').at(-1) as string);
  }
}

/** The server's own timestamp has nanoseconds, of which Date keeps no more than milliseconds. */
function millisecondsOf({ time }: Message): number {
  const fraction = /\.\d{3}(\d+)/.exec(time)?.[1] ?? '0';
  return Date.parse(time.replace(/(\.\d{3})\d+/, '$1')) + Number(`0.${fraction}`);
}

const dataOf = ({ data = '' }: Message) => Buffer.from(data, 'base64');

/** Does something with each item, some at once, until one fails. */
async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const rest = items.values();
  const worker = async () => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, worker));
}
