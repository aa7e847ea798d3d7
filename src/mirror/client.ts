import { MirrorError, messageOf } from './mirror-error.js';

// Optional peers: whoever never mirrors has none of them.
const VERSION = '3.3.1';

/** The modules of the client. */
export interface Client {
  readonly transport: typeof import('@nats-io/transport-node');
  readonly jetstream: typeof import('@nats-io/jetstream');
}

let client: Promise<Client> | undefined;

/**
 * Loads the client of NATS, at the first call.
 *
 * @throws {@link MirrorError} `ERR_MIRROR_CLIENT_MISSING`
 */
export function loadClient(): Promise<Client> {
  client ??= load();
  return client;
}

async function load(): Promise<Client> {
  try {
    const [transport, jetstream] = await Promise.all([import('@nats-io/transport-node'), import('@nats-io/jetstream')]);
    return { transport, jetstream };
  } catch (error) {
    throw new MirrorError(
      'ERR_MIRROR_CLIENT_MISSING',
      `Mirroring needs the client of NATS, which does not load (${messageOf(error).split('\n')[0]}): ` +
        `npm install @nats-io/transport-node@${VERSION} @nats-io/jetstream@${VERSION}`,
      error,
    );
  }
}
