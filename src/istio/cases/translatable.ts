import type { JsonValue } from '../../wire/call.ts';
import { isObject, textAt, valueAt } from '../read/field.ts';
import { READABLE_KINDS } from '../read/kind.ts';
import { shapeFaults } from '../read/shape.ts';

/**
 * Why Istio's translator would make no filters of these objects: then there is nothing that a proxy would do, and a rule that is
 * read without one of its fields would match more than it says. Undefined: it takes them. Fields that it does not know it leaves
 * out, and `null` in a list is an empty item to it.
 */
export function untranslatable(objects: readonly JsonValue[]): string | undefined {
  for (const [index, object] of objects.entries()) {
    const why = isObject(object) ? faultOf(object) : 'this is not a Kubernetes object';
    if (why !== undefined) return `objects[${index}]${why.startsWith('.') ? '' : ': '}${why}`;
  }
  return undefined;
}

function faultOf(object: Readonly<Record<string, JsonValue>>): string | undefined {
  const [group = '', version = ''] = textAt(object, 'apiVersion').split('/');
  const kind = textAt(object, 'kind');
  if (Array.isArray(valueAt(object, 'items')) && kind.endsWith('List')) return 'a list: give its items, each as an object';
  if (group !== SECURITY) return undefined;
  const readable = READABLE_KINDS.find((known) => known.group === group && known.kind === kind);
  if (readable?.versions.includes(version) !== true) return `\`${kind}\` of \`${group}/${version}\` is not known`;
  const spec = valueAt(object, 'spec') ?? null;
  const fault = shapeFaults({ spec }, readable.shape).find(({ code, message }) => {
    if (code === 'UNKNOWN_FIELD') return false;
    return code === 'WRONG_TYPE' ? !message.endsWith('not empty') : !message.startsWith('the list has');
  });
  if (fault !== undefined) return `${pathOf(fault.path)}: ${fault.message}`;
  const snake = snakeCase(spec, '.spec');
  return snake === undefined ? undefined : `${snake}: write the name of the field in camel case`;
}

function pathOf(path: readonly (string | number)[]): string {
  return path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('');
}

/** The translator takes `not_paths` for `notPaths`; here the one would be lost. Labels may be named so. */
function snakeCase(value: JsonValue, at: string): string | undefined {
  if (Array.isArray(value)) return firstOf(value.map((item: JsonValue, index) => () => snakeCase(item, `${at}[${index}]`)));
  if (!isObject(value)) return undefined;
  return firstOf(
    Object.entries(value).map(([name, item]) => () => {
      if (name === 'matchLabels') return undefined;
      if (/^[a-z]+(?:_[a-z]+)+$/.test(name) && name !== 'jwks_uri') return `${at}.${name}`;
      return snakeCase(item, `${at}.${name}`);
    }),
  );
}

function firstOf(searches: readonly (() => string | undefined)[]): string | undefined {
  for (const search of searches) {
    const found = search();
    if (found !== undefined) return found;
  }
  return undefined;
}

const SECURITY = 'security.istio.io';
