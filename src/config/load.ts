import type { Diagnostic } from '../core/diagnostic.ts';
import { parseSecretReference, unsupportedText } from '../credentials/config.ts';
import { type Config, toConfig } from './config.ts';
import { override } from './environment.ts';
import { createIssueExplainer, type Explained } from './explain-issue.ts';
import { type Located, locate, type Path, pathText } from './places.ts';
import { checkRules } from './rules.ts';
import { fileSchema, salvage } from './sections.ts';

export interface LoadedConfig {
  /** Undefined when there is any error. */
  readonly config: Config | undefined;
  /** All problems at once, in the order of the file. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads the text of a `fairlead.yaml`. Pure: no file is opened, so that a check needs no secret and no certificate. Never
 * throws. INVARIANT: no value of the file that could be a secret stands in a message.
 */
export function loadConfig(
  text: string,
  file: string,
  options: { readonly env?: Readonly<Record<string, string | undefined>> } = {},
): LoadedConfig {
  const located = locate(text);
  if (located.faults.length > 0) {
    const faults = located.faults.map((fault) => ({ severity: 'error' as const, code: 'CONFIG_YAML', file, ...fault }));
    return { config: undefined, diagnostics: faults };
  }
  const written = located.data ?? {};
  if (typeof written !== 'object' || Array.isArray(written)) {
    const message = 'the file must be a map of sections: `origin`, `listen`, `targets`, …';
    return { config: undefined, diagnostics: [{ severity: 'error', code: 'CONFIG_TYPE', message, file, line: 1, column: 1 }] };
  }
  // The YAML parser was told to read keys as strings.
  const { data, origin } = override(written as Readonly<Record<string, unknown>>, options.env ?? {});
  const explainer = createIssueExplainer();
  const parsed = fileSchema.safeParse(data, { error: explainer.error });
  const explained = (parsed.error?.issues ?? []).flatMap((issue) => explainer.explain(issue, data));
  const sections = parsed.success ? parsed.data : salvage(data);
  const found = [...explained, ...secretReferences(data, explained), ...checkRules(sections, data)];
  const diagnostics = found.map((one) => toDiagnostic(one, located, file, origin(one.path)));
  diagnostics.sort((a, b) => a.line - b.line || a.column - b.column);
  const isRefused = !parsed.success || diagnostics.some((one) => one.severity === 'error');
  return { config: isRefused ? undefined : toConfig(file, parsed.data), diagnostics };
}

/** Wherever the file says `secret:`, a reference stands, and one that something can read. */
function secretReferences(data: unknown, explained: readonly Explained[]): readonly Explained[] {
  const told = new Set(explained.map(({ path }) => pathText(path)));
  const found: Explained[] = [];
  const visit = (value: unknown, path: Path): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, below] of Object.entries(value)) {
      const here = [...path, Array.isArray(value) ? Number(key) : key];
      if (key === 'secret' && typeof below === 'string' && !told.has(pathText(here))) found.push(...reference(below, here));
      else visit(below, here);
    }
  };
  visit(data, []);
  return found;
}

function reference(text: string, path: Path): readonly Explained[] {
  const parsed = parseSecretReference(text);
  switch (parsed.kind) {
    case 'unsupported':
      return [{ path, at: 'value', code: 'CONFIG_NOT_SUPPORTED', message: unsupportedText(parsed.scheme) }];
    case 'invalid':
      return [{ path, at: 'value', code: 'CONFIG_SECRET_REFERENCE', message: parsed.message }];
    case 'file':
    case 'env':
      return [];
    default:
      return parsed satisfies never;
  }
}

function toDiagnostic(
  found: Explained & { readonly severity?: 'warning' },
  located: Located,
  file: string,
  variable: string | undefined,
): Diagnostic {
  const { severity = 'error', code, message, help, path } = found;
  const text: Omit<Diagnostic, 'file' | 'line' | 'column'> = {
    severity,
    code,
    message,
    path: pathText(path),
    ...(help === undefined ? {} : { help }),
  };
  if (variable !== undefined) return { ...text, file: `environment variable ${variable}`, line: 0, column: 0 };
  return { ...text, file, ...(found.at === 'key' ? located.keyAt(path) : located.valueAt(path)) };
}
