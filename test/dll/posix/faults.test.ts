import { spawnSync } from 'node:child_process';
import { availableParallelism, constants } from 'node:os';
import { platform } from 'node:process';
import { afterAll, describe, expect, test } from 'vitest';
import { programPath } from '../../../dist/win32/native-library.js';
import { Peer } from '../../peer.js';

const onLinux = platform === 'linux';
const asRoot = process.getuid?.() === 0;

/**
 * What comes of a call that fails: nothing that the caller sees, as it is tried again or was not needed (`fine`), that
 * and a file that the next process sweeps (`left`), or the last error.
 */
type Outcome = 'fine' | 'left' | number;

/** The last error for an errno. What each means is in dll/posix/errors.cpp. */
const LAST_ERRORS = {
  ENOENT: 2,
  ENOTDIR: 3,
  EMFILE: 4,
  ENFILE: 4,
  EACCES: 5,
  EPERM: 5,
  ELOOP: 5,
  EISDIR: 5,
  ENXIO: 5,
  ENOMEM: 8,
  EAGAIN: 8,
  ENOLCK: 8,
  EFBIG: 8,
  EOVERFLOW: 8,
  EROFS: 19,
  EIO: 31,
  ENODEV: 31,
  ETXTBSY: 31,
  ENOEXEC: 193,
  E2BIG: 206,
  ENOSPC: 1455,
  EDQUOT: 1455,
} as const;

/** Each of them becomes its last error. */
const reported = (...errnos: (keyof typeof LAST_ERRORS)[]) =>
  Object.fromEntries(errnos.map((errno) => [errno, LAST_ERRORS[errno] as Outcome]));

/** Each of them comes to that. */
const each = (outcome: Outcome, ...actions: string[]): Record<string, Outcome> =>
  Object.fromEntries(actions.map((action) => [action, outcome]));

const ACCESS_DENIED = 5;
const INVALID_HANDLE = 6;
const MOD_NOT_FOUND = 126;

/**
 * Every call of libkernel32.so that can fail, as the trace has it, every way in which it plausibly does, and what comes
 * of that. `then-` is a failure after the call has had its effect, and `short` a transfer of half.
 */
