/** Repair and normalisation of texts: HTML, mojibake (against ftfy), Unicode and white space, chunks, stop words. */

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunkText } from '../../src/dataset/clean/chunks';
import { htmlToText } from '../../src/dataset/clean/html';
import { repairMojibake } from '../../src/dataset/clean/mojibake';
import { normalise } from '../../src/dataset/clean/normalise';
import { textStemmer } from '../../src/dataset/clean/stems';
import { STOPWORD_LANGUAGES, withoutStopwords, type StopwordLanguage } from '../../src/dataset/clean/stopwords';

const MOJIBAKE = JSON.parse(readFileSync(new URL('./fixtures/mojibake.json', import.meta.url), 'utf8')) as readonly (readonly [
  string,
  string,
  string,
])[];

describe('mojibake', () => {
  it('is repaired as ftfy repairs it, or also where ftfy leaves some of it, and right text stays', () => {
    const repaired = MOJIBAKE.map(([given, ftfy, written]) => ({ given, ours: repairMojibake(given), ftfy, written }));
    expect(repaired.filter(({ ours, ftfy, written }) => ours !== ftfy && ours !== written)).toEqual([]);
    expect(repaired.filter(({ ours, written }) => ours !== written)).toEqual([]);
    expect(repaired.filter(({ given, ours, ftfy }) => ours === ftfy && given !== ours).length).toBeGreaterThan(180);
    for (const [, , written] of MOJIBAKE) expect(repairMojibake(written)).toBe(written);
  });

  it('of any Latin text read wrongly once or twice is undone', () => {
    const word = fc.constantFrom('café', 'Straße', 'señor', '“so”', 'déjà', 'plain', 'Ærø', '€ 5', 'piękny', '…');
    const read = (text: string) => String.fromCharCode(...new TextEncoder().encode(text));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 6 }), (words) => {
        const text = words.join(' ');
        expect(repairMojibake(read(text))).toBe(text);
        expect(repairMojibake(read(read(text)))).toBe(text);
      }),
    );
  });
});

