import { Hono } from 'hono';
import { z } from 'zod';
import type { AccessRequest } from '../../core/access.ts';
import type { Attributes, AttributeValue } from '../../core/attribute.ts';
import { type Caller, type Subject, subjectText } from '../../core/caller.ts';
import { Problem } from '../../core/problem.ts';
import type { AccessAnswer } from '../api-shape.ts';
import { type Asked, authorize, type Known, mayDo, requireCaller } from '../authorize.ts';
import type { ControlEnv } from '../call.ts';
import type { ControlParts } from '../parts.ts';
import { readJson } from '../read-input.ts';
import { parseSubject } from '../subject-text.ts';

const body = z.strictObject({
  action: z.string().regex(/^[a-z][a-z0-9_.-]{0,199}$/, { error: 'an action is a name such as `prefect.deployment.run`' }),
  resource: z.string().min(1).max(2000),
  attributes: z.record(z.string().max(200), z.json()).optional(),
  caller: z.strictObject({ subject: z.string().max(600), groups: z.array(z.string().max(300)).max(1000).optional() }).optional(),
});
type Body = z.infer<typeof body>;

const QUERY: Asked = { action: 'fairlead.access.query', class: 'read', on: ['access'] };

/** `can-i`: what would the policy say? For oneself without any right, for others and with reasons by `fairlead.access.query`. */
export function accessRoutes(parts: ControlParts): Hono<ControlEnv> {
  return new Hono<ControlEnv>().post('/access/query', async (c) => {
    const known = await requireCaller(parts, c.env.call);
    const asked = await readJson(c, body);
    const request = requestOf(parts, asked);
    const isSelf = asked.caller === undefined || isPlainSelf(asked.caller, known);
    const caller = asked.caller === undefined || isSelf ? known.caller : callerOf(parts, asked.caller, known);
    if (!isSelf) await authorize(parts, known, QUERY);
    const isFull = !isSelf || mayDo(parts, known.caller, QUERY);
    const { decision } = parts.decide(caller, [request], request.resource.path[0]);
    const answer: AccessAnswer = {
      verdict: decision.verdict,
      code: decision.code,
      sentence: parts.sentence(decision, isFull ? 'rule' : known.disclose, isSelf ? undefined : caller),
      requests: isFull ? decision.requests : [],
      nearest: isFull && decision.verdict === 'deny' ? parts.nearest(caller, request) : [],
    };
    return c.json(answer);
  });
}

function isPlainSelf(asked: NonNullable<Body['caller']>, { caller }: Known): boolean {
  return asked.groups === undefined && caller.actors.length === 0 && asked.subject === subjectText(caller.subject);
}

function requestOf(parts: ControlParts, { action, resource, attributes = {} }: Body): AccessRequest {
  const path = parts.parseResource(resource);
  const split: { resource: Record<string, AttributeValue>; request: Record<string, AttributeValue> } = {
    resource: {},
    request: { method: '' },
  };
  for (const [name, value] of Object.entries(attributes)) {
    const [, scope = 'resource', plain = ''] = /^(?:(resource|request)\.)?([A-Za-z_][A-Za-z0-9_]*)$/.exec(name) ?? [];
    if (plain === '' || plain === '__proto__') {
      throw invalid('ATTRIBUTE_INVALID', 'an attribute is `NAME`, `resource.NAME` or `request.NAME`');
    }
    split[scope === 'request' ? 'request' : 'resource'][plain] = attributeOf(value);
  }
  return { action, resource: { path, attributes: split.resource }, attributes: split.request };
}

/** JSON has one kind of number; conditions have two, and whole ones are ints. */
function attributeOf(value: z.core.util.JSONType): AttributeValue {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(attributeOf);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, below]) => [name, attributeOf(below)] as const);
  return Object.fromEntries(entries) satisfies Attributes;
}

function callerOf(parts: ControlParts, { subject: text, groups }: NonNullable<Body['caller']>, { caller }: Known): Caller {
  const subject = subjectOf(text);
  const choices = parts.login.choices();
  const source = subject.kind === 'user' && choices.length === 1 ? (choices[0]?.source ?? '') : '';
  return {
    subject,
    actors: [],
    peer: caller.peer,
    source: subject.kind === 'workload' ? subject.cluster : source,
    membership: { groups: groups ?? [], complete: groups !== undefined },
    claims: {},
  };
}

function subjectOf(text: string): Subject {
  const subject = parseSubject(text);
  if (subject !== undefined) return subject;
  throw invalid('SUBJECT_INVALID', 'a subject is `user:NAME`, `workload:NAMESPACE/NAME` or `agent:NAME`');
}

function invalid(code: string, message: string): Problem {
  return new Problem({ code, kind: 'invalid', message });
}