const CALLS: Record<string, Record<string, Outcome>> = {
  // The object's file: EACCES for an object of another's, EWOULDBLOCK for a lease on it.
  'open OBJECT O_RDWR': {
    ...reported('EMFILE', 'ENFILE', 'EACCES', 'EPERM', 'ELOOP', 'EISDIR', 'ENXIO', 'ENOMEM', 'EROFS', 'EIO'),
    ...each(ACCESS_DENIED, 'EAGAIN'),
    ...each('fine', 'EINTR'),
  },
  'open OBJECT O_RDONLY': {
    ...reported('EMFILE', 'ENFILE', 'EACCES', 'EPERM', 'ELOOP', 'ENOMEM', 'EIO'),
    ...each(ACCESS_DENIED, 'EAGAIN'),
    ...each('fine', 'EINTR'),
  },
  // A new file: EEXIST for one that another process of the same id makes, ENOENT for a missing directory. Where there
  // is no room, what is dead is swept and it is tried again.
  'open NEW O_RDWR O_CREAT': {
    ...reported('EMFILE', 'ENFILE', 'EACCES', 'EPERM', 'ENOTDIR', 'ENOMEM', 'EROFS', 'EIO'),
    ...each(LAST_ERRORS.ENOTDIR, 'ENOENT'),
    ...each('fine', 'EINTR', 'EEXIST', 'ENOSPC', 'EDQUOT'),
  },
  // A new file again, for the slot of an object's first owner.
  'open NEW O_RDWR': {
    ...reported('EMFILE', 'ENFILE', 'EACCES', 'EPERM', 'ELOOP', 'ENOMEM', 'EIO'),
    ...each(ACCESS_DENIED, 'EAGAIN'),
    ...each('fine', 'EINTR'),
  },
  // A failing close has closed.
  close: each('fine', 'then-EINTR', 'then-EIO', 'then-ENOSPC', 'then-EDQUOT'),
  fstat: reported('ENOMEM', 'EIO', 'EOVERFLOW'),
  // Whether the path is that of the file: if that cannot be known, the name is looked up again.
  'lstat OBJECT': each('fine', 'ENOENT', 'EACCES', 'ENOMEM', 'EIO', 'ELOOP', 'EOVERFLOW'),
  'lstat NEW': each('fine', 'ENOENT', 'EACCES', 'ENOMEM', 'EIO', 'ELOOP', 'EOVERFLOW'),
  'fcntl F_OFD_GETLK F_WRLCK': { ...reported('ENOMEM', 'ENOLCK', 'EIO'), ...each('fine', 'EINTR') },
  // A lock that another has is waited for.
  'fcntl F_OFD_SETLK F_RDLCK': {
    ...reported('ENOLCK', 'ENOMEM', 'EIO'),
    ...each('fine', 'EINTR', 'EAGAIN', 'EACCES'),
  },
  'fcntl F_OFD_SETLK F_WRLCK': {
    ...reported('ENOLCK', 'ENOMEM', 'EIO'),
    ...each('fine', 'EINTR', 'EAGAIN', 'EACCES'),
  },
  'fcntl F_OFD_SETLK F_UNLCK': each('fine', 'ENOLCK', 'ENOMEM', 'EIO', 'EINTR'),
  'fcntl-other F_GETFL': each('fine'),
  getrlimit: each('fine', 'EPERM'),
  fallocate: {
    ...reported('EFBIG', 'ENOMEM', 'EIO', 'ENODEV', 'EPERM'),
    ...each('fine', 'EINTR', 'ENOSPC', 'EDQUOT'),
  },
  pwrite: { ...reported('EIO', 'ENOMEM', 'EFBIG'), ...each('fine', 'EINTR', 'ENOSPC', 'EDQUOT', 'short') },
  pread: { ...reported('EIO', 'ENOMEM'), ...each('fine', 'EINTR', 'short') },
  fchmod: { ...reported('EPERM', 'EIO', 'EROFS', 'ENOMEM'), ...each('fine', 'EINTR') },
  // EEXIST if another process was faster, ENOENT if one has taken the new file for a dead one.
  link: {
    ...reported('EPERM', 'EACCES', 'EROFS', 'ENOMEM', 'EIO', 'ELOOP'),
    ...each('fine', 'EEXIST', 'ENOENT', 'ENOSPC', 'EDQUOT'),
  },
  'unlink NEW': each('left', 'EACCES', 'EPERM', 'EROFS', 'ENOMEM', 'EIO'),
  // Of a dead object, which then is in the way. When a handle is closed, nobody is told.
  'unlink OBJECT': { ...reported('EACCES', 'EPERM', 'EROFS', 'ENOMEM', 'EIO'), ...each('fine', 'then-ENOENT') },
  mmap: reported('ENOMEM', 'EACCES', 'EPERM', 'EAGAIN', 'ENFILE', 'ENODEV', 'EOVERFLOW'),
  munmap: reported('ENOMEM'),
  mremap: reported('ENOMEM', 'EAGAIN'),
  // Of a futex. No wait depends on it: whatever it says, the thread looks again.
  syscall: each('fine', 'EINTR', 'EAGAIN', 'EFAULT', 'EINVAL', 'ENOMEM', 'ENOSYS', 'EPERM', 'ETIMEDOUT'),
  // Allocations by operator new.
  new: reported('ENOMEM'),
  pthread_create: reported('EAGAIN'),
  'dlopen LIBRARY': each(MOD_NOT_FOUND, 'ENOMEM', 'EMFILE'),
  'dlopen PROGRAM': each('fine', 'ENOMEM'),
  // The files that tell why a library could not be loaded.
  'open libkernel32.so O_RDONLY': {
    ...reported('EMFILE', 'ENFILE', 'ENOMEM', 'EACCES', 'EIO'),
    ...each('fine', 'EINTR'),
  },
  'open libdllmemfilemap.so O_RDONLY': {
    ...reported('EMFILE', 'ENFILE', 'ENOMEM', 'EACCES', 'EIO'),
    ...each(MOD_NOT_FOUND, 'ENOENT', 'ENOTDIR'),
    ...each('fine', 'EINTR'),
  },
  'open maps O_RDONLY': {
    ...reported('EMFILE', 'ENFILE', 'ENOMEM', 'EACCES', 'EIO'),
    ...each(MOD_NOT_FOUND, 'ENOENT', 'ENOTDIR'),
    ...each('fine', 'EINTR'),
  },
  'open libnone.so O_RDONLY': { ...reported('EMFILE', 'ENFILE', 'ENOMEM', 'EACCES'), ...each('fine', 'EINTR') },
  read: { ...reported('EIO', 'EISDIR', 'EAGAIN'), ...each('fine', 'EINTR', 'short') },
  readlink: each('fine', 'EACCES', 'ENOENT', 'ENOMEM'),
  'stat true': reported('ENOENT', 'EACCES', 'ENOMEM', 'ELOOP'),
  'stat none': { ...reported('EACCES', 'ENOMEM', 'ELOOP'), ...each('fine', 'ENOENT', 'ENOTDIR') },
  posix_spawn: reported(
    'EAGAIN',
    'ENOMEM',
    'EACCES',
    'EPERM',
    'ENOEXEC',
    'E2BIG',
    'EMFILE',
    'ENFILE',
    'ETXTBSY',
    'ENOENT',
  ),
  // ECHILD if the program has its children reaped by somebody else.
  waitpid: each('fine', 'EINTR', 'ECHILD'),
  tcgetattr: each(INVALID_HANDLE, 'ENOTTY', 'EIO', 'EBADF'),
  tcsetattr: { ...reported('EIO'), ...each('fine', 'EINTR') },
  'fcntl-other F_SETFD': each(INVALID_HANDLE, 'EBADF'),
  select: each('fine', 'EINTR', 'ENOMEM'),
  // Where this process cannot be entered in the register, it sweeps. What cannot be removed, the next process has.
  'open-register REGISTER O_RDWR': each('fine', 'EMFILE', 'ENFILE', 'EACCES', 'ELOOP', 'ENOMEM', 'EIO', 'EINTR'),
  'open-register REGISTER O_RDWR O_CREAT': each(
    'fine',
    ...['EMFILE', 'ENFILE', 'EACCES', 'EEXIST', 'ENOSPC', 'EROFS', 'ENOMEM', 'EINTR'],
  ),
  'close-register': each('fine', 'then-EINTR', 'then-EIO'),
  'fstat-register': each('fine', 'ENOMEM', 'EIO', 'EOVERFLOW'),
  'lstat-register REGISTER': each('fine', 'ENOENT', 'EACCES', 'ENOMEM', 'EIO'),
  'fcntl-register F_OFD_SETLK F_RDLCK': each('fine', 'EAGAIN', 'EACCES', 'ENOLCK', 'ENOMEM', 'EIO', 'EINTR'),
  'fcntl-register F_OFD_SETLK F_WRLCK': each('fine', 'EAGAIN', 'EACCES', 'ENOLCK', 'ENOMEM', 'EIO', 'EINTR'),
  'fcntl-register F_OFD_SETLK F_UNLCK': each('fine', 'ENOLCK', 'ENOMEM', 'EIO', 'EINTR'),
  'fchmod-register': each('fine', 'EPERM', 'EIO', 'EINTR'),
  'pread-register': each('fine', 'EIO', 'ENOMEM', 'EINTR', 'short'),
  'pwrite-register': each('fine', 'EIO', 'ENOMEM', 'ENOSPC', 'EDQUOT', 'EINTR', 'short'),
  'unlink-register REGISTER': each('fine', 'EACCES', 'EPERM', 'EROFS', 'EIO', 'then-ENOENT'),
  // A sweep's own. What else it calls fails in its own ways: see SWEEP.
  opendir: {},
  readdir: {},
  closedir: each('fine', 'then-EINTR', 'then-EIO'),
};

