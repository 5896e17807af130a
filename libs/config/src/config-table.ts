import { variableOf, type ConfigSchema, type Setting } from './config.js';

/** The settings as a Markdown table for docs/configuration.md. */
export function configTable(schema: ConfigSchema): string {
  const rows = Object.entries(schema).map(([key, setting]) => [
    `\`${variableOf(key, setting)}\``,
    typeText(setting),
    setting.default === undefined ? (setting.optional ? '–' : '**required**') : `\`${setting.default}\``,
    boundsText(setting),
    setting.help.replaceAll('|', '\\|'),
  ]);
  const head = ['variable', 'type', 'default', 'bounds', 'what it does'];
  return `${[head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')}\n`;
}

function typeText(setting: Setting): string {
  if (setting.secret) return 'secret';
  return (
    setting.values?.map((value) => `\`${value}\``).join(' ') ??
    setting.type + (setting.unit ? ` (${setting.unit})` : '')
  );
}

function boundsText({ min, max }: Setting): string {
  if (min !== undefined && max !== undefined) return `${min} … ${max}`;
  return min !== undefined ? `≥ ${min}` : max !== undefined ? `≤ ${max}` : '';
}
