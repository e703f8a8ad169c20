import type { JsonObject } from '../../wire/call.ts';

/**
 * What everybody is answered on `GET /admin/settings`: UI v1 stays blank without an answer and UI v2 asks on every page, while the
 * full answer tells file paths, hosts and limits. These are the members that the two read; both switch their calls to vendors
 * and their advertisements off.
 */
export const TRIMMED_SETTINGS: JsonObject = {
  PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT: false,
  server: { analytics_enabled: false, ui: { show_promotional_content: false } },
};

export const SETTINGS_OPERATION = 'GET /admin/settings';
