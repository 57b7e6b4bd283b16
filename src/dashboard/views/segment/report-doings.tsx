// In charge of what the members buy, what they do, and which segments of groups they are in, compared with everybody.
import { useState } from 'react';
import { Empty } from '../../parts/reading.tsx';
import { Scroll } from '../../parts/scroll.tsx';
import { SegmentLink } from '../../parts/segment-name.tsx';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import { useBandRows } from '../reports/bands.ts';
import { PairBars, PairLegend, useLiftWords } from '../reports/pair-bars.tsx';
import type { Engagement, Good, Goods, GroupMix } from '../reports/report.ts';
import { AverageFact } from './report-value.tsx';

const ORDERS = ['byShare', 'byLift'] as const;
type Order = (typeof ORDERS)[number];
const LISTS = ['products', 'categories', 'brands'] as const;

export function GoodsPart({ goods, currency }: { readonly goods: Goods; readonly currency: string }) {
  const { report: texts } = useTexts();
  const [order, setOrder] = useState<Order>('byShare');
  const lists = LISTS.filter((name) => goods[name][order].length > 0);
  return (
    <>
      <label className="inline goods-order">
        {texts.goods.order}
        <select value={order} onChange={(event) => setOrder(event.target.value as Order)}>
          {ORDERS.map((name) => (
            <option key={name} value={name}>
              {texts.goods[name]}
            </option>
          ))}
        </select>
      </label>
      {lists.length === 0 ? <Empty title={order === 'byShare' ? texts.goods.none : texts.goods.noneByLift} /> : null}
      {lists.map((name) => (
        <GoodsTable key={name} name={texts.goods[name]} goods={goods[name][order]} currency={currency} />
      ))}
    </>
  );
}

interface GoodsProps {
  readonly name: string;
  readonly goods: readonly Good[];
  readonly currency: string;
}

function GoodsTable({ name, goods, currency }: GoodsProps) {
  const { report: texts } = useTexts();
  const formats = useFormats();
  const liftWords = useLiftWords('spending');
  return (
    <Scroll label={name}>
      <table className="rows goods">
        <thead>
          <tr>
            <th scope="col">{name}</th>
            <th scope="col" className="number">
              {texts.goods.revenue}
            </th>
            <th scope="col" className="number">
              {texts.goods.share}
            </th>
            <th scope="col">{texts.lift.title}</th>
          </tr>
        </thead>
        <tbody>
          {goods.map((good) => (
            <tr key={good.value}>
              <th scope="row">
                <bdi>{good.name ?? good.value}</bdi>
              </th>
              <td className="number">{formats.money(good.revenue, currency)}</td>
              <td className="number">{good.share === null ? '–' : formats.share(good.share)}</td>
              <td className="quiet">{liftWords(good.lift)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

export function EngagementPart({ engagement: { events, active, activeDays, byActiveDays } }: { readonly engagement: Engagement }) {
  const { report: texts } = useTexts();
  const formats = useFormats();
  const bandRows = useBandRows();
  if (active.everybody === 0) return <Empty title={texts.engagement.none} />;
  const days = bandRows(byActiveDays, { format: formats.count, isWhole: true, none: texts.bands.noEvent });
  const share = (value: number | null) => (value === null ? '–' : formats.share(value));
  return (
    <>
      <dl className="facts report-facts">
        <div>
          <dt>{texts.engagement.active}</dt>
          <dd>
            {share(active.share)}
            <small className="quiet">{texts.everybodyHas(share(active.shareOfEverybody))}</small>
          </dd>
        </div>
        <AverageFact name={texts.engagement.activeDays} average={activeDays} />
      </dl>
      <PairLegend />
      <div className="pair-columns">
        <PairBars
          title={texts.engagement.events}
          rows={events.map((each) => ({ key: each.event, name: <bdi>{each.event}</bdi>, part: each }))}
        />
        <PairBars title={texts.bands.byActiveDays} rows={days} />
      </div>
    </>
  );
}

export function MixPart({ mix }: { readonly mix: readonly GroupMix[] }) {
  const { report: texts } = useTexts();
  if (mix.length === 0) return <Empty title={texts.noGroups} />;
  return (
    <>
      <PairLegend />
      <div className="pair-columns">
        {mix.map(({ group, name, segments }) => (
          <PairBars
            key={group}
            title={name}
            rows={segments.map((each) => ({
              key: each.segment,
              name: <SegmentLink segment={{ key: each.segment, name: each.name }} />,
              part: each,
            }))}
          />
        ))}
      </div>
    </>
  );
}
