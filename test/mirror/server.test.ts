import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileMapping, getSharedMem, setSharedMem, unloadSharedMem } from 'dllmemfilemap';
import { type MirrorOptions, mirror } from 'dllmemfilemap/mirror';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { DIST, onWindows, Running, run } from '../cli/command.js';
import { hasTerminal, Terminal } from '../terminal.js';
import { elsewhere, sent, write } from './elsewhere.js';
import { certificate, credentials, hasOpenssl } from './identities.js';
import { freePort, hasServer, Server } from './server.mjs';

afterEach(() => unloadSharedMem());

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'dllmemfilemap-mirror-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function start(options: Parameters<typeof Server.start>[0] = {}): Promise<Server> {
  const server = await Server.start(options);
  onTestFinished(() => server.close());
  return server;
}

/** Has it mirrored, and ends it again. */
async function works(url: string, options: MirrorOptions = {}): Promise<void> {
  await using mirrored = await mirror(url, options);
  expect(mirrored.connected).toBe(true);
  const isSent = sent(mirrored);
  setSharedMem(`of ${performance.now()}`);
  await isSent;
}

/** How the command and the function refuse something, which both do in the same line. */
async function refusal(url: string, options: MirrorOptions, ...args: string[]): Promise<string> {
  const error: Error = await mirror(url, options).then(
    () => new Error('was not refused'),
    (error) => error,
  );
  const { status, stdout, stderr } = run(['mirror', url, ...args]);
  expect({ status, stdout, stderr }).toEqual({ status: 1, stdout: '', stderr: `error: ${error.message}\n` });
  expect(error.message).not.toContain('\n');
  return `${(error as NodeJS.ErrnoException).code} ${error.message}`;
}

