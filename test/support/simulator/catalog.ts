/** JSON text of an array, kept as text: `1.10` is not to become `1.1` on the way through. */
export function checkCatalog(jsonText: string): string {
  if (!Array.isArray(JSON.parse(jsonText))) throw new SyntaxError('A catalog is a JSON array of items');
  return jsonText;
}

const PRODUCTS = [
  { name: 'Harbour Blend Coffee', category: 'DRINKS', cents: 199 },
  { name: 'Willow Spring Water', category: 'DRINKS', cents: 89 },
  { name: 'Northgate Cola', category: 'DRINKS', cents: 149 },
  { name: 'Blue Barn Milk', category: 'DAIRY', cents: 175 },
  { name: 'Tin Roof Pretzels', category: 'SNACKS', cents: 229 },
  { name: 'Cedar Lane Almonds', category: 'SNACKS', cents: 415 },
  { name: 'Maple Street Granola', category: 'SNACKS', cents: 365 },
  { name: 'Lantern Washer Fluid', category: 'AUTOMOTIVE', cents: 333 },
  { name: 'Lantern Motor Oil', category: 'AUTOMOTIVE', cents: 899 },
  { name: 'Corner Store Ice', category: 'HOUSEHOLD', cents: 250 },
];
const SIZES = ['small', 'medium', 'large', 'family'];

/** Forty items of a store that does not exist. */
export function madeUpCatalog(): string {
  const items = PRODUCTS.flatMap(({ name, category, cents }, product) =>
    SIZES.map((size, step) => ({
      sku: String(10_000 + product * 10 + step),
      name: `${name} ${size}`,
      price: (cents * (step + 1)) / 100,
      category,
      description: `${name}, ${size} pack`,
    })),
  );
  return JSON.stringify(items);
}