/** What a sweep meets changes nothing for the caller; but a sweep without memory is a call without memory. */
const SWEEP = ['EINTR', 'EMFILE', 'ENFILE', 'EACCES', 'EPERM', 'ENOENT', 'ENOMEM', 'ENOLCK', 'EIO', 'EROFS'];

/** libkernel32.so's other imports, and why nothing comes of them. The C++ library's fail by operator new alone. */
const CANNOT_FAIL: Record<string, string> = {
  'abort|_exit|sched_yield|geteuid|getpid|clock_gettime|nanosleep': 'have no error here that means anything',
  'sysconf|dladdr|dlsym|dlclose': 'fail only for what is not there',
  'pthread_(mutex_(un)?lock|cond_clockwait|sigmask)|sigaction|raise': 'fail only for arguments that are not valid',
  'getenv|environ|__environ|sig(fill|empty|add)set|mem.*|str.*|v?snprintf|free': 'are no system calls',
  'pthread_(key_create|setspecific)': 'need no memory for one of the first 32 keys',
  '__register_atfork|pthread_atfork': 'is of use to forked processes alone',
  getpwuid_r: 'gives a name for a message, which does without',
  'printf|fprintf|puts|putchar|fputs|fputc|fwrite|fflush|stdout|stderr': 'print what nobody may be there to read',
  '_Z.*|__cxa_.*|__gxx_personality_v0|_Unwind_Resume|__once_proxy|__dynamic_cast': "are the C++ library's",
  '__errno_location|__tls_get_addr|__libc_single_threaded|_ITM_.*|__gmon_start__|__stack_chk_fail': "are the linker's",
};

