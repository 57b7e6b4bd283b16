// In charge of how a plan and its problems are printed.
import { unreachable } from '../../base/assert.ts';
import { count } from '../progress.ts';
import type { Impact, Plan, RulesDiff, Step } from './make-plan.ts';
import type { Problem } from './read-files.ts';
import type { PresentGroup } from './read-present.ts';

export function printProblems(problems: readonly Problem[]): string {
  return problems.map(({ file, line, detail }) => `${file}:${line}: ${detail}\n`).join('');
}

export function printPlan({ steps }: Plan): string {
  if (steps.length === 0) return 'Nothing to do: the service has what the files say.\n';
  return `${steps.map(printStep).join('')}\n${count(steps.length)} ${steps.length === 1 ? 'step' : 'steps'}.\n`;
}

function printStep(step: Step): string {
  const [first = '', ...more] = linesOf(step);
  return `${first}\n${more.map((line) => `    ${line}\n`).join('')}`;
}

/** The first line says what it is, the others are printed below it. */
function linesOf(step: Step): readonly string[] {
  switch (step.kind) {
    case 'create segment': {
      const { key, name, rule } = step.segment;
      if (rule === null) return [`+ segment ${key} “${name}”, by hand`];
      const entering = step.entering === null ? [] : [`${customers(step.entering)} enter`];
      return [`+ segment ${key} “${name}”`, ...entering, ...rule.split('\n').map((line) => `+ ${line}`)];
    }
    case 'publish': {
      const { segment, restores, number, impact } = step;
      const what = restores ? 'brought back' : number === null ? 'a new version' : `version ${number} published`;
      return [`~ segment ${segment.key}: ${what}`, ...(impact === null ? [] : printImpact(impact))];
    }
    case 'edit segment':
      return [`~ segment ${step.key}`, ...step.edits.map(({ field, from, to }) => `${field}: ${quote(from)} → ${quote(to)}`)];
    case 'archive':
      return [`- segment ${step.key} is archived`, `${customers(step.leaving)} leave`];
    case 'create group':
      return [`+ group ${step.group.key} “${step.group.name}”`, printOrder(step.group)];
    case 'change group': {
      const { before, after, isPassing } = step;
      const name = before.name === after.name ? [] : [`name: ${quote(before.name)} → ${quote(after.name)}`];
      const [from, to] = [printOrder(before), printOrder(after)];
      return [`~ group ${after.key}${isPassing ? ', for the time being' : ''}`, ...name, ...(from === to ? [] : [`- ${from}`, `+ ${to}`])];
    }
    case 'delete group':
      return [`- group ${step.key} is deleted; its segments stay`];
    default:
      return unreachable(step);
  }
}

/** What a step is called while it is carried out. */
export function nameStep(step: Step): string {
  return (linesOf(step)[0] ?? '').slice(2);
}

function printImpact({ entering, leaving, staying, changes, dependents, rulesDiff }: Impact): readonly string[] {
  const followers = dependents
    .filter((each) => each.entering + each.leaving > 0)
    .map((each) => `${each.key}: ${count(each.entering)} enter, ${count(each.leaving)} leave`);
  return [
    `${count(entering)} enter, ${count(leaving)} leave, ${count(staying)} stay; ${count(changes)} changes in all`,
    ...(followers.length === 0 ? [] : [`with it ${followers.join('; ')}`]),
    ...printDiff(rulesDiff),
  ];
}

function printDiff({ added, removed, changed }: RulesDiff): readonly string[] {
  return [
    ...removed.map(({ text }) => `- ${text}`),
    ...changed.flatMap(({ before, after }) => [`- ${before}`, `+ ${after}`]),
    ...added.map(({ text }) => `+ ${text}`),
  ];
}

function printOrder({ segments, otherwise }: PresentGroup): string {
  return `${segments.join(' > ')}${otherwise === null ? '' : `, otherwise ${otherwise}`}`;
}

function customers(number: number): string {
  return `${count(number)} ${number === 1 ? 'customer' : 'customers'}`;
}

function quote(text: string | null): string {
  return text === null ? 'nothing' : `“${text}”`;
}