describe('HTML', () => {
  it.each([
    ['<p>Dear <name>,</p><p>Hi &amp; bye<br/>x &lt; y</p>', 'Dear <name>,\n\nHi & bye\nx < y'],
    ['Great film.<br /><br />Loved it', 'Great film.\n\nLoved it'],
    ['Hi,\n\nplease <b>call</b> me<br />\nbye', 'Hi,\n\nplease call me\nbye'],
    ['AT&amp;T, it&#39;s &#x41;&nbsp;&copy=2', "AT&T, it's A\u00a0&copy=2"],
    ['<ul><li>one</li><li>two</li></ul>', '- one\n- two'],
    ['<script>alert("<p>")</script><style>p{}</style>Hello <B>World</B>', 'Hello World'],
    ['<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>', 'a\tb\nc'],
    ['<div class="x"><span>Hi</span>\n\n  <span>there</span></div>', 'Hi there'],
    [
      '<p>Use <code>&lt;b&gt;x&lt;/b&gt;</code></p><pre><code>a &lt; b\n  c</code></pre>',
      'Use `<b>x</b>`\n\n```\na < b\n  c\n```',
    ],
    ['&lt;p&gt;escaped twice&lt;/p&gt;', 'escaped twice'],
    ['<!-- note -->text <img src=x alt="A cat">', 'text A cat'],
  ])('%s', (given, plain) => {
    expect(htmlToText(given)).toBe(plain);
    expect(htmlToText(plain)).toBe(plain);
  });

  it.each([
    ...['a < b and c > d', 'List<String> x = new ArrayList<>();', 'if (a<b && c>d) p = &value;', 'Dear <name>,'],
    ...['use the <p> tag', 'Use `<b>x</b>` here', '```html\n<p>x</p>\n```', 'I <3 you', 'AT&T', 'R&D; Q&A', '', ' <b> '],
  ])('%s is none', (text) => expect(htmlToText(text)).toBe(text));

  it('of any shape is read without an error, and the result is no HTML', () => {
    const piece = fc.constantFrom(
      ...'<p> </p> <b> </b> <br> <pre> </pre> <code> </code> ` ``` <!-- --> & < > &amp; <td> <script> </script> a'.split(' '),
      '\n',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        const plain = htmlToText(pieces.join(''));
        expect(plain.includes('<br>') && !/`/.test(plain)).toBe(false);
      }),
    );
  });
});

describe('normalisation', () => {
  const nfc = { form: 'NFC', spaces: 'plain', quotes: 'keep' } as const;
  const single = { ...nfc, spaces: 'single' } as const;

  it('removes what cannot be seen, and keeps what holds letters together, lines and indentation', () => {
    expect(normalise('a\u200bb\ufeff \u00adc\0', nfc)).toBe('ab c');
    expect(normalise('a\u00a0\u2003b  c \r\n  d\te\u2028f', nfc)).toBe('a  b  c \n  d\te\nf');
    expect(normalise('a\u00a0\u2003b  c \r\n  d\te\u2028f', single)).toBe('a b c\n  d\te\nf');
    expect(normalise('👨\u200d👩\u200d👧 می\u200cخواهم a\u200db', nfc)).toBe('👨\u200d👩\u200d👧 می\u200cخواهم ab');
  });

  it('composes, or replaces variants', () => {
    expect(normalise('cafe\u0301 ﬁ ① Ａ', nfc)).toBe('café ﬁ ① Ａ');
    expect(normalise('cafe\u0301 ﬁ ① Ａ', { ...nfc, form: 'NFKC' })).toBe('café fi 1 A');
    expect(normalise('“it’s” „so‚', { ...nfc, quotes: 'straight' })).toBe('"it\'s" "so\'');
    expect(normalise('“it’s”', nfc)).toBe('“it’s”');
  });

  it('has no effect when it is applied again', () => {
    const piece = fc.constantFrom(
      ...Array.from('a e\u0301\u00a8\u00a0\u2003\u3000\u200b\u200c\u200d👨ﬁ①“’\r\n\t\0\u00ad\u0385\uff9e'),
    );
    const settings = fc.record({
      form: fc.constantFrom('NFC' as const, 'NFKC' as const),
      spaces: fc.constantFrom('plain' as const, 'single' as const),
      quotes: fc.constantFrom('keep' as const, 'straight' as const),
    });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), settings, (pieces, to) => {
        const text = pieces.join('');
        const once = normalise(text, to);
        expect(normalise(once, to)).toBe(once);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('chunks', () => {
  const sentences = (count: number) => Array.from({ length: count }, (_, i) => `This is sentence number ${i}.`).join(' ');

  it('end with paragraphs and sentences, and repeat whole sentences', () => {
    const text = `${sentences(3)}\n\n${sentences(2)}`;
    expect(chunkText(text, { most: 100, overlap: 0 })).toEqual([sentences(3), sentences(2)]);
    const [first = '', second = ''] = chunkText(sentences(6), { most: 90, overlap: 30 });
    expect(first.endsWith('number 2.')).toBe(true);
    expect(second.startsWith('This is sentence number 2.')).toBe(true);
    expect(chunkText('short', { most: 10, overlap: 5 })).toEqual(['short']);
    expect(chunkText('  ', { most: 10, overlap: 5 })).toEqual([]);
  });

  it('of any text fit, and have all of it', () => {
    const word = fc.constantFrom('a', 'word', '😀😀😀', 'Sentence.', 'x'.repeat(30), 'Why?', '\n\n', 'ends!');
    fc.assert(
      fc.property(fc.array(word, { maxLength: 40 }), fc.integer({ min: 8, max: 60 }), fc.nat(7), (words, most, overlap) => {
        const text = words.join(' ');
        const chunks = chunkText(text, { most, overlap });
        for (const chunk of chunks) {
          expect(chunk.length).toBeLessThanOrEqual(most);
          expect(chunk).not.toMatch(/^[\udc00-\udfff]|[\ud800-\udbff]$/);
        }
        const bare = (one: string) => one.replace(/\s/g, '');
        const whole = chunkText(text, { most, overlap: 0 });
        expect(bare(whole.join(''))).toBe(bare(text));
      }),
    );
  });
});

describe('stop words', () => {
  it('are left out, negations are not, and a text keeps something', () => {
    expect(withoutStopwords('The app is NOT working on my phone', 'english')).toBe('app NOT working phone');
    expect(withoutStopwords('Die App auf meinem Handy geht nicht', 'german')).toBe('App meinem Handy geht nicht');
    expect(withoutStopwords('the of', 'english')).toBe('the of');
    expect(withoutStopwords("don't  stop", 'english')).toBe("don't  stop");
  });

  it.each(STOPWORD_LANGUAGES)('of %s have no effect when they are left out again', (language) => {
    const word = fc.constantFrom('the', 'der', 'la', 'o', 'het', 'Billing', 'no', ' ', '.', "'", '\n');
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), (words) => {
        const once = withoutStopwords(words.join(' '), language);
        expect(withoutStopwords(once, language)).toBe(once);
      }),
    );
  });
});

describe('stems', () => {
  const STEMS = JSON.parse(readFileSync(new URL('./fixtures/stems.json', import.meta.url), 'utf8')) as Readonly<
    Record<StopwordLanguage, Readonly<Record<string, string>>>
  >;

  it.each(STOPWORD_LANGUAGES)('of %s are those of snowballstemmer', async (language) => {
    const stem = await textStemmer(language);
    const words = Object.entries(STEMS[language]);
    expect(words.length).toBeGreaterThan(13);
    expect(words.map(([word]) => stem(word))).toEqual(words.map(([, stemmed]) => stemmed));
    const text = words.map(([word]) => word.toUpperCase()).join(', ');
    expect(stem(text)).toBe(words.map(([, stemmed]) => stemmed).join(', '));
  });

  it('leave numbers, placeholders, marks and white space as they are', async () => {
    const stem = await textStemmer('english');
    expect(stem(' [EMAIL_1]:  Charged 2 orders\n(A4711), don’t! ')).toBe(" [EMAIL_1]:  charg 2 order\n(A4711), don't! ");
  });
});
