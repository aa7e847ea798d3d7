import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Whether there can be certificates. */
export const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

/** A certificate that the authority signs, or that of an authority. */
export function certificate(folder: string, name: string, authority?: string): { cert: string; key: string } {
  const [cert, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
  const from =
    authority === undefined
      ? []
      : ['-CA', join(folder, `${authority}.pem`), '-CAkey', join(folder, `${authority}.key`)];
  const extensions =
    authority === undefined ? ['basicConstraints=critical,CA:TRUE'] : ['subjectAltName=IP:127.0.0.1,DNS:localhost'];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
      ...extensions.flatMap((one) => ['-addext', one]),
      '-keyout',
      key,
      '-out',
      cert,
      ...from,
    ],
    { stdio: 'ignore' },
  );
  return { cert, key };
}

const encode = (value: string | Uint8Array) => Buffer.from(value).toString('base64url');

/** Writes the credentials of a user of a new account. Returns the configuration of a server that knows that account. */
export async function credentials(file: string): Promise<{ configuration: string }> {
  const { nkeys } = await import('@nats-io/transport-node');
  const [operator, user] = [nkeys.createOperator(), nkeys.createUser()];
  // JetStream takes an account of its own.
  const [account, system] = [nkeys.createAccount(), nkeys.createAccount()];
  /** What one says of another, in the manner of NATS. */
  const token = (by: typeof operator, of: typeof operator, type: string, rest: object = {}) => {
    const nats = { ...rest, type, version: 2 };
    const claims = { jti: type, iat: 1, iss: by.getPublicKey(), sub: of.getPublicKey(), name: type, nats };
    const text = `${encode('{"typ":"JWT","alg":"ed25519-nkey"}')}.${encode(JSON.stringify(claims))}`;
    return `${text}.${encode(by.sign(Buffer.from(text)))}`;
  };
  const limits = { subs: -1, data: -1, payload: -1, conn: -1, leaf: -1, imports: -1, exports: -1, wildcards: true };
  const stored = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
  writeFileSync(
    file,
    [
      ...[
        '-----BEGIN NATS USER JWT-----',
        token(account, user, 'user', { subs: -1, data: -1, payload: -1 }),
        '------END NATS USER JWT------',
        '',
      ],
      ...['-----BEGIN USER NKEY SEED-----', Buffer.from(user.getSeed()), '------END USER NKEY SEED------', ''],
    ].join('\n'),
  );
  const known = [account, system].map(
    (one) =>
      `${one.getPublicKey()}: "${token(operator, one, 'account', { limits: { ...limits, ...(one === account && stored) } })}"`,
  );
  return {
    configuration: [
      ...[`operator: "${token(operator, operator, 'operator')}"`, `system_account: ${system.getPublicKey()}`],
      ...['resolver: MEMORY', `resolver_preload: { ${known.join(', ')} }`],
    ].join('\n'),
  };
}
