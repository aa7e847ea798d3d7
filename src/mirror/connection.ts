import { readFile } from 'node:fs/promises';
import type { NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node';
import { type Client, loadClient } from './client.js';
import { MirrorError, messageOf } from './mirror-error.js';
import type { Settings } from './options.js';

/** How long an answer is waited for, in milliseconds. */
export const PATIENCE = 2000;

/** A server that answers none of so many pings is taken for lost. */
const PINGS = 2;
const BETWEEN_PINGS = 1500;

/** How long until the next server is tried, in milliseconds: twice as long each time. */
const FIRST_DELAY = 50;
const LONGEST_DELAY = 2000;

const OLDEST = [2, 9] as const;

/** A connection that comes back by itself. */
export interface Connection {
  readonly client: Client;
  readonly nats: NatsConnection;
  /** For messages. */
  readonly url: string;
}

/** What is heard of a connection. */
export interface Listeners {
  reached(): void;
  unreachable(): void;
  warn(error: Error): void;
}

/**
 * Connects to one of the servers.
 *
 * @throws {@link MirrorError} `ERR_MIRROR_` and `CLIENT_MISSING`, `NO_SERVER`, `TLS`, `REFUSED` or `TOO_OLD`
 */
export async function connectTo(settings: Settings, listeners: Listeners): Promise<Connection> {
  const client = await loadClient();
  const url = `${settings.requiresTls ? 'tls' : 'nats'}://${settings.servers.join(',')}`;
  const options = await connectionOptions(client, settings);
  let attempts = 0;
  const nats = await client.transport
    .connect({
      ...options,
      reconnectDelayHandler: () => Math.min(FIRST_DELAY * 2 ** attempts++, LONGEST_DELAY) * (0.5 + Math.random() / 2),
    })
    .catch((error: unknown) => {
      throw connectError(client, url, settings, error);
    });
  const connection = { client, nats, url };
  try {
    requireVersion(connection);
  } catch (error) {
    await nats.close();
    throw error;
  }
  void (async () => {
    for await (const status of nats.status()) {
      if (status.type === 'disconnect') listeners.unreachable();
      if (status.type === 'error') listeners.warn(connectError(client, url, settings, status.error));
      if (status.type !== 'reconnect') continue;
      attempts = 0;
      listeners.reached();
    }
  })();
  return connection;
}

async function connectionOptions({ transport }: Client, settings: Settings): Promise<NodeConnectionOptions> {
  const { user, passwordFile, creds, nkey, tls } = settings;
  const options: NodeConnectionOptions = {
    servers: [...settings.servers],
    name: 'dllmemfilemap mirror',
    maxReconnectAttempts: -1,
    reconnectTimeWait: FIRST_DELAY,
    // A cluster that starts anew may refuse everybody for a moment.
    ignoreAuthErrorAbort: true,
    pingInterval: BETWEEN_PINGS,
    maxPingOut: PINGS,
    timeout: PATIENCE,
  };
  if (user !== undefined) options.user = user;
  if (passwordFile !== undefined) options.pass = (await secret(passwordFile)).toString().replace(/\r?\n$/, '');
  if (creds !== undefined) options.authenticator = transport.credsAuthenticator(await secret(creds));
  if (nkey !== undefined) {
    const seed = (await secret(nkey)).toString().trim();
    options.authenticator = transport.nkeyAuthenticator(new TextEncoder().encode(seed));
  }
  if (settings.requiresTls || tls !== undefined) {
    options.tls = {
      ...(tls?.ca && { ca: (await secret(tls.ca)).toString() }),
      ...(tls?.cert && { cert: (await secret(tls.cert)).toString() }),
      ...(tls?.key && { key: (await secret(tls.key)).toString() }),
    };
  }
  return options;
}

/** What is in a file that the user has named. */
async function secret(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new MirrorError('ERR_MIRROR_REFUSED', `'${path}' cannot be read (${code}): name a file that can be`, error);
  }
}

/** What an error of the connection says to the user. */
function connectError({ transport }: Client, url: string, settings: Settings, error: unknown): MirrorError {
  const { AuthorizationError, PermissionViolationError, UserAuthenticationExpiredError } = transport;
  const said = messageOf(error).split('\n')[0];
  if (error instanceof PermissionViolationError) {
    return new MirrorError(
      'ERR_MIRROR_REFUSED',
      `The server at ${url} does not permit ${error.operation} of '${error.subject}' to this user: ` +
        "permit it (docs/mirror.md lists what a mirror needs), or ask for less with 'read-only'",
      error,
    );
  }
  if (error instanceof AuthorizationError || error instanceof UserAuthenticationExpiredError) {
    const isAnonymous = [settings.user, settings.creds, settings.nkey, settings.tls?.cert].every((one) => !one);
    return new MirrorError(
      'ERR_MIRROR_REFUSED',
      `The server at ${url} refuses ${isAnonymous ? 'a user who does not say who he is' : 'this user'} (${said}): ` +
        `${isAnonymous ? 'give' : 'see whether these are right:'} a user with a password file, creds, an nkey or a certificate`,
      error,
    );
  }
  if (isOfTls(error)) {
    return new MirrorError(
      'ERR_MIRROR_TLS',
      `The connection to ${url} cannot be secured (${said}): give the authority that has signed the server's ` +
        "certificate (tls-ca), the client's own certificate if the server wants one, and the name that is in the " +
        "server's; 'nats://' is for servers without TLS",
      error,
    );
  }
  // A server that misses the client's certificate just ends the connection.
  const certificate =
    settings.tls !== undefined && !settings.tls.cert ? ', and whether it wants a certificate (tls-cert)' : '';
  return new MirrorError(
    'ERR_MIRROR_NO_SERVER',
    `No server of NATS answers at ${url} (${said}): start one, such as "nats-server -js -sd FOLDER", or see whether ` +
      `host and port are right${certificate}`,
    error,
  );
}

function isOfTls(error: unknown): boolean {
  const { code = '', name = '' } = error as { code?: unknown; name?: unknown };
  return /tls|ssl|certificate|secure/i.test(`${code} ${name} ${messageOf(error)}`) || /CERT|SIGNED/.test(String(code));
}

function requireVersion({ nats, url }: Connection): void {
  const version = nats.info?.version ?? '0';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return;
  throw new MirrorError(
    'ERR_MIRROR_TOO_OLD',
    `The server at ${url} is nats-server ${version}: mirroring needs ${OLDEST.join('.')} or later`,
  );
}
