import { FORMAT_MESSAGE_FROM_SYSTEM, FORMAT_MESSAGE_IGNORE_INSERTS, kernel32 } from './kernel32.js';
import { howToProvide, tellsMore } from './native-library.js';

interface Explanation {
  readonly cause: string;
  readonly advice: string;
}

interface Meaning extends Explanation {
  readonly code: string;
}

const UNNAMED: Explanation = {
  cause: 'the system refused',
  advice: 'Look the number up in the documentation of the function',
};

/** The errors that the functions of this package's boundary are documented to give. */
const MEANINGS: Readonly<Record<number, Meaning>> = {
  2: {
    code: 'ERROR_FILE_NOT_FOUND',
    cause: 'no living process has it open',
    advice: 'Start the program that creates it, or create it here',
  },
  3: {
    code: 'ERROR_PATH_NOT_FOUND',
    cause: 'the folder for shared memory does not exist',
    advice: 'Create it (on Linux, mount a tmpfs at /dev/shm)',
  },
  4: {
    code: 'ERROR_TOO_MANY_OPEN_FILES',
    cause: 'this process has no room for another handle',
    advice: 'Close some, or raise the limit (ulimit -n)',
  },
  5: {
    code: 'ERROR_ACCESS_DENIED',
    cause: 'its owner, its security, or what it was opened for does not allow this',
    advice: 'Ask for less access, or have it created with security for everyone',
  },
  6: {
    code: 'ERROR_INVALID_HANDLE',
    cause: 'the handle or the name belongs to another kind of object, or to none',
    advice: 'Choose a name that nothing else uses',
  },
  8: {
    code: 'ERROR_NOT_ENOUGH_MEMORY',
    cause: 'the machine has not that much memory or address space',
    advice: 'Ask for less',
  },
  19: {
    code: 'ERROR_WRITE_PROTECT',
    cause: 'the file system for shared memory is mounted read-only',
    advice: 'Mount it writable',
  },
  24: { code: 'ERROR_BAD_LENGTH', cause: 'a length is not the one that was expected', advice: 'Ask for another' },
  31: { code: 'ERROR_GEN_FAILURE', ...UNNAMED },
  50: {
    code: 'ERROR_NOT_SUPPORTED',
    cause: 'this system does not know what was asked for',
    advice: 'See what is supported here',
  },
  87: {
    code: 'ERROR_INVALID_PARAMETER',
    cause: 'an argument is out of range',
    advice: 'See the documentation of the function',
  },
  123: {
    code: 'ERROR_INVALID_NAME',
    cause: 'there is nothing after the prefix',
    advice: 'Give a name',
  },
  126: {
    code: 'ERROR_MOD_NOT_FOUND',
    cause: 'the file, or a library that it needs, does not exist',
    get advice() {
      return howToProvide();
    },
  },
  127: {
    code: 'ERROR_PROC_NOT_FOUND',
    cause: 'the library does not export that',
    get advice() {
      return howToProvide();
    },
  },
  161: {
    code: 'ERROR_BAD_PATHNAME',
    cause: 'the name begins with a backslash',
    advice: 'Leave the backslash out',
  },
  170: {
    code: 'ERROR_BUSY',
    cause: 'another process holds on to it while it frees it',
    advice: 'Look for a process that was stopped, and try again',
  },
  183: {
    code: 'ERROR_ALREADY_EXISTS',
    cause: 'a living process has one of that name',
    advice: 'Open it, or choose another name',
  },
  193: {
    code: 'ERROR_BAD_EXE_FORMAT',
    cause: 'the file is no library for this system and processor',
    get advice() {
      return howToProvide();
    },
  },
  206: {
    code: 'ERROR_FILENAME_EXCED_RANGE',
    cause: 'the name is longer than 260 characters',
    advice: 'Shorten it',
  },
  258: {
    code: 'WAIT_TIMEOUT',
    cause: 'the time has passed',
    advice: 'Wait for longer, or see whether the process that it waits for is there',
  },
  288: {
    code: 'ERROR_NOT_OWNER',
    cause: 'this thread does not own the mutex',
    advice: 'Release it where it was acquired, once for each time',
  },
  298: {
    code: 'ERROR_TOO_MANY_POSTS',
    cause: "the semaphore's count would exceed its maximum, so it was left as it is",
    advice: 'Release no more than was acquired, or create it with a larger maximum',
  },
  487: { code: 'ERROR_INVALID_ADDRESS', cause: 'no view is mapped there', advice: 'Map it first' },
  1114: {
    code: 'ERROR_DLL_INIT_FAILED',
    cause: 'its entry point could not map the shared memory',
    advice: "See this error's cause",
  },
  1131: {
    code: 'ERROR_POSSIBLE_DEADLOCK',
    cause: 'this thread itself holds the mutex or waits for it, and could not let go of it while it is blocked',
    advice: 'Release it first, or acquire it without blocking',
  },
  1132: {
    code: 'ERROR_MAPPED_ALIGNMENT',
    cause: 'the offset is no multiple of 65536',
    advice: 'Begin the view at a multiple',
  },
  1455: {
    code: 'ERROR_COMMITMENT_LIMIT',
    cause: 'the system has no room for that much shared memory',
    advice: 'Ask for less, or make room (on Linux, in /dev/shm)',
  },
};

