import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { objectFiles } from '../dist/win32/native-library.js';

/** Where the files behind named objects are, on systems where they are files: Linux' only folder, or macOS' two. */
const FOLDERS = new Set(objectFiles()?.map(({ path }) => dirname(path)));

/** The full paths of all files behind named objects, whoever's they are. */
export function sharedFiles(): string[] {
  return [...FOLDERS].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.startsWith('dllmemfilemap.'))
      .map((name) => join(folder, name)),
  );
}

/** Does something that makes an object. Returns the path of the file behind that. */
export async function fileMadeBy(make: () => unknown): Promise<string> {
  const before = new Set(sharedFiles());
  await make();
  const made = sharedFiles().filter((path) => !before.has(path));
  if (made.length !== 1) throw new Error(`made ${made.length} files instead of one`);
  return made[0] as string;
}
