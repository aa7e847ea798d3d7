import { release, type, userInfo } from 'node:os';
import { isAbsolute } from 'node:path';
import { pid } from 'node:process';
import { FileMapping, loadSharedMem, SHMEMSIZE, Win32Error } from '../index.js';
import { SECTION_NAME } from '../shared-mem/shared-mem.js';
import { openState, STATE_NAME, STATE_SIZE } from '../shared-mem/text-state.js';
import { count } from '../win32/arguments.js';
import { kernel32 } from '../win32/kernel32.js';
import { libraryProcessor, otherProcessor } from '../win32/library-processor.js';
import { allowsLiveArrays } from '../win32/memory.js';
import { dllPath, kernel32Path, ownNamespace, sharedMemoryRoom } from '../win32/native-library.js';
import { openIfHeld } from './section.js';

/** One thing that was looked at. */
export interface Check {
  readonly what: string;
  readonly ok: boolean;
  /** What was found, with the cause if it is not in order. */
  readonly found: string;
  /** What to do, if anything. */
  readonly advice?: string;
}

/** Room for the section and its state, and for the page that the file of each begins with. */
const LEAST_ROOM = SHMEMSIZE + STATE_SIZE + 2 * 4096;

/** Looks at everything that this package needs of the machine, and stops when nothing else can work. */
export function* checks(): Generator<Check> {
  const boundary = library('kernel32', kernel32Path(), kernel32);
  yield boundary;
  if (!boundary.ok) return;
  yield arrays();
  // Before the DLL is loaded, which would make the section.
  yield section();
  yield namespace();
  yield room();
  const dll = library('DLL', dllPath(), () => loadSharedMem().unload());
  yield dll;
  if (dll.ok) yield text();
  yield globalNames();
}

function library(what: string, path: string, load: () => unknown): Check {
  if (!isAbsolute(path)) {
    load();
    return { what, ok: true, found: `the system's own, ${type()} ${release()}` };
  }
  try {
    load();
    return { what, ok: true, found: `${path}, for ${libraryProcessor(path)}` };
  } catch (error) {
    const found = message(error);
    if (otherProcessor(path) === undefined) return { what, ok: false, found };
    return { what, ok: false, found, advice: `Use a Node for ${libraryProcessor(path)}, or build the library anew.` };
  }
}

function arrays(): Check {
  const found = allowsLiveArrays()
    ? 'over the memory itself (view.bytes)'
    : 'none over the memory itself, which this runtime forbids: there is no view.bytes, and everything else copies';
  return { what: 'Arrays', ok: true, found };
}

function section(): Check {
  const what = 'Section';
  try {
    using mapping = openIfHeld(SECTION_NAME);
    if (mapping === undefined) {
      return {
        what,
        ok: true,
        found: `no process has '${SECTION_NAME}' open, so there is no text`,
        advice:
          'A text stays as long as some process holds the section, such as "dllmemfilemap hold". A writer that you expect ' +
          'has to run as the same user, and in the same session or container.',
      };
    }
    const { size } = mapping;
    // Room for one more is asked for only where pages are larger.
    if (size !== SHMEMSIZE && size !== inWholePages(SHMEMSIZE)) {
      return {
        what,
        ok: false,
        found: `'${SECTION_NAME}' has ${size} bytes instead of ${SHMEMSIZE}, so it was made by another program`,
        advice: 'End that program, or have it use another name.',
      };
    }
    using view = mapping.mapView();
    const found = `some process has '${SECTION_NAME}' open, with a text of ${count(view.readString().length, 'character')}`;
    return { what, ok: true, found: `${found}; ${accessOf(userName())}` };
  } catch (error) {
    const advice =
      'Another user has made it, or something else has its name. End the process that made it, or remove what is there.';
    return { what, ok: false, found: message(error), advice };
  }
}

/** Whether the DLL keeps the text whole and announces it, which takes a section beside the text's. */
function text(): Check {
  const what = 'Text';
  let isHeldWithout: boolean;
  try {
    isHeldWithout = isHeld(SECTION_NAME) && !isHeld(STATE_NAME);
    using _sharedMem = loadSharedMem();
    openState().close();
  } catch (error) {
    const advice =
      'A reader may see a part of two texts, and watchers look at intervals. End what has the name, or make room, and ' +
      'start the programs that share the text anew.';
    return { what, ok: false, found: `'${STATE_NAME}' cannot be used: ${message(error)}`, advice };
  }
  const found = 'whole for every reader with this DLL, and announced to watchers';
  if (!isHeldWithout) return { what, ok: true, found };
  const advice =
    `Some process has '${SECTION_NAME}' open without this DLL, such as one with the DLL of the published sample. What it ` +
    'writes is neither.';
  return { what, ok: true, found, advice };
}

function isHeld(name: string): boolean {
  using mapping = openIfHeld(name);
  return mapping !== undefined;
}

function inWholePages(size: number): number {
  using mapping = FileMapping.create(null, size);
  return mapping.size;
}

/** This user's name. Where a container runs as any number, there may be none. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'this user';
  }
}

/** What this user may do with the section. That it can be read is known. */
function accessOf(user: string): string {
  try {
    FileMapping.open(SECTION_NAME, { access: 'write' }).close();
    return `${user} may read and write it`;
  } catch {
    return `${user} may read it, and not write`;
  }
}

function namespace(): Check {
  return { what: 'Namespace', ok: true, found: ownNamespace() };
}

function room(): Check {
  const what = 'Room';
  try {
    const { place, free } = sharedMemoryRoom();
    const found = `${(free / 2 ** 20).toFixed(1)} MiB free in ${place}`;
    if (free >= LEAST_ROOM) return { what, ok: true, found };
    const advice = 'End processes that hold large sections. A container gets more when it is started with --shm-size.';
    return { what, ok: false, found, advice };
  } catch (error) {
    return { what, ok: false, found: message(error), advice: 'Mount a tmpfs there.' };
  }
}

function globalNames(): Check {
  const what = 'Global names';
  try {
    FileMapping.create(`Global\\${SECTION_NAME}-doctor-${pid}`, 1, { exclusive: true }).close();
    return { what, ok: true, found: 'can be created' };
  } catch (error) {
    if (!(error instanceof Win32Error && error.code === 'ERROR_ACCESS_DENIED')) {
      return { what, ok: false, found: message(error) };
    }
    // The usual case on Windows. Of this package, only first-process needs such a name.
    const advice =
      'Creating one, as "first-process" does, takes the privilege SeCreateGlobalPrivilege: run it as administrator, ' +
      'or use a name without Global.';
    return { what, ok: true, found: 'cannot be created, only opened', advice };
  }
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