/** The same errors where one function means something of its own by them. */
const MEANINGS_OF_FUNCTIONS: Readonly<Record<string, Readonly<Record<number, Explanation>>>> = {
  CreateFileMappingW: {
    24: {
      cause: 'the object that exists is smaller',
      advice: 'Ask for less, or let the process that creates it ask for as much',
    },
  },
  LoadLibraryW: {
    3: {
      cause: 'the folder of the file does not exist',
      get advice() {
        return howToProvide();
      },
    },
    206: { cause: 'the path is too long', advice: 'Install the package in a folder with a shorter path' },
  },
  MapViewOfFile: {
    5: {
      cause: 'the view reaches past the end of the object, or asks for more access than the object was opened for',
      advice: 'Map less of it, or open it for that access',
    },
    87: { cause: 'the offset is not within the object', advice: 'Begin the view before the end of the object' },
    487: {
      cause: "the object's memory is reserved, but its creator has not committed it",
      advice: 'Wait until it has',
    },
  },
  ConvertStringSecurityDescriptorToSecurityDescriptorW: {
    87: {
      cause: 'this system knows no such security descriptor',
      advice: "Use 'user', 'everyone-read' or 'everyone-read-write', which every system knows",
    },
  },
};

/** The errors of names that no object can have. */
const ERRORS_OF_NAMES: ReadonlySet<number> = new Set([123, 161, 206]);

/** What is wrong with a name that no object can have, where the error alone does not tell. */
function faultOfName(errno: number, name: string): Explanation | undefined {
  if (errno === 3 && name.replace(/^(Local|Global)\\/, '').includes('\\')) {
    return { cause: 'a backslash may only stand after Local or Global', advice: 'Use another character' };
  }
  if (errno === 6 && name === '') return { cause: 'the name is empty', advice: 'Give a name' };
  if (errno === 6 && (name === 'Local' || name === 'Global')) {
    return { cause: 'that is a prefix without a name', advice: `Give a name, such as '${name}\\Scores'` };
  }
  return undefined;
}

/**
 * Whether a function refused the name of an object because no object can have it.
 *
 * @internal
 */
export function isWrongName(error: unknown): error is Win32Error {
  if (!(error instanceof Win32Error) || error.path === undefined) return false;
  return ERRORS_OF_NAMES.has(error.errno) || faultOfName(error.errno, error.path) !== undefined;
}

/** The longest text of the system that is asked for, in UTF-16 code units with the terminator. */
const LONGEST_MESSAGE = 1024;

/**
 * What the system itself says about an error, in its own language, if that tells more than this package does. `dll/posix`
 * tells which file stood in the way, as long as this thread has made no other call that failed.
 */
function systemMessage(errno: number, path = ''): string {
  const buffer = Buffer.alloc(LONGEST_MESSAGE * 2);
  const flags = FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS;
  const length = kernel32().FormatMessageW(flags, null, errno, 0, buffer, LONGEST_MESSAGE, null);
  const text = buffer
    .toString('utf16le', 0, length * 2)
    .trim()
    .replaceAll(/\s+/g, ' ');
  // Windows leaves room in some of its texts for what failed.
  return tellsMore(text) ? ` The system says: ${text.replaceAll('%1', () => path)}` : '';
}

/**
 * A Win32 function failed. In the manner of Node's own system errors. Its `message` says what was asked for, the cause,
 * and what to do.
 *
 * @group Errors
 * @example
 * ```ts
 * import { FileMapping, Win32Error } from 'dllmemfilemap';
 *
 * try {
 *   FileMapping.open('Local\\Scores');
 * } catch (error) {
 *   if (!(error instanceof Win32Error)) throw error;
 *   error.code; // 'ERROR_FILE_NOT_FOUND'
 *   error.errno; // 2
 *   error.syscall; // 'OpenFileMappingW'
 *   error.path; // 'Local\\Scores'
 * }
 * ```
 * @see {@link https://learn.microsoft.com/windows/win32/debug/system-error-codes | System Error Codes}
 */
export class Win32Error extends Error {
  /** The error's name, such as `'ERROR_FILE_NOT_FOUND'`; `'WIN32_ERROR_1234'` for one without a name here. */
  readonly code: string;
  /** The error's number, as of `GetLastError`. */
  readonly errno: number;
  /** The function that failed, such as `'OpenFileMappingW'`. */
  readonly syscall: string;
  /** What it failed for: an object's name or a file's path, if there is one. */
  readonly path?: string;

  /**
   * For those who call other Win32 functions themselves.
   *
   * @param errno as of `GetLastError`
   * @param syscall the function that failed
   * @param path what it failed for: an object's name or a file's path
   * @param details what else it was asked for, for the message
   */
  constructor(errno: number, syscall: string, path?: string, details?: string, options?: { readonly cause?: unknown }) {
    const meaning = {
      ...(MEANINGS[errno] ?? { code: `WIN32_ERROR_${errno}`, ...UNNAMED }),
      ...(MEANINGS_OF_FUNCTIONS[syscall]?.[errno] ?? (path === undefined ? undefined : faultOfName(errno, path))),
    };
    const subject = (path === undefined ? '' : ` '${path}'`) + (details === undefined ? '' : ` (${details})`);
    const system = systemMessage(errno, path);
    super(`${meaning.code}: ${meaning.cause}, ${syscall}${subject}. ${meaning.advice}.${system}`, options);
    this.name = 'Win32Error';
    this.code = meaning.code;
    this.errno = errno;
    this.syscall = syscall;
    if (path !== undefined) this.path = path;
  }
}

/**
 * Passes on what a Win32 function returned, unless that is its way to say that it failed.
 *
 * @param path what it was called for: an object's name or a file's path
 * @param details what else it was asked for
 * @throws `Win32Error` with the last error, which no other call may have replaced
 * @internal
 */
export function check<T>(result: T | null, syscall: string, path?: string, details?: string): T {
  if (result === null || result === 0) throw new Win32Error(kernel32().GetLastError(), syscall, path, details);
  return result;
}
