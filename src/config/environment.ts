import type { Path } from './places.ts';

/** Scalars that the environment may set over the file, for containers that share one file. Nothing else is read from it. */
export const OVERRIDES: Readonly<Record<string, Path>> = {
  // Not FAIRLEAD_ORIGIN: by that name commands are told which gateway to ask.
  FAIRLEAD_PUBLIC_ORIGIN: ['origin'],
  FAIRLEAD_LISTEN_PROXY: ['listen', 'proxy'],
  FAIRLEAD_LISTEN_CONTROL: ['listen', 'control'],
  FAIRLEAD_LISTEN_ADMIN: ['listen', 'admin'],
  FAIRLEAD_STORE: ['store'],
  FAIRLEAD_LOG_LEVEL: ['observe', 'logLevel'],
};

export interface Overridden {
  readonly data: Readonly<Record<string, unknown>>;
  /** Name of the variable that set the value at `path`. */
  origin(path: Path): string | undefined;
}

/** The file's data with the environment laid over it; an empty variable counts as not set. */
export function override(data: Readonly<Record<string, unknown>>, env: Readonly<Record<string, string | undefined>>): Overridden {
  let result = data;
  const set = new Map<string, string>();
  for (const [variable, path] of Object.entries(OVERRIDES)) {
    const value = env[variable];
    if (value === undefined || value === '') continue;
    const [section = '', field] = path;
    if (field === undefined) result = { ...result, [section]: value };
    else {
      const before = result[section] ?? {};
      // A section of the wrong shape is told as such; it is not papered over.
      if (typeof before !== 'object' || Array.isArray(before)) continue;
      result = { ...result, [section]: { ...before, [field]: value } };
    }
    set.set(path.join('.'), variable);
  }
  return { data: result, origin: (path) => set.get(path.slice(0, 2).join('.')) };
}
