CREATE TABLE products (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    text TEXT NOT NULL,
    cents INTEGER NOT NULL CHECK (cents > 0)
);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    product INTEGER NOT NULL REFERENCES products (id),
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    cents INTEGER NOT NULL,
    at TEXT NOT NULL
);
INSERT INTO products (name, text, cents) VALUES
    ('Tide clock', 'One hand, twelve hours and twenty-five minutes.', 8900),
    ('Sea chart, folded', 'The estuary from the lock to the bar, 1:25,000.', 1950),
    ('Brass lantern', 'Burns a night on one filling.', 6400),
    ('Rope, 20 m', 'Three-strand, does not float.', 2700),
    ('Oilskin jacket', 'Long in the back, for people who bend over nets.', 14900),
    ('Harbour mug', 'Wide at the foot, so that it stays where it is.', 1400),
    ('Gauge board', 'Two metres, white on blue, read from the far bank.', 5200),
    ('Sluice key', 'Cast iron, fits square spindles of 32 mm.', 4100),
    ('Cork float', 'Painted by hand, each one a little different.', 850),
    ('Wool cap', 'Warm when wet.', 2400),
    ('Boat hook', 'Ash, 1.8 m, bronze head.', 4800),
    ('Almanac', 'High and low water for every day of the year.', 1650);
