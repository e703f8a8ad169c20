import { z } from 'zod';
import { nearestName } from '../core/diagnostic.ts';
import { type Path, pathText } from './places.ts';

/** A schema issue in words. `at` says whether the key or the value is to be pointed at. */
export interface Explained {
  readonly path: Path;
  readonly at: 'key' | 'value';
  readonly code: string;
  readonly message: string;
  readonly help?: string;
}

/** What a schema knew when it refused; zod keeps only a text, so the text is a ticket for this. */
interface Context {
  readonly keys: readonly string[];
}

/** Collects the schemas behind issues; pass `error` to zod, and each issue to `explain`. */
export interface IssueExplainer {
  readonly error: z.core.$ZodErrorMap;
  explain(issue: z.core.$ZodIssue, data: unknown, prefix?: Path): readonly Explained[];
}

export function createIssueExplainer(): IssueExplainer {
  const contexts = new Map<string, Context>();

  const error: z.core.$ZodErrorMap = (issue) => {
    const ticket = `#${contexts.size}`;
    contexts.set(ticket, { keys: shapeKeys(issue.inst) });
    return ticket;
  };

  function explain(issue: z.core.$ZodIssue, data: unknown, prefix: Path = []): readonly Explained[] {
    const path = [...prefix, ...issue.path.map((segment) => (typeof segment === 'symbol' ? String(segment) : segment))];
    const context = contexts.get(issue.message);
    const value = valueAt(data, path);
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(path, key, context?.keys ?? []));
    if (issue.code === 'invalid_union') {
      const branch = nearestBranch(issue.errors, value);
      if (branch !== undefined) return branch.flatMap((inner) => explain(inner, data, path));
    }
    if (issue.code === 'invalid_type' && issue.expected === 'never') {
      return [
        { path, at: 'key', code: 'CONFIG_NOT_SUPPORTED', message: ownText(issue, context) ?? `${name(path)} is not supported` },
      ];
    }
    if (value === undefined && issue.code !== 'custom') {
      return [{ path, at: 'key', code: 'CONFIG_MISSING', message: `${name(path)} is missing` }];
    }
    if (issue.code === 'invalid_type') return [wrongType(path, issue.expected, value, context)];
    const own = ownText(issue, context);
    if (own !== undefined) return [{ path, at: 'value', code: ownCode(issue), message: own }];
    return [wrongValue(path, issue, value)];
  }

  return { error, explain };
}

function unknownKey(path: Path, key: string, known: readonly string[]): Explained {
  const shown = key.length > 60 ? `${key.slice(0, 60)}…` : key;
  const nearest = nearestName(key, known);
  const where = path.length === 0 ? '' : ` in ${name(path)}`;
  const help = nearest === undefined ? `known here: ${known.join(', ')}` : `did you mean \`${nearest}\`?`;
  return { path: [...path, key], at: 'key', code: 'CONFIG_UNKNOWN_KEY', message: `unknown key \`${shown}\`${where}`, help };
}

function wrongType(path: Path, expected: string, value: unknown, context: Context | undefined): Explained {
  if (context?.keys.length === 1 && context.keys[0] === 'secret') {
    return {
      path,
      at: 'value',
      code: 'CONFIG_SECRET_LITERAL',
      message: `${name(path)} must be a reference to a secret, never the secret itself`,
      help: 'write {secret: "file:///run/secrets/NAME"}',
    };
  }
  const message = `${name(path)} must be ${TYPE_NAMES[expected] ?? expected}, not ${typeName(value)}`;
  const help = context !== undefined && context.keys.length > 0 ? `its keys are ${context.keys.join(', ')}` : undefined;
  return { path, at: 'value', code: 'CONFIG_TYPE', message, ...(help === undefined ? {} : { help }) };
}

function wrongValue(path: Path, issue: z.core.$ZodIssue, value: unknown): Explained {
  const explained = (message: string, help?: string): Explained => ({
    path,
    at: 'value',
    code: 'CONFIG_VALUE',
    message: `${name(path)} ${message}`,
    ...(help === undefined ? {} : { help }),
  });
  switch (issue.code) {
    case 'invalid_value': {
      const allowed = issue.values.map(String);
      const nearest = typeof value === 'string' ? nearestName(value, allowed) : undefined;
      return explained(
        `must be ${allowed.map((text) => `\`${text}\``).join(' or ')}`,
        nearest === undefined ? undefined : `did you mean \`${nearest}\`?`,
      );
    }
    case 'too_small':
      return explained(`must ${extent(issue.origin)} at least ${issue.minimum}${unit(issue.origin)}`);
    case 'too_big':
      return explained(`must ${extent(issue.origin)} at most ${issue.maximum}${unit(issue.origin)}`);
    default:
      return explained('is not acceptable');
  }
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
};

function typeName(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  return TYPE_NAMES[typeof value] ?? typeof value;
}

function extent(origin: string): string {
  return origin === 'array' || origin === 'string' ? 'have' : 'be';
}

function unit(origin: string): string {
  return origin === 'array' ? ' entries' : origin === 'string' ? ' characters' : '';
}

function name(path: Path): string {
  return path.length === 0 ? 'the file' : `\`${pathText(path)}\``;
}

/** The room's own sentence, when its schema brought one. */
function ownText(issue: z.core.$ZodIssue, context: Context | undefined): string | undefined {
  return context === undefined ? issue.message : undefined;
}

function ownCode(issue: z.core.$ZodIssue): string {
  const code: unknown = issue.code === 'custom' ? issue.params?.['code'] : undefined;
  return typeof code === 'string' ? code : 'CONFIG_VALUE';
}

/** Of a union, the alternative that the value was meant to be: the one that failed below its top, else the first of its type. */
function nearestBranch(
  branches: readonly (readonly z.core.$ZodIssue[])[],
  value: unknown,
): readonly z.core.$ZodIssue[] | undefined {
  const deep = branches.find((issues) => issues.some((issue) => issue.path.length > 0 || issue.code === 'unrecognized_keys'));
  if (deep !== undefined) return deep;
  const isMap = typeof value === 'object' && value !== null;
  return branches.find((issues) => issues.some((issue) => (issue.code === 'invalid_type') === isMap)) ?? branches[0];
}

/** Keys that may be written; those that are refused by name are not offered. */
function shapeKeys(schema: unknown): readonly string[] {
  if (!(schema instanceof z.ZodObject)) return [];
  return Object.entries(schema.shape).flatMap(([key, field]) => (isRefused(field) ? [] : [key]));
}

function isRefused(field: unknown): boolean {
  return field instanceof z.ZodOptional && field.unwrap() instanceof z.ZodNever;
}

function valueAt(data: unknown, path: Path): unknown {
  let value = data;
  for (const segment of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment)) return undefined;
    // `segment` is an own property of a plain object or array that came out of the YAML parser.
    value = (value as Record<string | number, unknown>)[segment];
  }
  return value;
}
