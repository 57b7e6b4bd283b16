// In charge of making a group, of changing its name, its segments' order and the segment that takes the rest, and of ending it.
import { useState } from 'react';
import { call, pathOf } from '../../api/call.ts';
import { isLive, type ListedSegment } from '../../api/use-segments.ts';
import { TextField } from '../../parts/field.tsx';
import { FormDialog } from '../../parts/form-dialog.tsx';
import type { Group } from '../../parts/group-bars.tsx';
import { SegmentSelect } from '../../parts/segment-select.tsx';
import { useTexts } from '../../texts/texts.tsx';

interface Props {
  /** undefined: a new one */
  readonly group?: Group;
  readonly etag?: string | null;
  readonly segments: readonly ListedSegment[];
  readonly onClose: () => void;
  readonly onSaved: (group: Group) => void;
}

export function GroupDialog({ group, etag, segments, onClose, onSaved }: Props) {
  const { groups: texts, action } = useTexts();
  const [key, setKey] = useState(group?.key ?? '');
  const [name, setName] = useState(group?.name ?? '');
  const [order, setOrder] = useState<readonly string[]>(group?.segments ?? []);
  const [otherwise, setOtherwise] = useState(group?.otherwise ?? '');
  const [tag] = useState(etag); // the tag of what is being changed: the view behind keeps reading
  const choosable = segments.filter((segment) => isLive(segment) && segment.kind === 'rule');
  const send = async () => {
    const content = { name: name.trim(), segments: order, otherwise: otherwise === '' ? null : otherwise };
    const { body } =
      group === undefined
        ? await call<Group>('POST', '/v1/groups', { body: { key: key.trim(), ...content } })
        : await call<Group>('PUT', pathOf`/v1/groups/${group.key}`, { body: content, ...(tag == null ? {} : { ifMatch: tag }) });
    onSaved(body);
  };
  return (
    <FormDialog
      title={group === undefined ? texts.make : texts.change}
      submit={action.save}
      isReady={name.trim() !== '' && order.length > 0 && key !== ''}
      onClose={onClose}
      send={send}
    >
      <TextField label={texts.name} value={name} onValue={setName} isRequired />
      {group === undefined ? <TextField label={texts.key} hint={texts.keyHint} value={key} onValue={setKey} isRequired /> : null}
      <Order order={order} segments={choosable} onOrder={setOrder} />
      <SegmentSelect
        label={texts.otherwise}
        hint={texts.otherwiseHint}
        segments={choosable}
        value={otherwise}
        onValue={setOtherwise}
        none={texts.nobodyElse}
      />
    </FormDialog>
  );
}

interface OrderProps {
  readonly order: readonly string[];
  readonly segments: readonly ListedSegment[];
  readonly onOrder: (order: readonly string[]) => void;
}

function Order({ order, segments, onOrder }: OrderProps) {
  const { groups: texts } = useTexts();
  const names = new Map(segments.map(({ key, name }) => [key, name]));
  const swap = (index: number, other: number) => {
    const next = [...order];
    [next[index], next[other]] = [next[other] ?? '', next[index] ?? ''];
    onOrder(next);
  };
  return (
    <fieldset className="choice">
      <legend>{texts.order}</legend>
      <small>{texts.orderHint}</small>
      <ol className="order">
        {order.map((key, index) => {
          const name = names.get(key) ?? key;
          return (
            <li key={key}>
              <bdi>{name}</bdi>
              <span className="actions">
                <button
                  type="button"
                  className="small"
                  disabled={index === 0}
                  aria-label={texts.up(name)}
                  onClick={() => swap(index, index - 1)}
                >
                  ↑
                </button>
                <button
                  type="button"
                  className="small"
                  disabled={index === order.length - 1}
                  aria-label={texts.down(name)}
                  onClick={() => swap(index, index + 1)}
                >
                  ↓
                </button>
                <button
                  type="button"
                  className="small"
                  aria-label={texts.leaveOut(name)}
                  onClick={() => onOrder(order.filter((each) => each !== key))}
                >
                  ×
                </button>
              </span>
            </li>
          );
        })}
      </ol>
      <SegmentSelect
        label={texts.add}
        segments={segments.filter(({ key }) => !order.includes(key))}
        value=""
        onValue={(added) => onOrder([...order, added])}
        none={texts.addChoose}
      />
    </fieldset>
  );
}

interface DeleteProps {
  readonly group: Group;
  readonly etag: string | null;
  readonly onClose: () => void;
  readonly onDeleted: () => void;
}

export function DeleteGroup({ group, etag, onClose, onDeleted }: DeleteProps) {
  const { groups: texts } = useTexts();
  const send = async () => {
    await call('DELETE', pathOf`/v1/groups/${group.key}`, etag === null ? {} : { ifMatch: etag });
    onDeleted();
  };
  return (
    <FormDialog title={texts.remove} submit={texts.remove} isDanger onClose={onClose} send={send}>
      <p>{texts.removeLead(group.name)}</p>
    </FormDialog>
  );
}