interface Scenario {
  readonly run: string;
  /** Who has the object before: see fault_runner.cpp. */
  readonly before?: 'alive' | 'dead' | 'leftovers';
  readonly scope?: 'global';
  /** Faults that are part of the scenario. */
  readonly faults?: string;
  /** What each step gives where nothing else fails. */
  readonly gives: string;
}

const USE = 'map zeros, unmap ok, close ok';
const USE_CONTENTS = 'map contents, unmap ok, close ok';
const START = 'start ok, wait ok, close ok, close ok';

const errno = (name: string) => String(constants.errno[name as keyof typeof constants.errno]);

const SCENARIOS: Record<string, Scenario> = {
  'a new name is created': { run: 'create', gives: `create created, ${USE}` },
  'a new name is created in Global\\': { run: 'create', scope: 'global', gives: `create created, ${USE}` },
  'a name is created that everyone may use': {
    run: 'create-with-security',
    scope: 'global',
    gives: `convert ok, create created, free ok, ${USE}`,
  },
  'a name is created that another process has': {
    run: 'create',
    before: 'alive',
    gives: `create opened, ${USE_CONTENTS}`,
  },
  'a name in Global\\ is created that another process has': {
    run: 'create',
    before: 'alive',
    scope: 'global',
    gives: `create opened, ${USE_CONTENTS}`,
  },
  'a name is created that a killed process had': {
    run: 'create',
    before: 'dead',
    faults: `opendir:1:${errno('EACCES')}`, // so that it is not swept first
    gives: `create created, ${USE}`,
  },
  'a name is created where others have left files': {
    run: 'create',
    before: 'leftovers',
    gives: `create created, ${USE}`,
  },
  'a name is created that another is about to create': {
    run: 'create',
    faults: `link:1:${errno('EEXIST')}`,
    gives: `create created, ${USE}`,
  },
  'a name is created while another process sweeps': {
    run: 'create',
    faults: `link:1:${errno('ENOENT')}`,
    gives: `create created, ${USE}`,
  },
  'a name is created when what is dead takes up the room': {
    run: 'create',
    before: 'leftovers',
    faults: `fallocate:1:${errno('ENOSPC')}`,
    gives: `create created, ${USE}`,
  },
  'a name is created without room': {
    run: 'create',
    faults: `fallocate:1+:${errno('ENOSPC')}`,
    gives: 'create error 1455',
  },
  'a name is created where files cannot be locked': {
    run: 'create',
    faults: `fcntl:1+:${errno('ENOLCK')}`,
    gives: 'create error 8',
  },
  'a name is created, and the process ends': { run: 'create-and-end', gives: 'create created, map zeros' },
  'many handles of a name are opened': {
    run: 'create-many',
    gives: `create created, ${'create opened, '.repeat(11)}${'close ok, '.repeat(12)}`.slice(0, -2),
  },
  'an object without a name is created': { run: 'create-anonymous', gives: `create created, ${USE}` },
  'an object without a name is created when what is dead takes up the room': {
    run: 'create-anonymous',
    before: 'leftovers',
    faults: `fallocate:1:${errno('ENOSPC')}`,
    gives: `create created, ${USE}`,
  },
  'an object without a name is created without room': {
    run: 'create-anonymous',
    faults: `fallocate:1+:${errno('ENOSPC')}`,
    gives: 'create error 1455',
  },
  'a name is opened': { run: 'open-to-write', before: 'alive', gives: `open ok, ${USE_CONTENTS}` },
  'a name is opened to read': { run: 'open-to-read', before: 'alive', gives: `open ok, ${USE_CONTENTS}` },
  'a name is opened that may only be read': {
    run: 'open-to-read',
    before: 'alive',
    scope: 'global',
    faults: `opendir:1:${errno('EACCES')},open:1:${errno('EACCES')}`,
    gives: `open ok, ${USE_CONTENTS}`,
  },
  'a name is opened that nobody has': { run: 'open-to-write', gives: 'open error 2' },
  'a name is opened that a killed process had': {
    run: 'open-to-write',
    before: 'dead',
    faults: `opendir:1:${errno('EACCES')}`,
    gives: 'open error 2',
  },
  'two views outlive the handle': {
    run: 'map-twice',
    gives: 'create created, map zeros, map again zeros, close ok, query ok, unmap ok, query ok, unmap ok',
  },
  'the memory of a view is replaced': {
    run: 'replace-view',
    gives: 'create created, map zeros, replace ok, unmap ok, close ok',
  },
  'a mutex is created, owned and released': {
    run: 'use-mutex',
    gives: 'create created, wait ok, release ok, close ok',
  },
  'a mutex is created that is owned': { run: 'create-owned-mutex', gives: 'create created, release ok, close ok' },
  'an event is created, waited for and set': {
    run: 'use-event',
    gives: 'create created, time out ok, set ok, wait ok, close ok',
  },
  'several objects are waited for': {
    run: 'use-semaphore-and-event',
    gives: 'create created, create event created, time out ok, close event ok, close ok',
  },
  'the DLL is loaded': { run: 'load', gives: 'load ok, find ok, text ok, unload ok' },
  'the DLL is loaded beside another process that has it': {
    run: 'load',
    before: 'leftovers',
    gives: 'load ok, find ok, text ok, unload ok',
  },
  'the DLL cannot be loaded': {
    run: 'load',
    faults: `dlopen:1:${errno('ENOMEM')}`,
    gives: 'load error 126',
  },
  'a library is loaded that is missing': { run: 'load-missing', gives: 'load error 126' },
  'a library is loaded that is none': { run: 'load-foreign', gives: 'load error 193' },
  'a program runs that is linked against the DLL': { run: 'linked', gives: 'attach ok' },
  'a program is started by its path': { run: 'start-by-path', gives: START },
  'a program is started by its name': { run: 'start-by-name', gives: START },
  'a program is started that is missing': { run: 'start-missing', gives: 'start error 2' },
  'text is converted and shown': { run: 'convert', gives: 'widen ok, narrow ok, explain ok, box ok' },
  'a key is waited for': { run: 'console', gives: 'get mode ok, set mode ok, inherit ok, read ok' },
};

