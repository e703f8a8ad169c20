import type { Obligation, ObligationKind, ObligationSpec, RuleRef } from '../core/decision.ts';
import { parseDurationMs } from './duration-text.ts';
import type { ApprovalSpec, CapBound, CapSpec, FreshSpec, LimitSpec, LogSpec, MaskSpec, ScreenSpec } from './port.ts';
import { parseWho } from './who.ts';
import type { YamlValue } from './yaml-document.ts';

const KINDS: Readonly<Record<ObligationKind, 'optional'>> = {
  approval: 'optional',
  mask: 'optional',
  screen: 'optional',
  limit: 'optional',
  cap: 'optional',
  log: 'optional',
  fresh: 'optional',
};

/** Reads `require: {…}`: a closed set, so that nothing asked for is silently left undone. */
export function readRequire(value: YamlValue, rule: RuleRef, sources: readonly string[]): readonly Obligation[] {
  const fields = value.fields(KINDS);
  if (fields === undefined) return [];
  if (value.entries()?.length === 0) value.error('WRONG_VALUE', '`require` asks for nothing');
  const obligations: Obligation[] = [];
  for (const [kind, content] of fields) {
    const spec = readSpec(kind as ObligationKind, content, sources); // a key of KINDS
    if (spec !== undefined) obligations.push({ kind: kind as ObligationKind, rule, spec });
  }
  return obligations;
}

function readSpec(kind: ObligationKind, value: YamlValue, sources: readonly string[]): ObligationSpec | undefined {
  // Specs are plain data with named fields; the port types them, core carries them as records.
  switch (kind) {
    case 'approval':
      return { ...readApproval(value, sources) };
    case 'mask':
      return { ...readMask(value) };
    case 'screen':
      return { ...readScreen(value) };
    case 'limit':
      return { ...readLimit(value) };
    case 'cap':
      return { ...readCap(value) };
    case 'log':
      return { ...readLog(value) };
    case 'fresh':
      return { ...readFresh(value) };
    default:
      return kind satisfies never;
  }
}

function readApproval(value: YamlValue, sources: readonly string[]): ApprovalSpec | undefined {
  const fields = value.fields({ from: 'required', count: 'optional', for: 'optional', unbound: 'optional' });
  const from: string[] = [];
  for (const item of fields?.get('from')?.someItems() ?? []) {
    const text = item.string();
    if (text === undefined) continue;
    const parsed = parseWho(text, sources);
    if (!parsed.ok) item.error('BAD_WHO', parsed.reason, { help: parsed.help });
    else if (parsed.form.kind === 'anonymous') item.error('BAD_WHO', '`anonymous` cannot approve');
    else from.push(text);
  }
  const forMs = fields?.has('for') === true ? readDuration(fields.get('for')) : undefined;
  const count = fields?.get('count')?.integer(1);
  const unbound = fields?.get('unbound')?.strings() ?? [];
  return { from, count: count ?? 1, unbound, ...(forMs === undefined ? {} : { forMs }) };
}

function readMask(value: YamlValue): MaskSpec | undefined {
  const fields = value.fields({ fields: 'required', direction: 'optional' });
  const names = fields?.get('fields')?.strings();
  const direction = fields?.get('direction')?.choice(['request', 'response', 'both']) ?? 'both';
  return names && { fields: names, direction };
}

function readScreen(value: YamlValue): ScreenSpec | undefined {
  const fields = value.fields({ detectors: 'required', action: 'optional' });
  const detectors = fields?.get('detectors')?.strings();
  const action = fields?.get('action')?.choice(['deny', 'mask', 'log']) ?? 'deny';
  return detectors && { detectors, action };
}

const LIMIT_UNITS = ['requests', 'tokens', 'cost'] as const;

