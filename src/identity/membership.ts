import type { Membership } from '../core/caller.ts';
import type { Log } from '../core/ports.ts';
import type { JsonObject } from '../wire/call.ts';
import { ownPatternMatches } from './own-pattern.ts';

const MAX_GROUPS = 2_000;

export interface MembershipInput {
  readonly claims: JsonObject;
  readonly groupsClaim: string;
  readonly ownedGroups: readonly string[];
  readonly source: string;
  /** Names of all sources: `okta/admins` as a group's own name would pass for the group `admins` of okta. */
  readonly sourceNames: readonly string[];
  readonly log: Log;
}

/**
 * Groups that a token states and its source owns. The list is incomplete, so that absent groups are *unknown*, when the claim is
 * missing, stands elsewhere (the overage of OpenID Connect Core 1.0 §5.6.2, `hasgroups`), is too long, or has another form. A source
 * that owns no groups says nothing about any, completely.
 */
export function membershipOf(input: MembershipInput): Membership {
  if (input.ownedGroups.length === 0) return { groups: [], complete: true };
  const stated = statedGroups(input.claims, input.groupsClaim);
  const owned = stated.groups.filter((group) => isOwned(group, input));
  const dropped = stated.groups.length - owned.length;
  if (dropped > 0) {
    const sample = stated.groups.filter((group) => !owned.includes(group)).slice(0, 5);
    input.log.warn('identity.groups_dropped', { source: input.source, dropped, sample });
  }
  return { groups: [...new Set(owned)], complete: stated.complete };
}

function statedGroups(claims: JsonObject, name: string): Membership {
  const claim = claims[name];
  const elsewhere = claims['_claim_names'];
  const isOverage =
    claims['hasgroups'] === true ||
    claims['hasgroups'] === 'true' ||
    (typeof elsewhere === 'object' && elsewhere !== null && Object.hasOwn(elsewhere, name));
  const list = typeof claim === 'string' ? [claim] : claim;
  if (!Array.isArray(list)) return { groups: [], complete: false };
  const groups = list.slice(0, MAX_GROUPS).filter((group): group is string => typeof group === 'string' && isGroupName(group));
  return { groups, complete: !isOverage && groups.length === list.length };
}

function isGroupName(text: string): boolean {
  return text.length > 0 && text.length <= 256 && !/[\p{C}\p{Zl}\p{Zp}]/u.test(text);
}

function isOwned(group: string, input: MembershipInput): boolean {
  const slash = group.indexOf('/');
  if (slash > 0 && input.sourceNames.includes(group.slice(0, slash))) return false;
  return input.ownedGroups.some((pattern) => ownPatternMatches(pattern, group));
}