/** A call in the trace of a scenario. */
interface Call {
  readonly text: string;
  readonly function: string;
  /** The how manieth call of its function. */
  readonly number: number;
  readonly step: string;
  /** The index of what its step gives. */
  readonly result: number;
  readonly sweeping: boolean;
  /** What was called before and after it in the process, and after it in its step. */
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly afterInStep: readonly string[];
}

interface Run {
  readonly calls: readonly Call[];
  /** What each step gave. */
  readonly results: readonly string[];
  /** What the next process gets, and how many files are left when all have ended. */
  readonly next: string;
  /** What leaked, how the process ended, and how many files it left. */
  readonly end: string;
}

function parse(answer: string): Run {
  const results: string[] = [];
  const next: string[] = [];
  const end: string[] = [];
  const calls: { text: string; step: string; result: number; sweeping: boolean }[] = [];
  let step = '';
  let sweeping = false;
  for (const line of answer.split('|').slice(0, -1)) {
    const space = `${line} `.indexOf(' ');
    const [word, rest] = [line.slice(0, space), line.slice(space + 1)];
    const attachError = /Win32 error (\d+)/.exec(line)?.[1];
    if (word === 'step') step = rest;
    else if (word === '=') results.push(`${step} ${rest}`);
    else if (line === 'ready') results.push('attach ok');
    else if (attachError) results.push(`attach error ${attachError}`);
    else if (word === 'next' || word === 'end') next.push(line);
    else if (word !== 'call') end.push(line);
    else {
      // A sweep ends with closedir, or if there is no folder to sweep.
      if (rest === 'opendir' || (calls.at(-1)?.text === 'opendir' && rest !== 'readdir')) sweeping = rest === 'opendir';
      calls.push({ text: rest, step, result: results.length, sweeping });
      if (rest === 'closedir') sweeping = false;
    }
  }
  const texts = calls.map(({ text }) => text);
  const functions = texts.map((text) => text.split(' ')[0] as string);
  return {
    calls: calls.map((call, i) => ({
      ...call,
      function: functions[i] as string,
      number: functions.slice(0, i + 1).filter((name) => name === functions[i]).length,
      before: texts.slice(0, i),
      after: texts.slice(i + 1),
      afterInStep: texts.slice(i + 1, calls.findLastIndex(({ result }) => result === call.result) + 1),
    })),
    results,
    next: next.join(', '),
    end: end.join(', '),
  };
}