function readLimit(value: YamlValue): LimitSpec | undefined {
  const fields = value.fields({ requests: 'optional', tokens: 'optional', cost: 'optional', per: 'required', by: 'optional' });
  if (fields === undefined) return undefined;
  const units = LIMIT_UNITS.filter((unit) => fields.has(unit));
  const unit = units[0];
  if (unit === undefined || units.length > 1)
    return value.error('WRONG_VALUE', 'a limit has exactly one of `requests`, `tokens`, `cost`');
  const amount = unit === 'cost' ? readPositive(fields.get(unit)) : fields.get(unit)?.integer(1);
  const perMs = readDuration(fields.get('per'));
  const by = fields.get('by')?.choice(['caller', 'subject', 'actor', 'resource', 'rule']) ?? 'caller';
  return amount === undefined || perMs === undefined ? undefined : { unit, amount, perMs, by };
}

function readCap(value: YamlValue): CapSpec | undefined {
  const entries = value.entries();
  if (entries?.length === 0) return value.error('WRONG_VALUE', '`cap` names no field');
  const fields: Record<string, CapBound> = Object.create(null);
  for (const { name, value: bound } of entries ?? []) {
    const read = readBound(bound);
    if (read !== undefined) fields[name] = read;
  }
  return { fields };
}

/** A number is an upper bound; text or a boolean is forced; a map says which. */
function readBound(value: YamlValue): CapBound | undefined {
  if (value.isMap) {
    const fields = value.fields({ max: 'optional', min: 'optional', force: 'optional' });
    const max = fields?.has('max') === true ? readNumber(fields.get('max')) : undefined;
    const min = fields?.has('min') === true ? readNumber(fields.get('min')) : undefined;
    const force = fields?.has('force') === true ? readForced(fields.get('force')) : undefined;
    if (fields?.size === 0 || (force !== undefined && (max !== undefined || min !== undefined))) {
      return value.error('WRONG_VALUE', 'a bound has `max`, `min` or both, or `force` alone');
    }
    if (max !== undefined && min !== undefined && min > max) return value.error('WRONG_VALUE', '`min` is above `max`');
    return {
      ...(max === undefined ? {} : { max }),
      ...(min === undefined ? {} : { min }),
      ...(force === undefined ? {} : { force }),
    };
  }
  const scalar = value.scalar();
  if (typeof scalar === 'bigint' || typeof scalar === 'number') {
    const max = readNumber(value);
    return max === undefined ? undefined : { max };
  }
  const force = readForced(value);
  return force === undefined ? undefined : { force };
}

function readLog(value: YamlValue): LogSpec | undefined {
  const fields = value.fields({ bodies: 'optional', durability: 'optional' });
  if (fields?.size === 0) return value.error('WRONG_VALUE', '`log` asks for nothing');
  const bodies = fields?.get('bodies')?.choice(['none', 'hashed', 'sealed']) ?? 'none';
  const durability = fields?.get('durability')?.choice(['async', 'durable']) ?? 'async';
  return { bodies, durability };
}

function readFresh(value: YamlValue): FreshSpec | undefined {
  const withinMs = readDuration(value.fields({ within: 'required' })?.get('within'));
  return withinMs === undefined ? undefined : { withinMs };
}

function readDuration(value: YamlValue | undefined): number | undefined {
  const text = value?.string();
  if (value === undefined || text === undefined) return undefined;
  const ms = parseDurationMs(text);
  if (ms === undefined || ms === 0)
    return value.error('WRONG_VALUE', `\`${text}\` is not a duration`, { help: 'write `30s`, `15m`, `1h30m` or `7d`' });
  return ms;
}

function readNumber(value: YamlValue | undefined): number | undefined {
  const scalar = value?.scalar();
  const number = typeof scalar === 'bigint' ? Number(scalar) : scalar;
  if (typeof number === 'number' && Number.isFinite(number) && Math.abs(number) <= Number.MAX_SAFE_INTEGER) return number;
  return value?.error('WRONG_TYPE', 'this must be a number');
}

function readPositive(value: YamlValue | undefined): number | undefined {
  const number = readNumber(value);
  return number !== undefined && number <= 0 ? value?.error('WRONG_VALUE', 'this must be above zero') : number;
}

function readForced(value: YamlValue | undefined): string | number | boolean | undefined {
  const scalar = value?.scalar();
  if (typeof scalar === 'string' || typeof scalar === 'boolean') return scalar;
  return readNumber(value);
}
