import koffi from 'koffi';
import { describe, requireText } from '../win32/arguments.js';
import { kernel32, type Pointer, SDDL_REVISION_1, security } from '../win32/kernel32.js';
import { check } from '../win32/win32-error.js';

/**
 * The users who may open an object that is created: the creating user alone (and the system, and root), everyone for
 * reading, everyone for reading and writing, or, on Windows, whoever a security descriptor string names. Elsewhere they
 * are the file modes 0600, 0644 and 0666.
 *
 * @group Named memory
 * @example
 * ```ts
 * import { FileMapping, type Security } from 'dllmemfilemap';
 *
 * const security: Security = 'everyone-read';
 * using mapping = FileMapping.create('Local\\Scores', 65536, { security });
 * mapping.access; // 'write'
 * ```
 * @see {@link https://learn.microsoft.com/windows/win32/secauthz/security-descriptor-string-format | SDDL}
 */
export type Security =
  | 'user'
  | 'everyone-read'
  | 'everyone-read-write'
  | {
      /** A security descriptor string, such as `'D:(A;;GA;;;WD)'`. Fails with `ERROR_NOT_SUPPORTED` but on Windows. */
      readonly sddl: string;
    };

/** What everyone may do, by the option, in the words of a security descriptor string. */
export type RightsOfEveryone = Readonly<Partial<Record<Exclude<Security, 'user' | object>, string>>>;

const MAPPING_RIGHTS: RightsOfEveryone = { 'everyone-read': 'GR', 'everyone-read-write': 'GRGW' };

/**
 * The `SECURITY_ATTRIBUTES` for an option, and the descriptor that they point to, until it is disposed of.
 *
 * @throws `TypeError` if it is none of the options
 * @throws `Win32Error` if the system does not know the security descriptor
 * @internal
 */
export function securityAttributes(option: Security, everyone = MAPPING_RIGHTS) {
  const sddl = typeof option === 'object' ? option?.sddl : sddlFor(everyone[option as keyof RightsOfEveryone]);
  if (option !== 'user' && typeof sddl !== 'string') {
    const allowed = ['user', ...Object.keys(everyone)].join("', '");
    throw new TypeError(`security must be '${allowed}' or { sddl: string }: it is ${describe(option)}`);
  }
  if (sddl === undefined) return { value: null, [Symbol.dispose]() {} };
  requireText('sddl', sddl);
  const { ConvertStringSecurityDescriptorToSecurityDescriptorW, LocalFree } = security();
  const { sizeOf, offsetOf } = kernel32();
  // Not an object for koffi to convert: it looks for the members of one without asking whether it may, and crashes in a
  // worker thread that is being terminated.
  const value = Buffer.alloc(sizeOf.SECURITY_ATTRIBUTES);
  value.writeUInt32LE(sizeOf.SECURITY_ATTRIBUTES); // nLength
  const lpSecurityDescriptor = value.subarray(offsetOf.lpSecurityDescriptor);
  check(
    ConvertStringSecurityDescriptorToSecurityDescriptorW(sddl, SDDL_REVISION_1, lpSecurityDescriptor, null),
    'ConvertStringSecurityDescriptorToSecurityDescriptorW',
    sddl,
  );
  const address: Pointer = koffi.decode(lpSecurityDescriptor, 'void *');
  return {
    value,
    [Symbol.dispose]() {
      LocalFree(address);
    },
  };
}

/** Owner, system and administrators do everything; everyone does what is named. */
function sddlFor(everyone: unknown): string | undefined {
  return typeof everyone === 'string' ? `D:(A;;GA;;;OW)(A;;GA;;;SY)(A;;GA;;;BA)(A;;${everyone};;;WD)` : undefined;
}