/** Whether the call lets go of a file, its handle's or an unfinished one's. Nobody is told how that went. */
const isLettingGo = ({ step, result, before, text }: Call) =>
  /^(close|close event|unload|exit)$/.test(step) ||
  (step === 'attach' && result === 1) ||
  text === 'fcntl F_OFD_SETLK F_UNLCK' ||
  before.lastIndexOf('fcntl F_OFD_SETLK F_UNLCK') > before.lastIndexOf('close');

/** Whether a mapping of a file stays if the call fails, as nobody is told that it did. */
const keepsMapping = ({ function: name, step }: Call) => name === 'munmap' && /^(unload|close)$/.test(step);

/**
 * Whether the call is the DLL's own, and none of the loader's. What fails once, it does without the state of its text, or
 * again without it.
 */
function isOfDll({ function: name, step, result, before, afterInStep }: Call, { run }: Scenario): boolean {
  // The first writing, after the functions were found.
  if (run === 'load' && step === 'find' && result === 2) return true;
  const isAttaching =
    run === 'load' ? step === 'load' && before.includes('dlopen PROGRAM') : run === 'linked' && step === 'attach';
  // The first allocations are the loader's, and the last one.
  const isFirst = before.slice(run === 'linked' ? -2 : -1).includes('dlopen PROGRAM');
  const isLast = run === 'load' && before.includes('mmap') && !afterInStep.includes('new');
  return isAttaching && !(name === 'new' && (isFirst || isLast));
}

/** What comes of a call that fails in a scenario: what {@link CALLS} says, but for what depends on who calls. */
function outcomeOf(call: Call, action: string, usual: Outcome, scenario: Scenario): Outcome {
  const memory = call.function === 'new';
  if (call.sweeping && !memory) return 'fine';
  if (call.function.endsWith('-register')) return 'fine';
  const last = call.before.at(-1) ?? '';
  const isLooking = call.function === 'lstat' || (call.function === 'fstat' && last.startsWith('lstat'));

  // Where there is no room everything is swept, what this call has left too.
  const sweepsNext = call.afterInStep.includes('opendir');
  if (isLettingGo(call) && call.function !== 'munmap' && !memory) {
    if (/^(close|getrlimit|fcntl F_OFD_SETLK F_UNLCK)$/.test(call.text) || action === 'EINTR') return 'fine';
    // The last holder did not free the name.
    const isLast = [call.text, ...call.afterInStep].some((text) => text.startsWith('unlink'));
    return isLast && !action.startsWith('then-') && !sweepsNext ? 'left' : 'fine';
  }
  if (call.text === 'unlink NEW' && sweepsNext) return 'fine';
  // An unfinished file that can neither be locked nor be told from another process's is left alone.
  if (isLooking) return scenario.faults?.startsWith('fcntl') ? 'left' : 'fine';
  if (scenario.run === 'load-foreign' && call.function === 'dlopen') return 'fine';
  // A key is waited for in any case.
  if (scenario.run === 'console' && action === 'EAGAIN') return 'fine';
  if (scenario.run === 'open-to-read' && call.text === 'open OBJECT O_RDWR' && action === 'EACCES') return 'fine';
  // To remove what is dead is not what an opener wants.
  const removes = /^(unlink OBJECT|fcntl F_OFD_SETLK F_WRLCK)$/.test(call.text);
  if (scenario.run === 'open-to-write' && removes) return 'fine';
  // It is removed again when the handle is closed.
  if (scenario.run === 'create-anonymous' && call.text === 'unlink NEW') return 'fine';
  // Others of the places where the program may be.
  if (call.text === 'stat true' && call.after.includes('stat true')) return 'fine';
  if (call.function === 'munmap' && call.step !== 'unmap') return 'fine';
  if (typeof usual === 'number' && isOfDll(call, scenario)) {
    // Without memory from here on, the DLL cannot attach; but it can write.
    return action.endsWith('+') && call.step !== 'find' ? usual : 'fine';
  }
  return usual;
}

