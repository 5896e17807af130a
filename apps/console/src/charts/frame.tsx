import { useId, useLayoutEffect, useRef, useState, type ReactNode, type RefObject } from 'react';
import { Icon } from '../ui/icons.js';

/** The same numbers as the picture, for everyone who cannot or does not want to see it. */
export interface ChartTable {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

interface ChartFrameProps {
  readonly title: string;
  /** One sentence with the numbers that matter. */
  readonly summary: string;
  readonly table: ChartTable;
  readonly height: number;
  readonly legend?: ReactNode;
  readonly children: (width: number) => ReactNode;
}

function TableView({ title, table }: { readonly title: string; readonly table: ChartTable }): ReactNode {
  return (
    <div className="rd-scroll rd-chart-table" tabIndex={0} role="region" aria-label={`${title}, as a table`}>
      <table className="rd-table">
        <thead>
          <tr>
            {table.head.map((cell) => (
              <th key={cell} scope="col">
                {cell}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, index) => (
            <tr key={index}>
              {row.map((cell, column) => (
                <td key={column}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Width of the element in CSS pixels, from the first layout on; 0 before. */
function useWidth(element: RefObject<HTMLDivElement | null>, mounted: boolean): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const box = element.current;
    if (!mounted || box === null) return undefined;
    const measure = (): void => setWidth(Math.floor(box.getBoundingClientRect().width));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(box);
    return () => observer.disconnect();
  }, [element, mounted]);
  return width;
}

/** Picture with a title, one sentence, and its table one click away. Text keeps its size: the width is measured, not scaled. */
export function ChartFrame({ title, summary, table, height, legend, children }: ChartFrameProps): ReactNode {
  const [asTable, setAsTable] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box, !asTable);
  const id = useId();
  return (
    <figure className="rd-chart" aria-labelledby={id}>
      <div className="rd-chart-head">
        <h3 id={id}>{title}</h3>
        <button
          type="button"
          className="rd-copy"
          aria-pressed={asTable}
          aria-label={`${title}: show as table`}
          onClick={() => setAsTable((on) => !on)}
        >
          <Icon name="list" size={13} /> Table
        </button>
      </div>
      <p className="rd-muted rd-chart-summary">{summary}</p>
      {legend !== undefined && !asTable && <div className="rd-legend">{legend}</div>}
      {asTable ? (
        <TableView title={title} table={table} />
      ) : (
        <div ref={box} className="rd-chart-box">
          {width > 0 && (
            <svg width={width} height={height} role="img" aria-label={`${title}. ${summary}`}>
              {children(width)}
            </svg>
          )}
          {width === 0 && <div style={{ height }} />}
        </div>
      )}
    </figure>
  );
}

/** Legend entry with the mark as it is drawn. */
export function LegendItem({
  mark,
  children,
}: {
  readonly mark: 'line' | 'dash' | 'ahead' | 'reference' | 'band' | 'champion' | 'challenger';
  readonly children: ReactNode;
}): ReactNode {
  return (
    <span className="rd-legend-item">
      <i className={`rd-mark rd-mark-${mark}`} aria-hidden="true" />
      {children}
    </span>
  );
}