describe('Options are refused before anything is waited for', () => {
  test.each<[string, string[], RegExp]>([
    ['no URL', ['host:4222'], /url must be like nats:\/\/host:4222/],
    ['a URL of something else', ['http://host'], /url must be like/],
    ['a password in the URL, without repeating it', ['nats://me:secret@host'], /url must not have a user or password/],
    ['a group that is no part of a subject', ['nats://host', '--group', 'a.b'], /group must have 1 to 32 letters/],
    ['a user without a password', ['nats://host', '--user', 'me'], /user and passwordFile are needed together/],
    ['read-only and write-only', ['nats://host', '--read-only', '--write-only'], /cannot be used with/],
    ['no offset of a word', ['nats://host', '--version-words', '0,3', 'Local\\S'], /must be multiples of 4/],
    ['a section twice', ['nats://host', 'S', 'Local\\S'], /'S' is there twice/],
    ['a size above 64 MiB', ['nats://host', '--size', '67108865', 'S'], /size must be an integer from 1 to 67108864/],
  ])('%s', (_, args, message) => {
    const { status, stdout, stderr } = run(['mirror', ...args]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('secret');
  });

  test('a signal that is aborted', async () => {
    await expect(mirror('nats://127.0.0.1:9', { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ABORT_ERR',
    });
  });
});

test.skipIf(onWindows)('Without the client, command and function say the line that installs it (makes links)', () => {
  const folder = temporaryFolder();
  const package_ = join(folder, 'node_modules/dllmemfilemap');
  mkdirSync(package_, { recursive: true });
  for (const part of ['dist', 'package.json'])
    cpSync(join(DIST, '..', part), join(package_, part), { recursive: true });
  symlinkSync(join(DIST, '../build'), join(package_, 'build'));
  for (const name of ['koffi', 'commander', '@koromix']) {
    const there = join(DIST, '../node_modules', name);
    if (existsSync(there)) symlinkSync(there, join(folder, 'node_modules', name));
  }
  const { status, stderr } = run(['mirror', 'nats://127.0.0.1:9'], { dist: join(package_, 'dist') });
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /^error: Mirroring needs the client of NATS, [^\n]+: npm install @nats-io\/transport-node@3\.3\.1 @nats-io\/jetstream@3\.3\.1\n$/,
  );
});

test('Where no server answers, both say so', async () => {
  const port = await freePort();
  expect(await refusal(`nats://127.0.0.1:${port}`, {})).toMatch(
    new RegExp(`^ERR_MIRROR_NO_SERVER No server of NATS answers at nats://127.0.0.1:${port} \\(.+\\): start one`),
  );
});

test('A server that is too old is named with its version', async () => {
  // As such a server begins, which is all that is looked at.
  const server = createServer((socket) => {
    socket.write(
      'INFO {"server_id":"X","version":"2.8.4","proto":1,"max_payload":1048576,"headers":true,"jetstream":true}\r\n',
    );
    socket.on('data', (data) => {
      if (data.includes('PING')) socket.write('PONG\r\n');
    });
    socket.on('error', () => {});
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  await expect(mirror(`nats://127.0.0.1:${port}`)).rejects.toThrow(
    /is nats-server 2\.8\.4: mirroring needs 2\.9 or later/,
  );
});

describe.skipIf(!hasServer)('With a real server (needs nats-server)', () => {
  test('one without JetStream is told how to have it', async () => {
    const server = await start({ jetstream: false });
    expect(await refusal(server.url, {})).toMatch(
      /^ERR_MIRROR_NO_JETSTREAM The server at .+ has no JetStream: start it with/,
    );
  });

  test('one that takes no messages that large is told to', async () => {
    const server = await start({ configuration: 'max_payload: 8192' });
    expect(await refusal(server.url, { sections: [{ name: 'S', size: 8192 }] }, '--size', '8192', 'S')).toMatch(
      /^ERR_MIRROR_TOO_LARGE 'S' needs messages of 12288 bytes, and the server at .+ takes 8192: raise max_payload/,
    );
    await works(server.url, {});
  });

  test('a stream that exists with other options is named, and so are they', async () => {
    const server = await start();
    await works(server.url, { storage: 'memory' });
    expect(await refusal(server.url, { storage: 'file' }, '--storage', 'file')).toMatch(
      /^ERR_MIRROR_OTHER_OPTIONS The stream 'dllmemfilemap-default' exists with storage "memory", not "file": ask for/,
    );
    await works(server.url);
  });

  test('more replicas than servers are refused', async () => {
    const server = await start();
    expect(await refusal(server.url, { replicas: 3 }, '--replicas', '3')).toMatch(
      /^ERR_MIRROR_OTHER_OPTIONS The server at .+ cannot keep 3 replicas/,
    );
  });

  test('who is not the user with the password is refused, and nothing says the password', async () => {
    const folder = temporaryFolder();
    const [right, wrong] = [join(folder, 'right'), join(folder, 'wrong')];
    writeFileSync(right, 'a secret\n');
    writeFileSync(wrong, 'another secret\n');
    const server = await start({ configuration: 'authorization { users: [{ user: me, password: "a secret" }] }' });
    await works(server.url, { user: 'me', passwordFile: right });
    expect(await refusal(server.url, {})).toMatch(
      /^ERR_MIRROR_REFUSED The server at .+ refuses a user who does not say/,
    );
    const options = { user: 'me', passwordFile: wrong };
    const message = await refusal(server.url, options, '--user', 'me', '--password-file', wrong);
    expect(message).toMatch(/^ERR_MIRROR_REFUSED The server at .+ refuses this user/);
    expect(message).not.toContain('secret');
  });

  test('who may not use the stream is told which', async () => {
    const folder = temporaryFolder();
    const password = join(folder, 'password');
    writeFileSync(password, 'x');
    const permissions = 'permissions: { publish: ["nothing"], subscribe: ["_INBOX.>"] }';
    const server = await start({
      configuration: `authorization { users: [{ user: me, password: x, ${permissions} }] }`,
    });
    expect(
      await refusal(server.url, { user: 'me', passwordFile: password }, '--user', 'me', '--password-file', password),
    ).toMatch(/^ERR_MIRROR_REFUSED .+STREAM\.INFO\.dllmemfilemap-default/);
  });

  test('who has the permissions that docs/mirror.md lists can do all that a mirror does', async () => {
    const password = join(temporaryFolder(), 'password');
    writeFileSync(password, 'x');
    const guide = readFileSync(join(DIST, '../docs/mirror.md'), 'utf8');
    const [permissions] = /^permissions: {.*?^}/ms.exec(guide) ?? [];
    const server = await start({
      configuration: `authorization { users: [{ user: me, password: x, ${permissions} }] }`,
    });
    const name = 'Local\\mirror.permitted';
    const user = { user: 'me', passwordFile: password };
    const mirrored = await mirror(server.url, { ...user, sections: [{ name, size: 131_072 }] });
    const warnings: Error[] = [];
    mirrored.on('warning', (error) => warnings.push(error));
    using mapping = FileMapping.open(name);
    using view = mapping.mapView();
    for (const byte of [1, 2]) {
      const isSent = sent(mirrored);
      view.writeBytes(Uint8Array.of(byte), 100_000);
      await isSent;
    }
    await mirrored.close();
    expect(warnings).toEqual([]);
    // Its good-bye was permitted, too: who comes next finds that nobody has it.
    view.close();
    mapping.close();
    await using next = await mirror(server.url, { ...user, sections: [name], readOnly: true });
    expect(next.sections).toEqual([]);
  });

  test('an nkey lets its user in, and another does not', async () => {
    const { nkeys } = await import('@nats-io/transport-node');
    const folder = temporaryFolder();
    const [mine, other] = [nkeys.createUser(), nkeys.createUser()];
    for (const [name, pair] of [
      ['mine', mine],
      ['other', other],
    ] as const) {
      writeFileSync(join(folder, name), Buffer.from(pair.getSeed()));
    }
    const server = await start({ configuration: `authorization { users: [{ nkey: ${mine.getPublicKey()} }] }` });
    await works(server.url, { nkey: join(folder, 'mine') });
    const seed = join(folder, 'other');
    expect(await refusal(server.url, { nkey: seed }, '--nkey', seed)).toMatch(
      /^ERR_MIRROR_REFUSED .+ refuses this user/,
    );
  });

  test('a file of credentials lets its user in, and that of another account does not', async () => {
    const folder = temporaryFolder();
    const [mine, other] = [join(folder, 'mine'), join(folder, 'other')];
    const { configuration } = await credentials(mine);
    await credentials(other);
    const server = await start({ configuration });
    await works(server.url, { creds: mine });
    expect(await refusal(server.url, { creds: other }, '--creds', other)).toMatch(
      /^ERR_MIRROR_REFUSED .+ refuses this user/,
    );
  });

  test.skipIf(!hasOpenssl)(
    'tls:// is for a server whose authority is trusted, and for none without TLS (needs openssl)',
    async () => {
      const folder = temporaryFolder();
      const { cert: ca } = certificate(folder, 'authority');
      const { cert, key } = certificate(folder, 'server', 'authority');
      const { cert: strangers } = certificate(folder, 'stranger');
      const server = await start({ configuration: `tls { cert_file: "${cert}", key_file: "${key}" }` });
      const url = server.url.replace('nats:', 'tls:');
      await works(url, { tls: { ca } });
      expect(await refusal(url, { tls: { ca: strangers } }, '--tls-ca', strangers)).toMatch(
        /^ERR_MIRROR_TLS .+ cannot be secured/,
      );
      expect(await refusal(url, {})).toMatch(/^ERR_MIRROR_TLS /);
      const open = await start();
      expect(await refusal(open.url.replace('nats:', 'tls:'), {})).toMatch(/^ERR_MIRROR_TLS /);
    },
  );

  test.skipIf(!hasOpenssl)(
    'a server that wants certificates takes those of its authority (needs openssl)',
    async () => {
      const folder = temporaryFolder();
      const { cert: ca } = certificate(folder, 'authority');
      const { cert, key } = certificate(folder, 'server', 'authority');
      const client = certificate(folder, 'client', 'authority');
      const tls = `cert_file: "${cert}", key_file: "${key}", ca_file: "${ca}", verify: true`;
      const server = await start({ configuration: `tls { ${tls} }` });
      const url = server.url.replace('nats:', 'tls:');
      await works(url, { tls: { ca, ...client } });
      const files = ['--tls-ca', ca, '--tls-cert', client.cert, '--tls-key', client.key];
      const running = new Running('mirror', url, ...files, '--interval', '5', '--json');
      expect(JSON.parse((await running.line()) ?? '')).toMatchObject({ event: 'ready', sections: ['dllmemfilemap'] });
      await expect(mirror(url, { tls: { ca } })).rejects.toThrow(/whether it wants a certificate \(tls-cert\)$/);
    },
  );

  test('the command says what it mirrors, and ends by Ctrl+C', async () => {
    const server = await start();
    const running = new Running('mirror', server.url);
    expect(await running.line()).toBe(
      `Mirroring 'dllmemfilemap' through ${server.url}, group 'default'. Ctrl+C ends it.`,
    );
    running.process.kill('SIGINT');
    expect(await running.end()).toMatchObject({ code: 0, stderr: '' });
  });

  test.skipIf(!hasTerminal)('on a terminal, one line says how it goes (needs tmux)', async () => {
    const server = await start();
    const terminal = new Terminal({ width: 120 });
    terminal.enter(`clear; cli mirror ${server.url}`);
    await terminal.shows(/^connected, 1 section, 0 sent, 0 applied, 0 conflicts$/m);
    setSharedMem('This is a test string');
    await terminal.shows(/^connected, 1 section, 1 sent, 0 applied, 0 conflicts$/m);
    await server.kill();
    await terminal.shows(/^The server does not answer\. What is written meanwhile is sent later\.$/m);
    await terminal.shows(/^NOT CONNECTED, 1 section, 1 sent/m);
    await server.start();
    await terminal.shows(/^connected, 1 section, /m);
    terminal.press('C-c');
    await terminal.finished();
    terminal.enter('echo "ended $?"');
    await terminal.shows(/^ended 0$/m);
  });

  test('a mirror that has found what nobody held any more follows a server that then loses its store', async () => {
    const server = await start();
    for (let i = 0; i < 5; i++) await works(server.url);
    unloadSharedMem();
    await using mirrored = await mirror(server.url);
    expect(getSharedMem()).toBe('');
    const lost = new Promise<void>((resolve) => mirrored.on('store-lost', () => resolve()));
    const isSent = sent(mirrored);
    setSharedMem('here');
    await isSent;
    await server.kill();
    server.loseStore();
    const again = sent(mirrored);
    await server.start();
    await Promise.all([lost, again]);
    const store = await elsewhere(server.url, {});
    await write(store, 'dllmemfilemap', 'text', Buffer.from('from there', 'utf16le'));
    await expect.poll(() => getSharedMem(), { timeout: 30_000, interval: 10 }).toBe('from there');
  });

  test('a mirror that is aborted ends, and holds nothing any more', async () => {
    const server = await start();
    const controller = new AbortController();
    const mirrored = await mirror(server.url, { signal: controller.signal });
    expect(mirrored.sections).toEqual(['dllmemfilemap']);
    controller.abort();
    await mirrored.closed;
    expect({ sections: mirrored.sections, connected: mirrored.connected }).toEqual({ sections: [], connected: false });
  });

  test('a process that does not mirror loads nothing of the client', async () => {
    const code =
      "import 'dllmemfilemap'; import 'dllmemfilemap/mirror'; import { createRequire } from 'node:module';" +
      'console.log(Object.keys(createRequire(import.meta.url).cache).filter((path) => path.includes("nats-io")).length)';
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { cwd: join(DIST, '..') });
    const [data] = await once(child.stdout, 'data');
    expect(`${data}`.trim()).toBe('0');
  });
});