/** Starts what runs the scenarios, with a /dev/shm of its own. */
const startRunner = () =>
  Peer.run('unshare', [
    ...['--mount', 'sh', '-c', 'mount -t tmpfs tmpfs /dev/shm && LD_PRELOAD="$1" exec "$0"'],
    ...[programPath('fault_runner'), programPath('libfaults.so')],
  ]);

/** Whether each call fails with every error that it may have, which takes minutes, or with one of them. */
const EVERY_ERROR = process.env.EVERY_FAULT === '1';

const counts = { calls: 0, 'pairs of a call and an error': 0, 'failed allocations': 0, 'places of a kill': 0 };

describe.skipIf(!onLinux || !asRoot)(
  'Whatever fails while (on Linux alone, which can preload what fails, and not without root: it has a /dev/shm mounted)',
  () => {
    test.each(Object.entries(SCENARIOS))(
      '%s, the right error is reported and nothing is lost or left',
      async (_, scenario) => {
        const { run, before = 'nothing', scope = 'local', gives } = scenario;
        const runners = await Promise.all(Array.from({ length: availableParallelism() }, startRunner));
        const ask = async (runner: Peer, faults: string) =>
          parse(await runner.ask(`${run} ${before} ${scope} ${faults || '-'}`));

        const own = scenario.faults ?? '';
        const fine = await ask(runners[0] as Peer, own);
        const nothing = 'next error 2, next created, next zeros, next ok, next ok';
        const something = 'next ok, next contents, next ok, next ok, next opened, next contents, next ok, next ok';
        const goodEnd = run === 'create-and-end' || run === 'linked' ? 'exit 0, left 0' : 'leaks 0 0, exit 0, left 0';
        expect(fine).toMatchObject({
          results: gives.split(', '),
          end: goodEnd,
          next: [
            before === 'alive' ? something : nothing,
            before === 'leftovers' ? something : nothing,
            'next exit 0, end 0',
          ].join(', '),
        });

        const isFaulty = (call: Call) =>
          own.split(',').some((fault) => {
            const [name, number = ''] = fault.split(':');
            return name === call.function && (number.endsWith('+') || Number(number) === call.number);
          });

        /** What has to be, and is not. */
        const wrong: string[] = [];
        const check = (faults: string, call: Call, seen: Run, expected: Partial<Run>) => {
          try {
            expect(seen).toMatchObject(expected);
          } catch {
            const { results, end, next } = seen;
            wrong.push(`${faults} (${call.text} in ${call.step}): ${JSON.stringify({ expected, results, end, next })}`);
          }
        };

        const tasks: ((runner: Peer) => Promise<void>)[] = [];
        const fail = (call: Call, faults: string, outcome: Outcome) =>
          tasks.push(async (runner) => {
            const all = own ? `${own},${faults}` : faults;
            const seen = await ask(runner, all);
            const failed = typeof outcome === 'number' ? `${call.step} error ${outcome}` : undefined;
            const at = call.result;
            // All other steps give what they give otherwise; a view that stayed is unmapped later.
            const isRight = (result: string) =>
              fine.results.includes(result) ||
              result === 'unmap again ok' ||
              (faults.includes('+') && result.endsWith(` error ${outcome}`));
            const results = failed
              ? [...fine.results.slice(0, at), failed, ...seen.results.slice(at + 1).filter(isRight)]
              : fine.results;
            let end = goodEnd;
            if (outcome === 'left') end = goodEnd.replace('left 0', 'left 1');
            if (failed && run === 'linked') end = 'exit 127, left 0';
            if (keepsMapping(call)) end = goodEnd.replace('leaks 0 0', 'leaks 0 1');
            check(faults, call, seen, { results, end, next: fine.next });
          });

        for (const call of fine.calls) {
          counts.calls++;
          if (call.function === 'new') {
            if (isLettingGo(call) && run === 'linked') continue; // the program's own
            // This one, and this one and all later.
            for (const plus of ['', '+']) {
              counts['failed allocations']++;
              const faults = `new:${call.number}${plus}:${errno('ENOMEM')}`;
              fail(call, faults, outcomeOf(call, `ENOMEM${plus}`, LAST_ERRORS.ENOMEM, scenario));
            }
            continue;
          }

          const sweep = each('fine', ...SWEEP);
          const ways = call.sweeping && !call.function.startsWith('close') ? sweep : CALLS[call.text];
          if (!ways) throw new Error(`it is not said what comes of a failing ${call.text}`);
          const errors = isFaulty(call) ? [] : Object.entries(ways);
          for (const [i, [action, usual]] of errors.entries()) {
            if (!EVERY_ERROR && i !== call.number % errors.length) continue;
            if (action === 'short' && run === 'console') continue; // half of one byte
            counts['pairs of a call and an error']++;
            const [, then, name] = /^(then-)?(\w+)$/.exec(action) as unknown as [string, string?, string?];
            const effect = action === 'short' ? 'short' : `${then ?? ''}${errno(name as string)}`;
            fail(call, `${call.function}:${call.number}:${effect}`, outcomeOf(call, action, usual, scenario));
          }

          const isLast = !call.after.some((text) => text !== 'new');
          for (const kill of isLast ? ['kill', 'kill-after'] : ['kill']) {
            counts['places of a kill']++;
            const faults = `${call.function}:${call.number}:${kill}`;
            tasks.push(async (runner) => {
              const seen = await ask(runner, own ? `${faults},${own}` : faults);
              check(faults, call, seen, { results: fine.results.slice(0, seen.results.length), next: fine.next });
              // A process that has ended already is not slept for.
              const isReached = seen.calls.filter(({ function: name }) => name === call.function).length >= call.number;
              if (call.function === 'syscall' && !isReached && /^start-/.test(run)) return;
              if (!seen.end.startsWith('signal 9')) wrong.push(`${faults} did not kill: ${seen.end}`);
            });
          }
        }

        await Promise.all(
          runners.map(async (runner) => {
            for (let task = tasks.pop(); task; task = tasks.pop()) await task(runner);
          }),
        );
        expect(wrong.sort()).toEqual([]);
      },
      300_000,
    );

    afterAll(() => {
      console.log(
        Object.entries(counts)
          .map(([what, count]) => `${count} ${what}`)
          .join(', '),
      );
    });
  },
);

