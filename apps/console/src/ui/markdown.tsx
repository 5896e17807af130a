import type { ReactNode } from 'react';
import { inlines, readMarkdown, type Block } from '../model/markdown.js';
import { Table } from './layout.js';

function Words({ line }: { readonly line: string }): ReactNode {
  return inlines(line).map(({ text, look }, index) => {
    if (look === 'strong') return <strong key={index}>{text}</strong>;
    if (look === 'code') return <code key={index}>{text}</code>;
    return text;
  });
}

function Part({ block, under }: { readonly block: Block; readonly under: string }): ReactNode {
  switch (block.kind) {
    case 'heading':
      return block.level === 1 ? (
        <h3 className="rd-big">
          <Words line={block.text} />
        </h3>
      ) : (
        <h4>
          <Words line={block.text} />
        </h4>
      );
    case 'paragraph':
      return (
        <p>
          <Words line={block.text} />
        </p>
      );
    case 'list':
      return (
        <ul>
          {block.items.map((item, index) => (
            <li key={index}>
              <Words line={item} />
            </li>
          ))}
        </ul>
      );
    case 'table':
      return (
        <Table
          caption={under}
          head={block.head.map((cell, index) => (
            <Words key={index} line={cell} />
          ))}
        >
          {block.rows.map((row, index) => (
            <tr key={index}>
              {row.map((cell, column) => (
                <td key={column}>
                  <Words line={cell} />
                </td>
              ))}
            </tr>
          ))}
        </Table>
      );
  }
}

/** A document in the page's own type; its text never becomes HTML. */
export function Markdown({ text }: { readonly text: string }): ReactNode {
  let under = '';
  return (
    <div className="rd-prose">
      {readMarkdown(text).map((block, index) => {
        if (block.kind === 'heading') under = block.text;
        return <Part key={index} block={block} under={under} />;
      })}
    </div>
  );
}
