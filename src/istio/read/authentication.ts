import type { JsonObject } from '../../wire/call.ts';
import type { JwtRule, MtlsMode, PeerAuthentication, RequestAuthentication } from '../objects.ts';
import { asFields, fieldsAt, isTrueAt, objectsAt, textAt, textsAt } from './field.ts';
import { readAttachment, readHead, readSelector, type WrittenObject } from './head.ts';

/** `security.istio.io` RequestAuthentication. */
export function readRequestAuthentication(written: WrittenObject): RequestAuthentication {
  const spec = fieldsAt(written.value, 'spec');
  return {
    ...readHead(written, true),
    ...readAttachment(spec),
    kind: 'RequestAuthentication',
    jwtRules: objectsAt(spec, 'jwtRules').map(readJwtRule),
  };
}

/** `security.istio.io` PeerAuthentication. */
export function readPeerAuthentication(written: WrittenObject): PeerAuthentication {
  const spec = fieldsAt(written.value, 'spec');
  const ports: Record<string, MtlsMode> = Object.create(null);
  for (const [port, mtls] of Object.entries(fieldsAt(spec, 'portLevelMtls'))) ports[port] = readMode(asFields(mtls));
  return {
    ...readHead(written, true),
    kind: 'PeerAuthentication',
    selector: readSelector(spec),
    mode: readMode(fieldsAt(spec, 'mtls')),
    portLevelMtls: ports,
  };
}

export const MTLS_MODES: readonly MtlsMode[] = ['UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT'];

function readMode(mtls: JsonObject): MtlsMode {
  return MTLS_MODES.find((mode) => mode === textAt(mtls, 'mode')) ?? 'UNSET';
}

function readJwtRule(rule: JsonObject): JwtRule {
  return {
    issuer: textAt(rule, 'issuer'),
    audiences: textsAt(rule, 'audiences'),
    // The API's own name has a lower-case `i`; the object of Kubernetes has `jwksUri`.
    jwksUri: textAt(rule, 'jwksUri') || textAt(rule, 'jwks_uri'),
    jwks: textAt(rule, 'jwks'),
    fromHeaders: objectsAt(rule, 'fromHeaders').map((header) => ({
      name: textAt(header, 'name'),
      prefix: textAt(header, 'prefix'),
    })),
    fromParams: textsAt(rule, 'fromParams'),
    fromCookies: textsAt(rule, 'fromCookies'),
    forwardOriginalToken: isTrueAt(rule, 'forwardOriginalToken'),
    outputPayloadToHeader: textAt(rule, 'outputPayloadToHeader'),
    outputClaimToHeaders: objectsAt(rule, 'outputClaimToHeaders').map((output) => ({
      header: textAt(output, 'header'),
      claim: textAt(output, 'claim'),
    })),
    spaceDelimitedClaims: textsAt(rule, 'spaceDelimitedClaims'),
  };
}