test.skipIf(!onLinux || !asRoot)(
  'SetSharedMem reads what it can keep of a text, and nothing past its end (on Linux alone, with root)',
  async () => {
    const runner = await startRunner();
    expect(parse(await runner.ask('set-unterminated nothing local -'))).toMatchObject({
      results: ['whole ok', 'each ok'],
      end: 'leaks 0 0, exit 0, left 0',
    });
  },
);

describe.skipIf(!onLinux)('The functions that libkernel32.so calls (on Linux alone)', () => {
  const { stdout } = spawnSync('nm', ['-D', '--undefined-only', programPath('libkernel32.so')], { encoding: 'utf8' });
  const called = [...(stdout ?? '').matchAll(/ [UWw] ([^@\s]+)/g)].map(([, name]) =>
    (name as string).replace(/^__(\w+)_chk$/, '$1'),
  );

  test('either fail in these tests, or cannot fail', () => {
    const failing = new Set(
      Object.keys(CALLS).map((text) => (text.split(' ')[0] as string).replace(/-(other|register)$/, '')),
    );
    const others = new RegExp(`^(${Object.keys(CANNOT_FAIL).join('|')})$`);
    expect(called.length).toBeGreaterThan(50);
    expect(called.filter((name) => !failing.has(name) && !others.test(name))).toEqual([]);
  });
});
