import type { JsonValue } from '../../wire/call.ts';
import type { RequestFacts } from '../facts.ts';
import type { Place } from '../objects.ts';
import type { DiffResult, Finding, SideOutcome } from './result.ts';

/** A comparison as data: what the text says, and each example as a request in the form of `fairlead istio eval`. */
export function diffJson({ profile, findings, notes, bounds, compared }: DiffResult): JsonValue {
  return {
    profile,
    isComplete: bounds.length === 0,
    findings: findings.map(findingJson),
    notes: notes.map(({ text, place }) => ({ text, ...placeJson(place) })),
    bounds: [...bounds],
    compared: { ...compared },
  };
}

function findingJson({ change, transport, workloads, callers, requests, before, after, example, rare }: Finding): JsonValue {
  return {
    change,
    transport,
    callers,
    requests,
    workloads: workloads.map(({ title, ref, isKnown }) => ({
      title,
      namespace: ref.namespace,
      labels: ref.labels,
      proxy: ref.kind,
      isKnown,
    })),
    before: outcomeJson(before),
    after: outcomeJson(after),
    example: { text: example.text, arguments: [...example.args], request: requestJson(example.facts) },
    ...(rare === undefined ? {} : { needs: rare }),
  };
}

function outcomeJson({ class: kind, text, verdict, because }: SideOutcome): JsonValue {
  return {
    outcome: kind,
    text,
    ...(verdict.s === undefined ? {} : { status: verdict.s }),
    ...(verdict.id === undefined ? {} : { id: verdict.id }),
    because: because.map((reason) => ({ text: reason.text, ...placeJson(reason.place) })),
  };
}

function placeJson(place: Place | undefined): { readonly [name: string]: JsonValue } {
  return place === undefined || place.line === 0 ? {} : { file: place.file, line: place.line, column: place.column };
}

/** The form of the cases that `fairlead istio eval` reads, and `explain --request` too. */
function requestJson(facts: RequestFacts): JsonValue {
  const { transport, protocol, method, authority, path, headers, tokens, peer, sni, directIp, remoteIp, localIp, localPort } =
    facts;
  const http = { protocol, method, authority, path, headers: headers.map(([name, value]) => [name, value]) };
  const [token] = tokens;
  const place = token === undefined || !('header' in token.in) ? {} : { header: token.in.header, prefix: token.in.prefix };
  return {
    kind: transport,
    ...(transport === 'http' ? http : {}),
    ...(token === undefined ? {} : { jwt: { claims: token.claims, ...place, ...(token.signed ? {} : { key: 'bad' }) } }),
    peer: peer === undefined ? null : { uri: [...peer.uris], dns: [...peer.dns], ...subjectJson(peer.subject) },
    ...(sni === undefined ? {} : { sni }),
    directIp,
    remoteIp,
    localIp,
    localPort,
  };
}

function subjectJson(subject: string): { readonly [name: string]: JsonValue } {
  const [, cn] = /(?:^|,)CN=([^,]*)/.exec(subject) ?? [];
  return cn === undefined ? {} : { cn };
}
