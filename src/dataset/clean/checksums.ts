/** Check digits of numbers that identify people, accounts and cards. Each function takes the number without separators. */

const digitsOf = (text: string): number[] => Array.from(text, Number);

/** ISO/IEC 7812-1, annex B: card numbers. */
export function luhn(digits: string): boolean {
  const sum = digitsOf(digits)
    .reverse()
    .reduce((total, digit, at) => total + (at % 2 === 0 ? digit : digit > 4 ? 2 * digit - 9 : 2 * digit), 0);
  return sum % 10 === 0;
}

/** The remainder of a decimal number of any length. */
export function remainder(digits: string, divisor: number): number {
  return digitsOf(digits).reduce((rest, digit) => (rest * 10 + digit) % divisor, 0);
}

/** Lengths of IBANs by country (SWIFT, IBAN Registry). */
const IBAN_LENGTHS: Readonly<Record<string, number>> = {
  ...{ AD: 24, AE: 23, AL: 28, AT: 20, AZ: 28, BA: 20, BE: 16, BG: 22, BH: 22, BR: 29, BY: 28, CH: 21, CR: 22, CY: 28, CZ: 24 },
  ...{ DE: 22, DK: 18, DO: 28, EE: 20, EG: 29, ES: 24, FI: 18, FO: 18, FR: 27, GB: 22, GE: 22, GI: 23, GL: 18, GR: 27, GT: 28 },
  ...{ HR: 21, HU: 28, IE: 22, IL: 23, IQ: 23, IS: 26, IT: 27, JO: 30, KW: 30, KZ: 20, LB: 28, LC: 32, LI: 21, LT: 20, LU: 20 },
  ...{ LV: 21, LY: 25, MC: 27, MD: 24, ME: 22, MK: 19, MR: 27, MT: 31, MU: 30, NL: 18, NO: 15, PK: 24, PL: 28, PS: 29, PT: 25 },
  ...{ QA: 29, RO: 24, RS: 22, SA: 24, SC: 31, SE: 24, SI: 19, SK: 24, SM: 27, ST: 25, SV: 28, TL: 23, TN: 24, TR: 26, UA: 29 },
  ...{ VA: 22, VG: 24, XK: 20 },
};

/** ISO 13616: the number with its first four characters at the end, letters as 10 to 35, leaves 1 when divided by 97. */
export function iban(text: string): boolean {
  if (IBAN_LENGTHS[text.slice(0, 2)] !== text.length) return false;
  const moved = text.slice(4) + text.slice(0, 4);
  return (
    remainder(
      moved.replace(/[A-Z]/g, (letter) => String(letter.charCodeAt(0) - 55)),
      97,
    ) === 1
  );
}

/** Spanish DNI (8 digits and a letter) and NIE (X, Y or Z, 7 digits and a letter). */
export function spanishId(text: string): boolean {
  const number = text.slice(0, -1).replace(/^[XYZ]/, (letter) => String('XYZ'.indexOf(letter)));
  return 'TRWAGMYFPDXBNJZSQVHLCKE'.charAt(Number(number) % 23) === text.slice(-1);
}

/** French NIR: 13 characters and a key of two digits. Corsican departments 2A and 2B count as 19 and 18. */
export function frenchId(text: string): boolean {
  const number = text.slice(0, 13).replace('2A', '19').replace('2B', '18');
  return /^\d{13}$/.test(number) && 97 - remainder(number, 97) === Number(text.slice(13));
}

/** Dutch BSN: nine digits; the sum with the weights 9 to 2 and -1 is a multiple of 11. */
export function dutchId(digits: string): boolean {
  const sum = digitsOf(digits).reduce((total, digit, at) => total + digit * (at === 8 ? -1 : 9 - at), 0);
  return sum % 11 === 0 && Number(digits) > 0;
}

/** German tax id: ISO/IEC 7064, MOD 11,10; of the first ten digits exactly one occurs twice or three times. */
export function germanTaxId(digits: string): boolean {
  const first = digits.slice(0, 10);
  const times = [...new Set(first)].map((digit) => first.split(digit).length - 1);
  const repeated = times.filter((count) => count > 1);
  if (repeated.length !== 1 || (repeated[0] ?? 0) > 3 || digits.startsWith('0')) return false;
  const product = digitsOf(first).reduce((rest, digit) => (((digit + rest) % 10 || 10) * 2) % 11, 10);
  return (11 - product) % 10 === Number(digits[10]);
}

/** Values of characters at odd places of the codice fiscale, digits first (Decreto ministeriale 23/12/1976). */
const ODD = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];

/** Italian codice fiscale: 16 characters, the last one checks the others. */
export function italianId(text: string): boolean {
  const value = (character: string): number => (/\d/.test(character) ? Number(character) : character.charCodeAt(0) - 65);
  const sum = Array.from(text.slice(0, 15), value).reduce((total, one, at) => total + (at % 2 === 0 ? (ODD[one] ?? 0) : one), 0);
  return String.fromCharCode(65 + (sum % 26)) === text.slice(15);
}

/** Brazilian CPF: 11 digits, the last two check the others. Numbers of one digit repeated are none. */
export function brazilianId(digits: string): boolean {
  const check = (count: number): number => {
    const sum = digitsOf(digits.slice(0, count)).reduce((total, digit, at) => total + digit * (count + 1 - at), 0);
    return ((sum * 10) % 11) % 10;
  };
  return !/^(\d)\1*$/.test(digits) && check(9) === Number(digits[9]) && check(10) === Number(digits[10]);
}

/** The dihedral group of ten elements: rotations 0 to 4, reflections 5 to 9. */
function compose(a: number, b: number): number {
  if (a < 5) return b < 5 ? (a + b) % 5 : 5 + ((a + b - 5) % 5);
  return b < 5 ? 5 + ((a - 5 - b + 5) % 5) : (a - b + 5) % 5;
}

const PERMUTATION = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];

function permuted(digit: number, times: number): number {
  return times === 0 ? digit : permuted(PERMUTATION[digit] ?? 0, times - 1);
}

/** Verhoeff, "Error Detecting Decimal Codes", 1969: Indian Aadhaar numbers. */
export function verhoeff(digits: string): boolean {
  return (
    digitsOf(digits)
      .reverse()
      .reduce((check, digit, at) => compose(check, permuted(digit, at % 8)), 0) === 0
  );
}
